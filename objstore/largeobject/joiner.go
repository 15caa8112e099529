package largeobject

import (
	"context"
	"crypto/md5" // what the ETag of a DLO is made with; it protects nothing
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"

	"allasfs/objstore"
)

// Manifest is what a HEAD tells of an object. For a DLO the version has a [DynamicETag].
type Manifest struct {
	objstore.Object
	Place string // of a DLO's segments, as X-Object-Manifest has it: BUCKET/PREFIX, quoted as in URLs
}

// segment is a part of a DLO.
type segment struct {
	objstore.Version
	off int64 // of its first byte in the object
}

// Joiner reads DLOs segment by segment. All methods may be called from any number of goroutines.
type Joiner struct {
	store objstore.Store
	head  func(ctx context.Context, bucket, key string) (Manifest, error)

	mu    sync.Mutex
	known map[objstore.Version][]segment
}

// knownLimit is the number of objects whose segments are remembered. When there are more, all are forgotten.
const knownLimit = 64

// NewJoiner returns a joiner of segments that lie in store. Head is a HEAD and no more.
func NewJoiner(store objstore.Store, head func(ctx context.Context, bucket, key string) (Manifest, error)) *Joiner {
	return &Joiner{store: store, head: head}
}

// Check lists the segments of a DLO and remembers them. The error is an [Error] with [objstore.ErrIncomplete] where one
// is missing, and with [objstore.ErrDenied] where they may not be listed. They may be changing just now, which is
// [objstore.ErrChanged].
func (j *Joiner) Check(ctx context.Context, m Manifest) error {
	_, err := j.learn(ctx, m)
	return err
}

// learn is Check with what it found.
func (j *Joiner) learn(ctx context.Context, m Manifest) ([]segment, error) {
	if m.Place == "" {
		return nil, fmt.Errorf("%w: it isn't in segments now", objstore.ErrChanged)
	}
	bucket, prefix, err := split(m.Place)
	if err != nil {
		return nil, err
	}
	all, etag, err := j.list(ctx, bucket, prefix)
	if err != nil {
		return nil, &Error{Bucket: bucket, Err: cause(err)}
	}
	if missing := missingIn(prefix, all); missing != "" {
		return nil, &Error{bucket, missing, fmt.Errorf("%w: it isn't there", objstore.ErrIncomplete)}
	}
	size := int64(0)
	if n := len(all); n > 0 {
		size = all[n-1].off + all[n-1].Size
	}
	if wanted, _ := parts(m.ETag); size != m.Size || etag != wanted {
		return nil, fmt.Errorf("%w: its segments in %s aren't those of this version", objstore.ErrChanged, bucket)
	}
	j.remember(m.Version, all)
	return all, nil
}

// split takes a DLO's place apart.
func split(place string) (bucket, prefix string, err error) {
	plain, err := url.PathUnescape(place)
	bucket, prefix, ok := strings.Cut(strings.TrimPrefix(plain, "/"), "/")
	if err != nil || !ok || bucket == "" || prefix == "" {
		return "", "", fmt.Errorf("the manifest doesn't say where the segments are: %q", place)
	}
	return bucket, prefix, nil
}

// list returns all objects that begin with a prefix, and the ETag of what they make.
func (j *Joiner) list(ctx context.Context, bucket, prefix string) (all []segment, etag string, err error) {
	off, digest := int64(0), md5.New()
	for o := (objstore.ListOptions{Prefix: prefix}); ; {
		page, err := j.store.List(ctx, bucket, o)
		if err != nil {
			return nil, "", err
		}
		for _, object := range page.Objects {
			all = append(all, segment{object.Version, off})
			off += object.Size
			io.WriteString(digest, object.ETag)
		}
		if o.Token = page.Next; o.Token == "" {
			return all, hex.EncodeToString(digest.Sum(nil)), nil
		}
	}
}

func (j *Joiner) remember(v objstore.Version, segments []segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.known == nil || len(j.known) >= knownLimit {
		j.known = make(map[objstore.Version][]segment)
	}
	j.known[v] = segments
}

// Get is [objstore.Store.Get] for a DLO: each segment is read with a GET of its own, for its version.
func (j *Joiner) Get(ctx context.Context, v objstore.Version, off, n int64) (io.ReadCloser, error) {
	j.mu.Lock()
	segments := j.known[v]
	j.mu.Unlock()
	if segments == nil {
		m, err := j.head(ctx, v.Bucket, v.Key)
		if err != nil {
			return nil, cause(err)
		}
		if segments, err = j.learn(ctx, m); err != nil {
			return nil, err
		}
		if m.Version != v {
			return nil, fmt.Errorf("%w: it has the ETag %q now, not %q", objstore.ErrChanged, m.ETag, v.ETag)
		}
	}
	b := &body{ctx: ctx, joiner: j, v: v, segments: segments, off: off, end: off + n}
	return b, b.next()
}

// judge says what it means that a segment can't be read.
func (j *Joiner) judge(ctx context.Context, v objstore.Version, part segment, err error) error {
	err = cause(err)
	if !errors.Is(err, objstore.ErrNotExist) {
		return &Error{part.Bucket, part.Key, err}
	}
	m, headErr := j.head(ctx, v.Bucket, v.Key)
	if headErr != nil {
		return cause(headErr) // it was removed with all of its segments
	}
	_, now := parts(m.ETag)
	if _, then := parts(v.ETag); m.Place == "" || now != then {
		return &Error{part.Bucket, part.Key, fmt.Errorf("%w: %v", objstore.ErrChanged, err)}
	}
	return &Error{part.Bucket, part.Key, fmt.Errorf("%w: %v", objstore.ErrIncomplete, err)}
}
