package swiftstore

import (
	"context"
	"errors"
	"net/http"

	"allasfs/objstore"
	"allasfs/objstore/largeobject"
)

// manifest sends a HEAD.
func (s *Store) manifest(ctx context.Context, bucket, key string) (m largeobject.Manifest, err error) {
	answer, err := s.send(ctx, request{method: http.MethodHead, bucket: bucket, key: key})
	if err != nil {
		return m, err
	}
	answer.Body.Close()
	etag, modified := validator(answer.Header)
	if etag == "" || answer.ContentLength < 0 {
		return m, errors.New("the store doesn't tell ETag and size")
	}
	m.Version = objstore.Version{Bucket: bucket, Key: key, ETag: etag, Size: answer.ContentLength}
	m.Modified = modified
	m.Place = answer.Header.Get("X-Object-Manifest")
	return m, nil
}

// blame finds out why a GET of a static large object failed.
func (s *Store) blame(ctx context.Context, v objstore.Version, off int64, err error) error {
	if !largeobject.IsStatic(v) || !errors.Is(err, objstore.ErrNotExist) && !errors.Is(err, objstore.ErrDenied) {
		return err
	}
	m, headErr := s.manifest(ctx, v.Bucket, v.Key)
	switch {
	case headErr != nil:
		return err
	case m.Version != v:
		return changed(v, m.ETag)
	}
	return largeobject.Blame(ctx, s, v, off, err)
}
