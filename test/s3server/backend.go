package s3server

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/rclone/gofakes3"
)

// backend is the shelf as the protocol layer wants to see it.
type backend struct{ *shelf }

var _ gofakes3.Backend = (*backend)(nil)

func (b *backend) ListBuckets(ctx context.Context) ([]gofakes3.BucketInfo, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	who, _ := ctx.Value(accessKey{}).(string)
	var out []gofakes3.BucketInfo
	for name, bk := range b.buckets {
		if bk.owner == who {
			out = append(out, gofakes3.BucketInfo{Name: name, CreationDate: gofakes3.NewContentTime(bk.created)})
		}
	}
	slices.SortFunc(out, func(x, y gofakes3.BucketInfo) int { return strings.Compare(x.Name, y.Name) })
	return out, nil
}

func (b *backend) ListBucket(_ context.Context, name string, p *gofakes3.Prefix, page gofakes3.ListBucketPage) (*gofakes3.ObjectList, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bk := b.buckets[name]
	if bk == nil {
		return nil, gofakes3.BucketNotFound(name)
	}
	if p == nil {
		p = &gofakes3.Prefix{}
	}
	limit := int(page.MaxKeys)
	if limit <= 0 {
		limit = gofakes3.MaxBucketKeys
	}
	entries, more := bk.list(p.Prefix, p.Delimiter, page.Marker, limit)
	out := gofakes3.NewObjectList()
	out.IsTruncated = more
	for _, e := range entries {
		if e.object == nil {
			out.AddPrefix(e.name)
		} else {
			out.Add(content(e))
		}
	}
	if more {
		out.NextMarker = entries[len(entries)-1].name
	}
	return out, nil
}

func content(e entry) *gofakes3.Content {
	etag, size := e.object.etag, e.object.size
	if e.object.manifest {
		etag, size = md5.Sum(nil), 0
	}
	return &gofakes3.Content{
		Key: e.name, Size: size, ETag: `"` + hex.EncodeToString(etag[:]) + `"`,
		LastModified: gofakes3.NewContentTime(e.object.modified),
	}
}

func (b *backend) CreateBucket(ctx context.Context, name string) error {
	who, _ := ctx.Value(accessKey{}).(string)
	if b.create(name, who) != nil {
		return gofakes3.ResourceError(gofakes3.ErrBucketAlreadyExists, name)
	}
	return nil
}

func (b *backend) BucketExists(_ context.Context, name string) (bool, error) {
	_, known := b.owner(name)
	return known, nil
}

func (b *backend) DeleteBucket(_ context.Context, name string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch bk := b.buckets[name]; {
	case bk == nil:
		return gofakes3.BucketNotFound(name)
	case len(bk.keys) > 0:
		return gofakes3.ResourceError(gofakes3.ErrBucketNotEmpty, name)
	}
	delete(b.buckets, name)
	return nil
}

func (b *backend) HeadObject(_ context.Context, bucketName, key string) (*gofakes3.Object, error) {
	o, err := b.lookup(bucketName, key)
	if err != nil {
		return nil, err
	}
	return answer(key, o, nil, io.NopCloser(bytes.NewReader(nil))), nil
}

func (b *backend) GetObject(_ context.Context, bucketName, key string, rr *gofakes3.ObjectRangeRequest) (*gofakes3.Object, error) {
	o, err := b.lookup(bucketName, key)
	if err != nil {
		return nil, err
	}
	rng, err := rr.Range(o.size)
	if err != nil {
		return nil, err
	}
	off, n := int64(0), o.size
	if rng != nil {
		off, n = rng.Start, rng.Length
	}
	body, err := o.open(off, n)
	if err != nil {
		return nil, err
	}
	return answer(key, o, rng, body), nil
}

func (b *backend) lookup(bucketName, key string) (*object, error) {
	switch o, err := b.find(bucketName, key); {
	case errors.Is(err, errNoBucket):
		return nil, gofakes3.BucketNotFound(bucketName)
	case o == nil:
		return nil, gofakes3.KeyNotFound(key)
	default:
		return o, nil
	}
}

func answer(key string, o *object, rng *gofakes3.ObjectRange, body io.ReadCloser) *gofakes3.Object {
	meta := map[string]string{"Last-Modified": o.modified.UTC().Format(http.TimeFormat)}
	for k, v := range o.meta {
		if k != "Last-Modified" {
			meta[k] = v
		}
	}
	return &gofakes3.Object{Name: key, Metadata: meta, Size: o.size, Contents: body, Hash: o.etag[:], Range: rng}
}

// open returns n bytes of the body from off on.
func (o *object) open(off, n int64) (io.ReadCloser, error) {
	if o.path == "" {
		return io.NopCloser(bytes.NewReader(o.bytes[off : off+n])), nil
	}
	f, err := os.Open(o.path)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(off, io.SeekStart); err != nil {
		f.Close()
		return nil, err
	}
	return &fileRange{io.LimitedReader{R: f, N: n}, f}, nil
}

// fileRange hands its file to the writer in the form that net/http recognises for sendfile.
type fileRange struct {
	io.LimitedReader
	f *os.File
}

// WriteTo copies what is left of the range to w.
func (r *fileRange) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, &r.LimitedReader) }

// Close closes the file.
func (r *fileRange) Close() error { return r.f.Close() }

func (b *backend) PutObject(_ context.Context, bucketName, key string, meta map[string]string, in io.Reader, size int64) (gofakes3.PutObjectResult, error) {
	o, err := b.take(in, size)
	if err != nil {
		return gofakes3.PutObjectResult{}, err
	}
	o.meta = meta
	if b.place(bucketName, key, o) != nil {
		return gofakes3.PutObjectResult{}, gofakes3.BucketNotFound(bucketName)
	}
	return gofakes3.PutObjectResult{}, nil
}

func (b *backend) CopyObject(_ context.Context, srcBucket, srcKey, dstBucket, dstKey string, meta map[string]string) (gofakes3.CopyObjectResult, error) {
	o, err := b.lookup(srcBucket, srcKey)
	if err != nil {
		return gofakes3.CopyObjectResult{}, err
	}
	c := *o
	c.meta = meta
	if b.place(dstBucket, dstKey, &c) != nil {
		return gofakes3.CopyObjectResult{}, gofakes3.BucketNotFound(dstBucket)
	}
	return gofakes3.CopyObjectResult{
		ETag: `"` + hex.EncodeToString(c.etag[:]) + `"`, LastModified: gofakes3.NewContentTime(c.modified),
	}, nil
}

func (b *backend) DeleteObject(_ context.Context, bucketName, key string) (gofakes3.ObjectDeleteResult, error) {
	if b.remove(bucketName, key) != nil {
		return gofakes3.ObjectDeleteResult{}, gofakes3.BucketNotFound(bucketName)
	}
	return gofakes3.ObjectDeleteResult{}, nil
}

func (b *backend) DeleteMulti(_ context.Context, bucketName string, keys ...string) (gofakes3.MultiDeleteResult, error) {
	var out gofakes3.MultiDeleteResult
	for _, k := range keys {
		if b.remove(bucketName, k) != nil {
			return out, gofakes3.BucketNotFound(bucketName)
		}
		out.Deleted = append(out.Deleted, gofakes3.ObjectID{Key: k})
	}
	return out, nil
}
