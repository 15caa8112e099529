// Package objstore says what an object store is to the rest of allasfs: how to list buckets and keys, how to look at
// an object, and how to read a range of exactly one version of it.
//
// The package holds the contract, the errors that every store speaks, and decorators over the contract ([Retry], [Meter]).
// Stores live in sub-packages; all of them pass the suite in objstore/storetest.
package objstore

import (
	"context"
	"io"
	"time"
)

// Version names one immutable content of an object. Two equal values hold the same bytes, so a Version can be the key
// of a cache. It is comparable.
type Version struct {
	Bucket string
	Key    string
	// ETag is the store's own validator, opaque, with neither quotes nor a weak prefix. It is never empty in what a
	// store hands out.
	ETag string
	// Size is the object's size in bytes as stored: ciphertext bytes for an encrypted object.
	Size int64
}

// Object is an object as a listing or [Store.Head] shows it.
type Object struct {
	Version
	// Modified is when the store took the object in.
	Modified time.Time
}

// Bucket is one entry of [Store.Buckets].
type Bucket struct {
	Name    string
	Created time.Time
}

// ListOptions selects what one call of [Store.List] returns. The zero value asks for the first page of everything.
type ListOptions struct {
	// Prefix restricts the listing to the keys that begin with it.
	Prefix string
	// Delimiter, when not empty, rolls keys that contain it behind Prefix up into [Page.Prefixes].
	Delimiter string
	// Token is the [Page.Next] of the page before.
	Token string
	// StartAfter skips the keys up to and including it. It is ignored when Token is set. When it lies inside a
	// rolled-up prefix, it is up to the store whether that prefix is shown.
	StartAfter string
	// Max bounds the number of entries, objects and prefixes together; 0 leaves it to the store (1000 on S3).
	Max int
}

// Page is one page of a listing. Objects and Prefixes are each in byte order of their keys, and every entry of a page
// sorts before every entry of the next one. A page may be empty and still have a next one.
type Page struct {
	Objects []Object
	// Prefixes are the rolled-up keys; each ends with the delimiter and occurs once in a whole listing.
	Prefixes []string
	// Next is the token for the next page, empty on the last one.
	Next string
}

// Store is an object store. All methods may be called from any number of goroutines at once, and each ends soon after
// its context does, with an error for which errors.Is(err, context.Cause(ctx)) or errors.Is(err, ctx.Err()) holds.
//
// Every error wraps an [Error] that names the bucket and the key, and one of the sentinels of this package where its
// cause is known. A store doesn't retry; that is what [Retry] is for.
type Store interface {
	// Buckets lists the buckets that belong to the credentials in use, in byte order. Buckets that others share are
	// not among them; they are found by asking for their content.
	Buckets(ctx context.Context) ([]Bucket, error)

	// List returns one page of a bucket's keys. A bucket that doesn't exist is [ErrNotExist], one that may not be
	// listed [ErrDenied].
	//
	// The sizes of a listing are what the store says, which for a Swift manifest isn't the size of the object: an
	// object listed with 0 bytes is to be looked at with Head.
	List(ctx context.Context, bucket string, o ListOptions) (Page, error)

	// Head returns the current version of an object.
	Head(ctx context.Context, bucket, key string) (Object, error)

	// Get streams n bytes from offset off of exactly the version v: offsets and lengths are bytes as stored. It
	// wants 0 <= off, 0 < n and off+n <= v.Size. If the object has changed since, the error is [ErrChanged], from
	// Get or from a Read of the body.
	//
	// The body ends with io.EOF after exactly n bytes; when fewer arrive the error is io.ErrUnexpectedEOF or the
	// transport's, never io.EOF. The caller closes the body, which also abandons what hasn't been read. One
	// goroutine at a time uses a body; whoever wants to interrupt its Read ends ctx, which governs the body too.
	Get(ctx context.Context, v Version, off, n int64) (io.ReadCloser, error)
}
