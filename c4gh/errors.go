package c4gh

import (
	"errors"
	"fmt"
	"io"
)

// The causes that callers tell apart with errors.Is.
var (
	// ErrNotCrypt4GH: the object doesn't begin with the magic bytes, or is too short to hold them.
	ErrNotCrypt4GH = errors.New("not Crypt4GH")
	// ErrMalformed: the header or the body breaks the format. The message says at which byte of the object.
	ErrMalformed = errors.New("malformed Crypt4GH")
	// ErrNoKey: none of the header's packets gives a data key to the secret keys at hand.
	ErrNoKey = errors.New("no given key opens the header")
	// ErrSegment: a segment is not authentic under any of the data keys.
	ErrSegment = errors.New("segment is not authentic")
	// ErrPassphrase: the passphrase of a secret key is wrong or missing.
	ErrPassphrase = errors.New("wrong or missing passphrase")
	// ErrNotKey: the data is not a key of a kind this package knows, or a damaged one.
	ErrNotKey = errors.New("not a usable key")
)

// malformed is an ErrMalformed at byte off of the object.
func malformed(off int64, format string, args ...any) error {
	return fmt.Errorf("%w: at byte %d: %s", ErrMalformed, off, fmt.Sprintf(format, args...))
}

// cut is an ErrMalformed for an object that ends at byte off, where the format wants more.
func cut(off int64, what string) error {
	return fmt.Errorf("%w: cut at byte %d, inside %s: %w", ErrMalformed, off, what, io.ErrUnexpectedEOF)
}

// notKey is an ErrNotKey with its reason.
func notKey(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotKey, fmt.Sprintf(format, args...))
}
