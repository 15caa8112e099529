package swiftstore

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"allasfs/objstore"
	"allasfs/objstore/largeobject"
)

// validator is the ETag of a [objstore.Version] and the time of the last change, from an answer to HEAD or GET.
func validator(h http.Header) (etag string, modified time.Time) {
	etag = bareETag(h.Get("Etag"))
	modified, err := http.ParseTime(h.Get("Last-Modified"))
	switch {
	case etag == "" || err != nil:
		return etag, modified
	case h.Get("X-Object-Manifest") != "":
		return largeobject.DynamicETag(etag, modified), modified
	case h.Get("X-Static-Large-Object") != "":
		return largeobject.StaticETag(etag, modified), modified
	}
	return etag, modified
}

// bareETag takes quotes and weak prefix off.
func bareETag(etag string) string { return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`) }

// Get streams the range with one GET, with If-Match, or with one for each segment that it touches. GETs of a static
// large object go without If-Match, on a connection of their own: the answer's own version is compared.
func (s *Store) Get(ctx context.Context, v objstore.Version, off, n int64) (io.ReadCloser, error) {
	body, err := s.get(ctx, v, off, n)
	if err != nil {
		return nil, &objstore.Error{Op: "get", Bucket: v.Bucket, Key: v.Key, Offset: off, Err: err}
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
	if largeobject.IsDynamic(v) {
		return s.joiner.Get(ctx, v, off, n)
	}
	body, err := s.getRange(ctx, v, off, n)
	if err != nil {
		return nil, s.blame(ctx, v, off, err)
	}
	return body, nil
}

// getRange sends the request and checks that its answer is what was asked for.
func (s *Store) getRange(ctx context.Context, v objstore.Version, off, n int64) (io.ReadCloser, error) {
	r := request{method: http.MethodGet, bucket: v.Bucket, key: v.Key, single: largeobject.IsStatic(v)}
	r.header = http.Header{"Range": {fmt.Sprintf("bytes=%d-%d", off, off+n-1)}}
	if !r.single {
		r.header.Set("If-Match", `"`+v.ETag+`"`)
	}
	get, cancel := context.WithCancel(ctx)
	answer, err := s.send(get, r)
	if err == nil {
		if err = check(answer, v, off, n); err != nil {
			answer.Body.Close()
		}
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return &objstore.Answer{Context: ctx, Cancel: cancel, Body: answer.Body, Version: v, Offset: off, Left: n}, nil
}

// check compares the answer's own version and range with what was asked for.
func check(answer *http.Response, v objstore.Version, off, n int64) error {
	want := fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, v.Size)
	whole := answer.StatusCode == http.StatusOK && n == v.Size // the answer is the object, and so was the question
	etag, _ := validator(answer.Header)
	switch got := answer.Header.Get("Content-Range"); {
	case etag != v.ETag:
		return changed(v, etag)
	case got != want && !(whole && got == ""):
		return fmt.Errorf("%w: the answer has the range %q, not %q", objstore.ErrChanged, got, want)
	case answer.ContentLength != n:
		return fmt.Errorf("%w: the answer isn't %d bytes long", objstore.ErrChanged, n)
	}
	return nil
}

func changed(v objstore.Version, etag string) error {
	return fmt.Errorf("%w: it has the ETag %q now, not %q", objstore.ErrChanged, etag, v.ETag)
}
