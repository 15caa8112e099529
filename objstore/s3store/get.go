package s3store

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"allasfs/objstore"
	"allasfs/objstore/largeobject"
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
	if largeobject.IsDynamic(w.v) {
		return s.joiner.Get(ctx, w.v, w.off, w.n)
	}
	get, cancel := context.WithCancel(ctx)
	answer, err := s.send(get, w)
	if err != nil {
		cancel()
		return nil, s.blame(ctx, w, explain(ctx, err))
	}
	if err := w.check(answer); err != nil {
		cancel()
		answer.Body.Close()
		return nil, err
	}
	return &objstore.Answer{Context: ctx, Cancel: cancel, Body: answer.Body, Version: w.v, Offset: w.off, Left: w.n}, nil
}

func (s *Store) send(ctx context.Context, w wanted) (*http.Response, error) {
	header := http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", w.off, w.off+w.n-1)}}
	if largeobject.IsStatic(w.v) {
		return s.single.get(ctx, w.v.Bucket, w.v.Key, header)
	}
	header.Set("If-Match", `"`+w.v.ETag+`"`)
	return s.getter.get(ctx, w.v.Bucket, w.v.Key, header)
}

// check compares the answer's own version and range with what was asked for.
func (w wanted) check(answer *http.Response) error {
	contentRange := func(off int64) string { return fmt.Sprintf("bytes %d-%d/%d", off, w.off+w.n-1, w.v.Size) }
	answered := answer.Header.Get("Content-Range")
	ok := answered == contentRange(w.off) ||
		answered == contentRange(0) && largeobject.IsStatic(w.v) ||
		answered == "" && w.n == w.v.Size // 200 OK: the answer is the object, and so was the question
	switch etag := validator(answer.Header, w.v.Size); {
	case etag != w.v.ETag:
		return w.changed(etag)
	case !ok:
		return fmt.Errorf("%w: the answer has the range %q, not %q", objstore.ErrChanged, answered, contentRange(w.off))
	case answer.ContentLength != w.n:
		return fmt.Errorf("%w: the answer isn't %d bytes long", objstore.ErrChanged, w.n)
	}
	return nil
}

func (w wanted) changed(etag string) error {
	return fmt.Errorf("%w: it has the ETag %q now, not %q", objstore.ErrChanged, etag, w.v.ETag)
}
