package s3store

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"allasfs/objstore"
)

// Get streams the range with one GET, with If-Match.
func (s *Store) Get(ctx context.Context, v objstore.Version, off, n int64) (io.ReadCloser, error) {
	body, err := s.get(ctx, wanted{v, off, n})
	if err != nil {
		return nil, &objstore.Error{Op: "get", Bucket: v.Bucket, Key: v.Key, Offset: off, Err: err}
	}
	return body, nil
}

// wanted is a range of a version that is asked for.
type wanted struct {
	v      objstore.Version
	off, n int64
}

// get sends the request and checks that its answer is what was asked for.
func (s *Store) get(ctx context.Context, w wanted) (io.ReadCloser, error) {
	if err := checkNames(w.v.Bucket, w.v.Key); err != nil {
		return nil, err
	}
	if w.off < 0 || w.n <= 0 || w.n > w.v.Size-w.off {
		return nil, fmt.Errorf("%d bytes are not within an object of %d bytes", w.n, w.v.Size)
	}
	get, cancel := context.WithCancel(ctx)
	out, err := s.send(get, w)
	if err != nil {
		cancel()
		return nil, explain(ctx, err)
	}
	if err := w.check(out); err != nil {
		cancel()
		out.Body.Close()
		return nil, err
	}
	return &body{ctx: ctx, cancel: cancel, rc: out.Body, v: w.v, off: w.off, left: w.n}, nil
}

func (s *Store) send(ctx context.Context, w wanted) (*s3.GetObjectOutput, error) {
	in := &s3.GetObjectInput{
		Bucket: &w.v.Bucket, Key: &w.v.Key, Range: aws.String(fmt.Sprintf("bytes=%d-%d", w.off, w.off+w.n-1)),
	}
	if isManifest(w.v) {
		return s.single.GetObject(ctx, in)
	}
	in.IfMatch = aws.String(`"` + w.v.ETag + `"`)
	return s.client.GetObject(ctx, in)
}

// check compares the answer's own version and range with what was asked for.
func (w wanted) check(out *s3.GetObjectOutput) error {
	contentRange := func(off int64) string { return fmt.Sprintf("bytes %d-%d/%d", off, w.off+w.n-1, w.v.Size) }
	answered := aws.ToString(out.ContentRange)
	ok := answered == contentRange(w.off) ||
		answered == contentRange(0) && isManifest(w.v) ||
		answered == "" && w.n == w.v.Size // 200 OK: the answer is the object, and so was the question
	switch etag := validator(out.ETag, w.v.Size, out.LastModified, out.ResultMetadata); {
	case etag != w.v.ETag:
		return fmt.Errorf("%w: it has the ETag %q now, not %q", objstore.ErrChanged, etag, w.v.ETag)
	case !ok:
		return fmt.Errorf("%w: the answer has the range %q, not %q", objstore.ErrChanged, answered, contentRange(w.off))
	case out.ContentLength == nil || *out.ContentLength != w.n:
		return fmt.Errorf("%w: the answer isn't %d bytes long", objstore.ErrChanged, w.n)
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
	case b.ctx.Err() != nil: // the transport may take a moment to notice
		return 0, b.fail(context.Cause(b.ctx))
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
	return n, b.fail(explainBody(b.ctx, err))
}

func (b *body) fail(err error) error {
	return &objstore.Error{Op: "get", Bucket: b.v.Bucket, Key: b.v.Key, Offset: b.off, Err: err}
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
