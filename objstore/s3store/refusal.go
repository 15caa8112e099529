package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"allasfs/objstore"
	"allasfs/objstore/largeobject"
)

// Refusal is an [objstore.ErrDenied] whose reason is known.
type Refusal struct {
	Reason string // for a person
	Hint   string // what helps, for a person
	err    error
}

func (r *Refusal) Error() string { return r.err.Error() + ": " + r.Reason }

// Unwrap returns what the store said.
func (r *Refusal) Unwrap() error { return r.err }

// Explain returns a store that finds out why reads refuses something, with one or two more requests of s for each
// refusal; reads is s itself, or stands on it. The error then wraps a [Refusal]; where no reason is found it stays as it
// is. Each reason is logged once.
func Explain(reads objstore.Store, s *Store, log *slog.Logger) objstore.Store {
	return &explaining{Store: reads, s3: s, log: log, told: map[string]bool{}}
}

type explaining struct {
	objstore.Store
	s3  *Store
	log *slog.Logger

	mu    sync.Mutex
	self  Project
	own   []string // names of our buckets
	since time.Time
	told  map[string]bool
}

// selfTTL is how long it is believed which buckets are ours.
const selfTTL = time.Minute

func (e *explaining) List(ctx context.Context, bucket string, o objstore.ListOptions) (objstore.Page, error) {
	page, err := e.Store.List(ctx, bucket, o)
	return page, e.explain(ctx, bucket, "", err)
}

func (e *explaining) Head(ctx context.Context, bucket, key string) (objstore.Object, error) {
	object, err := e.Store.Head(ctx, bucket, key)
	return object, e.explain(ctx, bucket, key, err)
}

func (e *explaining) Get(ctx context.Context, v objstore.Version, off, n int64) (io.ReadCloser, error) {
	body, err := e.Store.Get(ctx, v, off, n)
	if err != nil {
		return nil, e.explain(ctx, v.Bucket, v.Key, err)
	}
	return body, nil
}

// explain adds the reason to a refusal. An empty key stands for the listing.
func (e *explaining) explain(ctx context.Context, bucket, key string, err error) error {
	at, ok := errors.AsType[*objstore.Error](err)
	if !ok || !errors.Is(err, objstore.ErrDenied) {
		return err
	}
	if part, ok := errors.AsType[*largeobject.Error](err); ok {
		bucket, key = part.Bucket, part.Key
	}
	r := e.reason(ctx, bucket, key)
	if r == nil {
		return err
	}
	e.tell(bucket, key, r)
	explained := *at
	r.err, explained.Err = at.Err, r
	return &explained
}

// reason finds out what there is to know of a refusal. Credentials that are no good for anything don't get one.
func (e *explaining) reason(ctx context.Context, bucket, key string) *Refusal {
	self, own, err := e.whoami(ctx)
	if err != nil {
		return nil
	}
	f := refusalFacts{bucket: bucket, self: self, own: slices.Contains(own, bucket)}
	if key != "" {
		page, owners, err := e.s3.listOwned(ctx, bucket, key, "", 1)
		if err != nil && !errors.Is(err, objstore.ErrDenied) {
			return nil
		}
		f.listed = err == nil
		if len(owners) > 0 && page.Objects[0].Key == key {
			f.uploader = owners[0]
			f.segments, f.closed = e.segmentsOf(ctx, page.Objects[0])
		}
	}
	return f.reason()
}

// segmentsOf returns the bucket of a large object's segments, or "", and whether that may not even be listed.
func (e *explaining) segmentsOf(ctx context.Context, o objstore.Object) (bucket string, closed bool) {
	if o.ETag != largeobject.EmptyMD5 {
		return "", false
	}
	bucket = o.Bucket + largeobject.SegmentsSuffix
	page, err := e.s3.List(ctx, bucket, objstore.ListOptions{Prefix: o.Key + "/", Max: 1})
	if closed = errors.Is(err, objstore.ErrDenied); !closed && len(page.Objects) == 0 {
		return "", false
	}
	return bucket, closed
}

// whoami is [Store.Self], remembered.
func (e *explaining) whoami(ctx context.Context) (Project, []string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if time.Since(e.since) < selfTTL {
		return e.self, e.own, nil
	}
	self, own, err := e.s3.Self(ctx)
	if err == nil {
		e.self, e.own, e.since = self, own, time.Now()
	}
	return self, own, err
}

// tell logs a reason that hasn't been logged before.
func (e *explaining) tell(bucket, key string, r *Refusal) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if line := bucket + ": " + r.Reason; !e.told[line] {
		e.told[line] = true
		e.log.Warn("the store refuses", "bucket", bucket, "key", key, "reason", r.Reason, "hint", r.Hint)
	}
}

// refusalFacts are what is known when a bucket or an object is refused.
type refusalFacts struct {
	bucket   string
	self     Project
	own      bool    // the bucket is ours
	listed   bool    // the object is refused, and the bucket may be listed
	uploader Project // who owns the object; the zero value where that isn't known
	segments string  // the bucket of its segments, if it was uploaded so
	closed   bool    // that bucket may not be listed
}

// reason is the table from what is known to what it means; nil where it means nothing in particular.
func (f refusalFacts) reason() *Refusal {
	back := fmt.Sprintf("'allasfs share %s --with self' lets the bucket's owner read whatever others upload; "+
		"or the uploader gives the object the ACL bucket-owner-full-control", f.bucket)
	ask := fmt.Sprintf("its owner can share it: allasfs share %s --with %s", f.bucket, f.self.ID)
	switch {
	case f.own && f.uploader.ID != "" && f.uploader.ID != f.self.ID:
		return &Refusal{Hint: back, Reason: fmt.Sprintf("it was uploaded by %v, who hasn't shared it back to the bucket's owner: "+
			"the listing shows it, but its uploader alone may read it", f.uploader)}
	case f.own:
		return &Refusal{Reason: "a policy of our own bucket forbids it",
			Hint: fmt.Sprintf("'allasfs access %s' shows who may do what", f.bucket)}
	case !f.listed:
		return &Refusal{Reason: fmt.Sprintf("bucket %s isn't shared with this project, %v", f.bucket, f.self),
			Hint: ask + "; a grant made with Swift tools (a-access) may not count for S3 keys: it does with a login to OpenStack (OS_AUTH_URL)"}
	case f.closed:
		return &Refusal{Reason: fmt.Sprintf("it was uploaded in segments, and their bucket, %s, isn't shared with this project", f.segments),
			Hint: fmt.Sprintf("its owner can share that, too: allasfs share %s --with %s", f.segments, f.self.ID)}
	case f.segments != "":
		return &Refusal{Reason: fmt.Sprintf("it is a static large object, with segments in %s, which the store doesn't put together for other projects", f.segments),
			Hint: "its owner can upload it again over S3; or grant both buckets with Swift's means (X-Container-Read)"}
	case f.uploader.ID == f.self.ID && f.self.ID != "":
		return &Refusal{Reason: "this project uploaded it, and the bucket's owner has closed the bucket since", Hint: ask}
	}
	return &Refusal{Reason: "the bucket may be listed, but the object isn't shared with this project",
		Hint: "an ACL on a bucket doesn't cover the objects in it; " + ask}
}
