package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"allasfs/objstore"
)

// Get streams the range with one GET, with If-Match.
//
// Ceph answers 412 to If-Match for objects that were uploaded in segments with Swift, even with the right ETag. So a
// 412 is checked with a HEAD: when that still gives v, GET goes without If-Match and the ETag of its own answer is
// compared, which belongs to the bytes that follow it.
func (s *Store) Get(ctx context.Context, v objstore.Version, off, n int64) (io.ReadCloser, error) {
	at := objstore.Error{Op: "get", Bucket: v.Bucket, Key: v.Key, Offset: off}
	body, err := s.get(ctx, v, off, n)
	if err != nil {
		at.Err = err
		return nil, &at
	}
	return body, nil
}

func (s *Store) get(ctx context.Context, v objstore.Version, off, n int64) (io.ReadCloser, error) {
	if err := checkNames(v.Bucket, v.Key); err != nil {
		return nil, err
	}
	if off < 0 || n <= 0 || n > v.Size-off {
		return nil, fmt.Errorf("%d bytes are not within an object of %d bytes", n, v.Size)
	}
	if s.manifests.has(v) {
		return s.open(ctx, v, off, n, nil)
	}
	body, err := s.open(ctx, v, off, n, quotedETag(v))
	if !errors.Is(err, errPrecondition) {
		return body, err
	}
	now, herr := s.head(ctx, v.Bucket, v.Key)
	switch {
	case herr != nil:
		return nil, herr
	case now.Version != v:
		return nil, err
	}
	s.manifests.add(v)
	return s.open(ctx, v, off, n, nil)
}

// open sends one GET and checks that its answer is what was asked for.
func (s *Store) open(ctx context.Context, v objstore.Version, off, n int64, ifMatch *string) (io.ReadCloser, error) {
	get, cancel := context.WithCancel(ctx)
	out, err := s.client.GetObject(get, &s3.GetObjectInput{
		Bucket: &v.Bucket, Key: &v.Key, IfMatch: ifMatch, Range: aws.String(fmt.Sprintf("bytes=%d-%d", off, off+n-1)),
	})
	if err != nil {
		cancel()
		return nil, explain(ctx, err)
	}
	if err := checkAnswer(out, v, off, n); err != nil {
		cancel()
		out.Body.Close()
		return nil, err
	}
	return &body{ctx: ctx, cancel: cancel, rc: out.Body, v: v, off: off, left: n}, nil
}

func checkAnswer(out *s3.GetObjectOutput, v objstore.Version, off, n int64) error {
	answered, asked := aws.ToString(out.ContentRange), fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, v.Size)
	whole := answered == "" && n == v.Size // 200 OK: the answer is the object, and so was the question
	switch etag := bareETag(out.ETag); {
	case etag != v.ETag:
		return fmt.Errorf("%w: it has the ETag %q now, not %q", objstore.ErrChanged, etag, v.ETag)
	case answered != asked && !whole:
		return fmt.Errorf("%w: the store answered with the range %q, not %q", objstore.ErrChanged, answered, asked)
	case out.ContentLength == nil || *out.ContentLength != n:
		return fmt.Errorf("%w: the answer isn't %d bytes long", objstore.ErrChanged, n)
	}
	return nil
}

// body is the answer of one GET, of which left bytes are still to come.
type body struct {
	ctx    context.Context // of Get
	cancel context.CancelFunc
	rc     io.ReadCloser
	v      objstore.Version
	off    int64
	left   int64
	closed bool
}

func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.closed:
		return 0, fs.ErrClosed
	case b.left == 0:
		return 0, io.EOF
	}
	n, err := b.rc.Read(p[:min(int64(len(p)), b.left)])
	b.off += int64(n)
	b.left -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF && b.left == 0:
		return n, io.EOF
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, &objstore.Error{Op: "get", Bucket: b.v.Bucket, Key: b.v.Key, Offset: b.off, Err: explainBody(b.ctx, err)}
}

const (
	drainBytes = 64 << 10               // this much is read to the end, so that the connection can be used again
	drainTime  = 100 * time.Millisecond // but no longer than this
)

// Close ends the GET.
func (b *body) Close() error {
	if b.closed {
		return nil
	}
	b.closed = true
	defer b.cancel()
	if b.left <= drainBytes {
		patience := time.AfterFunc(drainTime, b.cancel)
		defer patience.Stop()
		io.Copy(io.Discard, io.LimitReader(b.rc, b.left+1)) // one more, to see the end
	} else {
		b.cancel()
	}
	b.rc.Close() // what it says of an abandoned answer is of no use to anybody
	return nil
}

// manifests remembers which versions Ceph doesn't compare, so that their later GETs take one request. They are few: the
// set is emptied when it is full.
type manifests struct {
	mu  sync.Mutex
	set map[objstore.Version]struct{}
}

const maxManifests = 4096

func (m *manifests) has(v objstore.Version) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.set[v]
	return ok
}

func (m *manifests) add(v objstore.Version) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.set == nil || len(m.set) >= maxManifests {
		m.set = map[objstore.Version]struct{}{}
	}
	m.set[v] = struct{}{}
}
