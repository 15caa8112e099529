// Package largeobject is what both of the store's protocols need to know of objects that were uploaded in segments with
// Swift. Such an object is a manifest:
//
//   - a dynamic one (DLO) holds BUCKET/PREFIX: the object is whatever begins with that, one after the other;
//   - a static one (SLO) holds a list of segments, which is shown over Swift to those who ask for it, and never over S3.
//
// Ceph's gateway (seen with version 16.2) joins segments itself, but
//
//   - listings show the ETag of no bytes, and the size of the manifest: 0 for a DLO, some hundred bytes for an SLO;
//   - a segment that a DLO lacks isn't missed: the object is shorter, and what comes behind it moves up;
//   - a DLO is refused to other projects than the owner's, even if they may read the manifest and each segment;
//   - where an SLO lacks a segment, GET says 404 or breaks off, and nobody says which segment it was.
//
// So a DLO is read segment by segment here ([Joiner]), and the segment of an SLO that made a GET fail is searched for
// under the names that Swift's tools give ([Blame]).
package largeobject

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"allasfs/objstore"
)

// EmptyMD5 is the ETag of no bytes, with which a manifest is listed.
const EmptyMD5 = "d41d8cd98f00b204e9800998ecf8427e"

// SegmentsSuffix is what Swift's tools add to the name of a bucket for that of the one with its objects' segments.
const SegmentsSuffix = "_segments"

const (
	staticMark  = "manifest:"
	dynamicMark = "segments:"
)

// StaticETag is the ETag of an SLO's [objstore.Version]. That of the answer alone doesn't tell whether somebody has
// replaced the manifest: the time of its last change is more than Ceph tells otherwise, in seconds.
func StaticETag(bare string, modified time.Time) string { return mark(staticMark, bare, modified) }

// DynamicETag is the ETag of a DLO's [objstore.Version]. The answer's own is the MD5 of those of its segments.
func DynamicETag(bare string, modified time.Time) string { return mark(dynamicMark, bare, modified) }

func mark(mark, bare string, modified time.Time) string {
	return fmt.Sprintf("%s%s:%x", mark, bare, modified.Unix())
}

// IsStatic tells whether the version is that of an SLO.
func IsStatic(v objstore.Version) bool { return strings.HasPrefix(v.ETag, staticMark) }

// IsDynamic tells whether the version is that of a DLO.
func IsDynamic(v objstore.Version) bool { return strings.HasPrefix(v.ETag, dynamicMark) }

// parts takes a marked ETag apart.
func parts(etag string) (bare, modified string) {
	_, rest, _ := strings.Cut(etag, ":")
	bare, modified, _ = strings.Cut(rest, ":")
	return bare, modified
}

// Error says which segment it is that can't be read. The cause of a missing one is [objstore.ErrIncomplete].
type Error struct {
	Bucket string
	Key    string // empty where the segments can't even be listed
	Err    error
}

func (e *Error) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("segments in %s: %v", e.Bucket, e.Err)
	}
	return fmt.Sprintf("segment %s/%s: %v", e.Bucket, e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// cause returns what is wrong without the name of the segment, which an Error gives itself.
func cause(err error) error {
	if e, ok := errors.AsType[*objstore.Error](err); ok {
		return e.Err
	}
	return err
}
