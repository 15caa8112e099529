package s3store

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"allasfs/objstore"
)

// checkNames answers for names that no store can have, and that the SDK would refuse or send as something else: with a
// slash in the bucket or an empty key, the address is another object's. A colon in a bucket would make it an ARN.
func checkNames(bucket, key string) error {
	if err := checkBucket(bucket); err != nil {
		return err
	}
	if key == "" {
		return objstore.ErrNotExist
	}
	return nil
}

func checkBucket(bucket string) error {
	if bucket == "" || bucket == "." || bucket == ".." || strings.ContainsAny(bucket, "/:") {
		return objstore.ErrNoBucket
	}
	return nil
}

// bareETag takes quotes and weak prefix off.
func bareETag(etag *string) string {
	return strings.Trim(strings.TrimPrefix(aws.ToString(etag), "W/"), `"`)
}
