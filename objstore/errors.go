package objstore

import (
	"errors"
	"fmt"
)

// The causes that callers tell apart with errors.Is.
var (
	// ErrNotExist: there is no such object or bucket.
	ErrNotExist = errors.New("no such object")
	// ErrNoBucket: there is no such bucket. It is an ErrNotExist as well.
	ErrNoBucket error = noBucket{}
	// ErrDenied: the store knows who asks and refuses (403), or doesn't accept the credentials.
	ErrDenied = errors.New("access denied by the store")
	// ErrChanged: the object isn't the version that was asked for any more.
	ErrChanged = errors.New("object has changed")
	// ErrIncomplete: the object is there, but it was uploaded in segments and one of them isn't.
	ErrIncomplete = errors.New("a segment of the object is missing")
	// ErrUnavailable: the store can't be reached, is overloaded or broke off; trying again may help.
	ErrUnavailable = errors.New("store unavailable")
	// ErrTimeout: no answer or no progress within the deadline, retries included.
	ErrTimeout = errors.New("no answer from the store within the deadline")
)

type noBucket struct{}

func (noBucket) Error() string        { return "no such bucket" }
func (noBucket) Is(target error) bool { return target == ErrNotExist }

// Error says which operation on which object failed. It wraps the cause.
type Error struct {
	Op     string // "buckets", "list", "head", "get"
	Bucket string // empty for "buckets"
	Key    string // the object's key; the prefix for "list"
	Offset int64  // first byte asked for, as stored; only for "get"
	Err    error
}

func (e *Error) Error() string {
	switch {
	case e.Bucket == "":
		return fmt.Sprintf("%s: %v", e.Op, e.Err)
	case e.Op == "get":
		return fmt.Sprintf("get %s/%s at byte %d: %v", e.Bucket, e.Key, e.Offset, e.Err)
	}
	return fmt.Sprintf("%s %s/%s: %v", e.Op, e.Bucket, e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }
