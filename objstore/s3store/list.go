package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"allasfs/objstore"
	"allasfs/objstore/largeobject"
)

// pageLimit is the largest page that S3 has.
const pageLimit = 1000

// List returns one page of a bucket's keys.
func (s *Store) List(ctx context.Context, bucket string, o objstore.ListOptions) (objstore.Page, error) {
	page, err := s.list(ctx, bucket, o)
	if err != nil {
		return objstore.Page{}, &objstore.Error{Op: "list", Bucket: bucket, Key: o.Prefix, Err: err}
	}
	return page, nil
}

func (s *Store) list(ctx context.Context, bucket string, o objstore.ListOptions) (objstore.Page, error) {
	if err := checkBucket(bucket); err != nil {
		return objstore.Page{}, err
	}
	in := &s3.ListObjectsV2Input{
		Bucket:       &bucket,
		EncodingType: types.EncodingTypeUrl, // XML can't hold every key
		Prefix:       optional(o.Prefix),
		Delimiter:    optional(o.Delimiter),
		StartAfter:   optional(o.StartAfter),
	}
	if o.Max > 0 {
		in.MaxKeys = aws.Int32(int32(min(o.Max, pageLimit)))
	}
	seen := ""
	if o.Token != "" {
		token, last, err := parseToken(o.Token)
		if err != nil {
			return objstore.Page{}, err
		}
		in.ContinuationToken, in.StartAfter, seen = &token, nil, last
	}
	out, err := s.client.ListObjectsV2(ctx, in)
	if err != nil {
		return objstore.Page{}, explain(ctx, err)
	}
	return decodePage(bucket, out, seen)
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// decodePage leaves out the prefix seen, with which the page before ended: some stores repeat it.
func decodePage(bucket string, out *s3.ListObjectsV2Output, seen string) (objstore.Page, error) {
	decode := url.QueryUnescape
	if out.EncodingType != types.EncodingTypeUrl {
		decode = func(s string) (string, error) { return s, nil }
	}
	var page objstore.Page
	for _, c := range out.Contents {
		key, err := decode(aws.ToString(c.Key))
		if err != nil {
			return objstore.Page{}, fmt.Errorf("the store lists a malformed key: %w", err)
		}
		page.Objects = append(page.Objects, listed(bucket, key, c))
	}
	for _, p := range out.CommonPrefixes {
		prefix, err := decode(aws.ToString(p.Prefix))
		if err != nil {
			return objstore.Page{}, fmt.Errorf("the store lists a malformed prefix: %w", err)
		}
		if prefix != seen {
			page.Prefixes = append(page.Prefixes, prefix)
		}
	}
	slices.Sort(page.Prefixes)
	page.Prefixes = slices.Compact(page.Prefixes)
	if !aws.ToBool(out.IsTruncated) {
		return page, nil
	}
	next := aws.ToString(out.NextContinuationToken)
	if next == "" {
		return objstore.Page{}, errors.New("the store doesn't say how its listing goes on")
	}
	if n := len(page.Prefixes); n > 0 {
		seen = page.Prefixes[n-1]
	}
	page.Next = makeToken(wholeToken(next, page), seen)
	return page, nil
}

// listed gives a manifest the size 0 even where its own size is listed, so that it is looked at with Head.
func listed(bucket, key string, c types.Object) objstore.Object {
	v := objstore.Version{Bucket: bucket, Key: key, ETag: bareETag(c.ETag), Size: aws.ToInt64(c.Size)}
	if v.ETag == largeobject.EmptyMD5 {
		v.Size = 0
	}
	return objstore.Object{Version: v, Modified: aws.ToTime(c.LastModified)}
}

// makeToken packs the store's token and the prefix listed last into one.
func makeToken(token, seen string) string {
	return strconv.Itoa(len(seen)) + ":" + seen + token
}

func parseToken(packed string) (token, seen string, err error) {
	length, rest, ok := strings.Cut(packed, ":")
	n, err := strconv.Atoi(length)
	if !ok || err != nil || n < 0 || n > len(rest) {
		return "", "", errors.New("malformed token")
	}
	return rest[n:], rest[:n], nil
}
