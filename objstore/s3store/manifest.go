package s3store

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"allasfs/objstore"
	"allasfs/objstore/largeobject"
)

// What package largeobject says of objects in segments isn't all over S3. Of a static one,
//
//   - HEAD and GET show the ETag of no bytes, whatever is in it, if it was uploaded without those of its segments;
//   - the Content-Range of a GET begins with 0 whatever the range, while its end, its length and the bytes are right;
//   - a byte too many is sent where a range ends inside of a segment, and begins the next answer on the connection.
//
// So a listed manifest gets the size 0 to be looked at with HEAD. GETs of a static one go without If-Match, which would
// be of no use, and on a connection of their own; the answer's own version is compared, which belongs to the bytes that
// follow it. That somebody replaces a single segment beneath it can't be seen.

// validator is the ETag of a [objstore.Version], from the header of an answer to a HEAD or a GET of an object with the
// given size.
func validator(answer http.Header, size int64) string {
	etag := answer.Get("ETag")
	bare := bareETag(&etag)
	modified, err := http.ParseTime(answer.Get("Last-Modified"))
	switch {
	case err != nil:
		return bare
	case answer.Get(manifestHeader) != "":
		return largeobject.DynamicETag(bare, modified)
	case answer.Get("X-Object-Meta-Static-Large-Object") != "", bare == largeobject.EmptyMD5 && size > 0:
		return largeobject.StaticETag(bare, modified)
	}
	return bare
}

// manifestHeader says where the segments of a dynamic large object are.
const manifestHeader = "X-Object-Manifest"

// rawHeader returns the header of an answer with what the SDK doesn't know.
func rawHeader(answer middleware.Metadata) http.Header {
	raw, ok := awsmiddleware.GetRawResponse(answer).(*smithyhttp.Response)
	if !ok {
		return nil
	}
	return raw.Header
}

// manifest sends a HEAD.
func (s *Store) manifest(ctx context.Context, bucket, key string) (m largeobject.Manifest, err error) {
	out, err := s.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return m, explain(ctx, err)
	}
	if bareETag(out.ETag) == "" || out.ContentLength == nil {
		return m, errors.New("the store doesn't tell ETag and size")
	}
	header := rawHeader(out.ResultMetadata)
	etag := validator(header, *out.ContentLength)
	m.Version = objstore.Version{Bucket: bucket, Key: key, ETag: etag, Size: *out.ContentLength}
	m.Modified = *cmp.Or(out.LastModified, &time.Time{})
	m.Place = header.Get(manifestHeader)
	return m, nil
}

// blame finds out why a GET of a static large object failed.
func (s *Store) blame(ctx context.Context, w wanted, err error) error {
	if !largeobject.IsStatic(w.v) || !errors.Is(err, objstore.ErrNotExist) && !errors.Is(err, objstore.ErrDenied) {
		return err
	}
	m, headErr := s.manifest(ctx, w.v.Bucket, w.v.Key)
	switch {
	case headErr != nil:
		return err
	case m.Version != w.v:
		return w.changed(m.ETag)
	}
	return largeobject.Blame(ctx, s, w.v, w.off, err)
}
