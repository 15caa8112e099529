package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"allasfs/objstore"
)

// Access is who may use a bucket, as its owner is told. Grants made with Swift aren't in it: Ceph doesn't show them over
// S3. Objects have ACLs of their own besides.
type Access struct {
	Bucket string
	Owner  Project
	Grants []Grant // the bucket's ACL
	Policy Policy
}

// Grant is a line of an ACL.
type Grant struct {
	To         Project // the zero value for a group
	Group      string  // URI
	Permission string  // READ, WRITE, READ_ACP, WRITE_ACP, FULL_CONTROL
}

// errTaken: bucket names are unique across all projects of a store.
var errTaken = errors.New("another project has a bucket of this name")

// Endpoint returns the URL of the store.
func (s *Store) Endpoint() string { return s.address.endpoint.String() }

// Self returns the project that the credentials belong to, and the names of its buckets.
func (s *Store) Self(ctx context.Context) (Project, []string, error) {
	out, err := s.client.ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		return Project{}, nil, &objstore.Error{Op: "buckets", Err: explain(ctx, err)}
	}
	names := make([]string, len(out.Buckets))
	for i, b := range out.Buckets {
		names[i] = aws.ToString(b.Name)
	}
	return projectFrom(out.Owner), names, nil
}

func projectFrom(o *types.Owner) Project {
	if o == nil {
		return Project{}
	}
	return Project{ID: sameID(aws.ToString(o.ID)), Name: aws.ToString(o.DisplayName)}
}

// Access reads ACL and policy of a bucket. Whoever isn't its owner gets [objstore.ErrDenied], as a rule.
func (s *Store) Access(ctx context.Context, bucket string) (Access, error) {
	a, err := s.access(ctx, bucket)
	if err != nil {
		return Access{}, &objstore.Error{Op: "access", Bucket: bucket, Err: err}
	}
	return a, nil
}

func (s *Store) access(ctx context.Context, bucket string) (Access, error) {
	if err := checkBucket(bucket); err != nil {
		return Access{}, err
	}
	acl, err := s.client.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &bucket})
	if err != nil {
		return Access{}, explain(ctx, err)
	}
	a := Access{Bucket: bucket, Owner: projectFrom(acl.Owner)}
	for _, g := range acl.Grants {
		a.Grants = append(a.Grants, grantFrom(g))
	}
	a.Policy, err = s.policy(ctx, bucket)
	return a, err
}

func grantFrom(g types.Grant) Grant {
	out := Grant{Permission: string(g.Permission)}
	if g.Grantee != nil {
		out.To = Project{ID: sameID(aws.ToString(g.Grantee.ID)), Name: aws.ToString(g.Grantee.DisplayName)}
		out.Group = aws.ToString(g.Grantee.URI)
	}
	return out
}

func (s *Store) policy(ctx context.Context, bucket string) (Policy, error) {
	out, err := s.client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &bucket})
	if errorCode(err) == "NoSuchBucketPolicy" {
		return Policy{}, nil
	}
	if err != nil {
		return Policy{}, explain(ctx, err)
	}
	return ParsePolicy(aws.ToString(out.Policy))
}

func errorCode(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// SetPolicy replaces the policy that a has by next, and reads it again to be sure. S3 has no condition for that, so the
// policy is compared once more just before: [objstore.ErrChanged] means that somebody else has changed it. A statement
// that would lock the owner out is refused.
func (s *Store) SetPolicy(ctx context.Context, a Access, next Policy) error {
	if err := s.setPolicy(ctx, a, next); err != nil {
		return &objstore.Error{Op: "set policy", Bucket: a.Bucket, Err: err}
	}
	return nil
}

func (s *Store) setPolicy(ctx context.Context, a Access, next Policy) error {
	added, _ := a.Policy.Changes(next)
	for _, statement := range added {
		if a.locksOut(statement) {
			return fmt.Errorf("statement %s would lock the owner out", statement.Sid)
		}
	}
	if err := s.expect(ctx, a.Bucket, a.Policy); err != nil {
		return err
	}
	if err := s.putPolicy(ctx, a.Bucket, next); err != nil {
		return explain(ctx, err)
	}
	return s.expect(ctx, a.Bucket, next)
}

func (s *Store) putPolicy(ctx context.Context, bucket string, p Policy) error {
	if len(p.statements) == 0 {
		_, err := s.client.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: &bucket})
		return err
	}
	_, err := s.client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: aws.String(p.Marshal())})
	return err
}

// expect sees that the bucket's policy is p.
func (s *Store) expect(ctx context.Context, bucket string, p Policy) error {
	now, err := s.policy(ctx, bucket)
	if err != nil {
		return err
	}
	if !now.Equal(p) {
		return fmt.Errorf("%w: somebody else has changed the bucket's policy", objstore.ErrChanged)
	}
	return nil
}

// MakeBucket makes a bucket. To make one that is ours already is no error.
func (s *Store) MakeBucket(ctx context.Context, bucket string) error {
	err := checkBucket(bucket)
	if err == nil {
		_, err = s.client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket})
		switch errorCode(err) {
		case "BucketAlreadyOwnedByYou":
			return nil
		case "BucketAlreadyExists":
			err = errTaken
		case "InvalidBucketName":
			err = errors.New("a bucket's name has 3 to 63 lower case letters, digits, hyphens and dots")
		default:
			if err == nil {
				return nil
			}
			err = explain(ctx, err)
		}
	}
	return &objstore.Error{Op: "make bucket", Bucket: bucket, Err: err}
}

// PutSmall stores a small object as it is.
func (s *Store) PutSmall(ctx context.Context, bucket, key string, data []byte) error {
	err := checkNames(bucket, key)
	if err == nil {
		_, err = s.client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &bucket, Key: &key, Body: bytes.NewReader(data), ContentLength: aws.Int64(int64(len(data))),
		})
		if err == nil {
			return nil
		}
		err = explain(ctx, err)
	}
	return &objstore.Error{Op: "put", Bucket: bucket, Key: key, Err: err}
}

// Owned is an object and who uploaded it.
type Owned struct {
	objstore.Object
	Owner Project
}

// ListOwned is [Store.List] for the objects of a whole bucket, with their owners, from a token on.
func (s *Store) ListOwned(ctx context.Context, bucket, token string) (objects []Owned, next string, err error) {
	page, owners, err := s.listOwned(ctx, bucket, "", token, pageLimit)
	if err != nil {
		return nil, "", &objstore.Error{Op: "list", Bucket: bucket, Err: err}
	}
	for i, o := range page.Objects {
		objects = append(objects, Owned{o, owners[i]})
	}
	return objects, page.Next, nil
}

func (s *Store) listOwned(ctx context.Context, bucket, prefix, token string, limit int32) (
	objstore.Page, []Project, error,
) {
	if err := checkBucket(bucket); err != nil {
		return objstore.Page{}, nil, err
	}
	in := &s3.ListObjectsV2Input{
		Bucket: &bucket, Prefix: optional(prefix), MaxKeys: &limit,
		EncodingType: types.EncodingTypeUrl, FetchOwner: aws.Bool(true),
	}
	if token != "" {
		next, _, err := parseToken(token)
		if err != nil {
			return objstore.Page{}, nil, err
		}
		in.ContinuationToken = &next
	}
	out, err := s.client.ListObjectsV2(ctx, in)
	if err != nil {
		return objstore.Page{}, nil, explain(ctx, err)
	}
	owners := make([]Project, len(out.Contents))
	for i, c := range out.Contents {
		owners[i] = projectFrom(c.Owner)
	}
	page, err := decodePage(bucket, out, "")
	return page, owners, err
}
