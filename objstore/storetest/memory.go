package storetest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"allasfs/objstore"
)

// Memory is a store in memory, for the tests of whatever stands on a store. Its zero value is ready and empty. An
// object that is replaced while a body of it is open is read to its end as it was, as on S3.
type Memory struct {
	mu      sync.RWMutex
	buckets map[string]map[string]memoryObject
	puts    int
}

var _ objstore.Store = (*Memory)(nil)

type memoryObject struct {
	objstore.Object
	data []byte
}

// memoryPage is the number of entries in a page when the caller doesn't bound it.
const memoryPage = 1000

// MakeBucket makes an empty bucket, if there is none of that name.
func (m *Memory) MakeBucket(bucket string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.make(bucket)
}

func (m *Memory) make(bucket string) map[string]memoryObject {
	if m.buckets == nil {
		m.buckets = map[string]map[string]memoryObject{}
	}
	if m.buckets[bucket] == nil {
		m.buckets[bucket] = map[string]memoryObject{}
	}
	return m.buckets[bucket]
}

// Put stores a copy of data as a new version, and makes the bucket if need be.
func (m *Memory) Put(bucket, key string, data []byte) objstore.Version {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.puts++
	v := objstore.Version{Bucket: bucket, Key: key, ETag: fmt.Sprintf("put-%d", m.puts), Size: int64(len(data))}
	m.make(bucket)[key] = memoryObject{objstore.Object{Version: v, Modified: time.Now()}, bytes.Clone(data)}
	return v
}

// Delete removes an object.
func (m *Memory) Delete(bucket, key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.buckets[bucket], key)
}

// Buckets lists all buckets.
func (m *Memory) Buckets(ctx context.Context) ([]objstore.Bucket, error) {
	if err := ctx.Err(); err != nil {
		return nil, &objstore.Error{Op: "buckets", Err: context.Cause(ctx)}
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	var all []objstore.Bucket
	for _, name := range slices.Sorted(maps.Keys(m.buckets)) {
		all = append(all, objstore.Bucket{Name: name})
	}
	return all, nil
}

// List returns one page. The token is the last entry of the page before.
func (m *Memory) List(ctx context.Context, bucket string, o objstore.ListOptions) (objstore.Page, error) {
	fail := func(err error) (objstore.Page, error) {
		return objstore.Page{}, &objstore.Error{Op: "list", Bucket: bucket, Key: o.Prefix, Err: err}
	}
	if ctx.Err() != nil {
		return fail(context.Cause(ctx))
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	objects, ok := m.buckets[bucket]
	if !ok {
		return fail(objstore.ErrNoBucket)
	}
	return memoryList(objects, o), nil
}

func memoryList(objects map[string]memoryObject, o objstore.ListOptions) objstore.Page {
	if o.Max <= 0 {
		o.Max = memoryPage
	}
	after := o.StartAfter
	if o.Token != "" {
		after = o.Token
	}
	var page objstore.Page
	last := "" // the entry added last
	for _, key := range slices.Sorted(maps.Keys(objects)) {
		entry, isPrefix := rollUp(key, o)
		switch {
		case !strings.HasPrefix(key, o.Prefix), key <= after, isPrefix && (entry == last || entry == o.Token):
			continue
		case len(page.Objects)+len(page.Prefixes) == o.Max:
			page.Next = last
			return page
		case isPrefix:
			page.Prefixes = append(page.Prefixes, entry)
		default:
			page.Objects = append(page.Objects, objects[key].Object)
		}
		last = entry
	}
	return page
}

// rollUp returns what a listing shows for key: itself, or the prefix that it is rolled up into.
func rollUp(key string, o objstore.ListOptions) (entry string, isPrefix bool) {
	rest, ok := strings.CutPrefix(key, o.Prefix)
	if !ok || o.Delimiter == "" {
		return key, false
	}
	head, _, isPrefix := strings.Cut(rest, o.Delimiter)
	if !isPrefix {
		return key, false
	}
	return o.Prefix + head + o.Delimiter, true
}

// Head returns the current version.
func (m *Memory) Head(ctx context.Context, bucket, key string) (objstore.Object, error) {
	object, err := m.find(ctx, bucket, key)
	if err != nil {
		return objstore.Object{}, &objstore.Error{Op: "head", Bucket: bucket, Key: key, Err: err}
	}
	return object.Object, nil
}

func (m *Memory) find(ctx context.Context, bucket, key string) (memoryObject, error) {
	if ctx.Err() != nil {
		return memoryObject{}, context.Cause(ctx)
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	objects, ok := m.buckets[bucket]
	if !ok {
		return memoryObject{}, objstore.ErrNoBucket
	}
	object, ok := objects[key]
	if !ok {
		return memoryObject{}, objstore.ErrNotExist
	}
	return object, nil
}

// Get reads from the version that is current now.
func (m *Memory) Get(ctx context.Context, v objstore.Version, off, n int64) (io.ReadCloser, error) {
	fail := func(err error) (io.ReadCloser, error) {
		return nil, &objstore.Error{Op: "get", Bucket: v.Bucket, Key: v.Key, Offset: off, Err: err}
	}
	object, err := m.find(ctx, v.Bucket, v.Key)
	switch {
	case err != nil:
		return fail(err)
	case object.Version != v:
		return fail(objstore.ErrChanged)
	case off < 0 || n <= 0 || n > v.Size-off:
		return fail(fmt.Errorf("%d bytes are not within an object of %d bytes", n, v.Size))
	}
	return &memoryBody{ctx: ctx, at: v, off: off, rest: object.data[off : off+n]}, nil
}

type memoryBody struct {
	ctx  context.Context
	at   objstore.Version
	off  int64
	rest []byte
}

func (b *memoryBody) Read(p []byte) (int, error) {
	if b.ctx.Err() != nil {
		return 0, &objstore.Error{Op: "get", Bucket: b.at.Bucket, Key: b.at.Key, Offset: b.off, Err: context.Cause(b.ctx)}
	}
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	b.off += int64(n)
	return n, nil
}

func (b *memoryBody) Close() error {
	b.rest = nil
	return nil
}
