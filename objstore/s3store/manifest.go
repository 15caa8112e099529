package s3store

import (
	"fmt"
	"strings"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"allasfs/objstore"
)

// A manifest is an object that was uploaded in segments with Swift. Ceph joins them for S3 as well, but not without
// faults. Seen with version 16.2, for dynamic (DLO) and static (SLO) large objects:
//
//   - listings show the ETag of no bytes, and the size of the manifest: 0 for a DLO, some hundred bytes for an SLO;
//   - HEAD and GET show the whole size, but for an SLO the ETag of no bytes, whatever is in it;
//   - If-Match with the ETag that HEAD gave is answered with 412 for a DLO;
//   - the Content-Range of a GET begins with 0 whatever the range, while its end, its length and the bytes are right;
//   - a byte too many is sent where a range ends inside of a segment, and begins the next answer on the connection.
//
// So a listed manifest gets the size 0 to be looked at with HEAD, and the version that HEAD then gives carries a mark
// and the time of the manifest's last change, in seconds: more than this S3 doesn't tell. GETs of such a version go
// without If-Match, on a connection of their own; the answer's own version is compared, which belongs to the bytes that
// follow it. That somebody replaces a single segment beneath an SLO can't be seen.

// emptyMD5 is the ETag of no bytes.
const emptyMD5 = "d41d8cd98f00b204e9800998ecf8427e"

const manifestMark = "manifest:"

func isManifest(v objstore.Version) bool { return strings.HasPrefix(v.ETag, manifestMark) }

// validator is the ETag of a [objstore.Version], from the answer to a HEAD or a GET of an object with the given size.
func validator(etag *string, size int64, modified *time.Time, answer middleware.Metadata) string {
	bare := bareETag(etag)
	if !fromManifest(answer) && (bare != emptyMD5 || size == 0) || modified == nil {
		return bare
	}
	return fmt.Sprintf("%s%s:%x", manifestMark, bare, modified.Unix())
}

// fromManifest says whether the headers of an answer tell of a manifest.
func fromManifest(answer middleware.Metadata) bool {
	raw, ok := awsmiddleware.GetRawResponse(answer).(*smithyhttp.Response)
	return ok && (raw.Header.Get("X-Object-Manifest") != "" || raw.Header.Get("X-Object-Meta-Static-Large-Object") != "")
}
