package swiftstore

import (
	"context"
	"crypto/md5" // what the ETag of a manifest is made with; it protects nothing
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"allasfs/objstore"
)

// A dynamic large object is whatever begins with a prefix in another bucket, joined. Ceph 16.2 joins it for the owner;
// whoever was granted both buckets gets 401 for the object, though each segment may be read. So the segments are read
// here: the ETag of the object is the MD5 of their ETags, which tells that they are those of the version that is wanted,
// and each is read with If-Match.

// segment is a part of a dynamic large object.
type segment struct {
	objstore.Version
	off int64 // of its first byte in the object
}

// joints remembers the segments of some objects. Its methods may be called from any number of goroutines.
type joints struct {
	mu    sync.Mutex
	known map[objstore.Version][]segment
}

// jointsLimit is the number of objects that are remembered. When there are more, all are forgotten.
const jointsLimit = 64

func (j *joints) get(v objstore.Version) []segment {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.known[v]
}

func (j *joints) put(v objstore.Version, segments []segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.known == nil || len(j.known) >= jointsLimit {
		j.known = make(map[objstore.Version][]segment)
	}
	j.known[v] = segments
}

// getManifest streams a range of a manifest: from the store, or from the segments where the store refuses that.
func (s *Store) getManifest(ctx context.Context, v objstore.Version, off, n int64) (io.ReadCloser, error) {
	segments := s.joints.get(v)
	if segments == nil {
		body, err := s.getRange(ctx, v, off, n)
		if !errors.Is(err, objstore.ErrDenied) {
			return body, err
		}
		if segments, err = s.segments(ctx, v, err); err != nil {
			return nil, err
		}
		s.joints.put(v, segments)
	}
	b := &joinedBody{ctx: ctx, store: s, v: v, segments: segments, off: off, end: off + n}
	return b, b.next()
}

// segments lists those of a dynamic large object; for anything else it returns refused.
func (s *Store) segments(ctx context.Context, v objstore.Version, refused error) ([]segment, error) {
	answer, err := s.send(ctx, request{method: http.MethodHead, bucket: v.Bucket, key: v.Key})
	if err != nil {
		return nil, err
	}
	answer.Body.Close()
	place, err := url.PathUnescape(answer.Header.Get("X-Object-Manifest"))
	bucket, prefix, ok := strings.Cut(strings.TrimPrefix(place, "/"), "/")
	if err != nil || !ok || checkBucket(bucket) != nil {
		return nil, refused
	}
	if etag, _ := validator(answer.Header); etag != v.ETag {
		return nil, fmt.Errorf("%w: it has the ETag %q now, not %q", objstore.ErrChanged, etag, v.ETag)
	}
	all, etag, err := s.listSegments(ctx, bucket, prefix)
	if err != nil {
		return nil, fmt.Errorf("segments in %s: %w", bucket, err)
	}
	wanted, _, _ := strings.Cut(strings.TrimPrefix(v.ETag, manifestMark), ":")
	if n := len(all); n == 0 || all[n-1].off+all[n-1].Size != v.Size || etag != wanted {
		return nil, fmt.Errorf("%w: its segments in %s aren't those of this version", objstore.ErrChanged, bucket)
	}
	return all, nil
}

// listSegments returns all objects that begin with a prefix, and the ETag of what they make.
func (s *Store) listSegments(ctx context.Context, bucket, prefix string) (all []segment, etag string, err error) {
	off, digest := int64(0), md5.New()
	for o := (objstore.ListOptions{Prefix: prefix, Max: pageLimit}); ; {
		entries, err := s.entries(ctx, bucket, o, o.Token)
		if err != nil {
			return nil, "", err
		}
		if len(entries) == 0 {
			return all, hex.EncodeToString(digest.Sum(nil)), nil
		}
		for _, e := range entries {
			if e.Name <= o.Token {
				return nil, "", errDisorder
			}
			part := objstore.Version{Bucket: bucket, Key: e.Name, ETag: bareETag(e.Hash), Size: e.Bytes}
			all = append(all, segment{part, off})
			off += e.Bytes
			io.WriteString(digest, part.ETag)
			o.Token = e.Name
		}
	}
}

// joinedBody reads one segment after the other, from off to end in bytes of the object.
type joinedBody struct {
	ctx      context.Context // of Get
	store    *Store
	v        objstore.Version
	segments []segment
	off, end int64
	body     io.ReadCloser // of the segment that is being read
	left     int64         // of it
}

// next opens the segment that off is in.
func (b *joinedBody) next() error {
	for _, part := range b.segments {
		behind := part.off + part.Size
		if b.off < part.off || b.off >= behind {
			continue
		}
		b.left = min(behind, b.end) - b.off
		body, err := b.store.getRange(b.ctx, part.Version, b.off-part.off, b.left)
		if err != nil {
			return fmt.Errorf("segment %s/%s: %w", part.Bucket, part.Key, err)
		}
		b.body = body
		return nil
	}
	return fmt.Errorf("%w: no segment has byte %d", objstore.ErrChanged, b.off)
}

func (b *joinedBody) Read(p []byte) (int, error) {
	switch {
	case b.body == nil:
		return 0, fs.ErrClosed
	case b.off == b.end:
		return 0, io.EOF
	case b.left == 0:
		b.body.Close()
		if err := b.next(); err != nil {
			return 0, b.fail(err)
		}
	}
	n, err := b.body.Read(p)
	b.off += int64(n)
	b.left -= int64(n)
	switch {
	case err == nil, err == io.EOF && b.off == b.end:
		return n, err
	case err == io.EOF && b.left == 0:
		return n, nil
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, b.fail(err)
}

// fail names the object, whatever names the segment.
func (b *joinedBody) fail(err error) error {
	if e, ok := errors.AsType[*objstore.Error](err); ok {
		err = fmt.Errorf("segment %s/%s: %w", e.Bucket, e.Key, e.Err)
	}
	return &objstore.Error{Op: "get", Bucket: b.v.Bucket, Key: b.v.Key, Offset: b.off, Err: err}
}

// Close ends the GET under way.
func (b *joinedBody) Close() error {
	if b.body != nil {
		b.body.Close()
		b.body = nil
	}
	return nil
}
