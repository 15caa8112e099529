package cache

import (
	"allasfs/c4gh"
	"allasfs/objstore"
)

// Source is one object version together with what it takes to read it.
type Source struct {
	// Version is the object, its size in ciphertext bytes.
	Version objstore.Version
	// HeaderSize is where the body begins, in ciphertext bytes; 0 for a plain object and for one without header.
	HeaderSize int64
	// Body opens the segments; nil says that the object is plain and served as it is stored.
	Body *c4gh.Body
}

// sealed returns the stored length of a full segment in ciphertext bytes.
func (s Source) sealed() int64 {
	if s.Body == nil {
		return c4gh.SegmentSize
	}
	return c4gh.SealedSegmentSize
}

// plaintextSize returns the size in plaintext bytes before edits.
func (s Source) plaintextSize() (int64, error) {
	if s.Body == nil {
		return s.Version.Size, nil
	}
	return c4gh.PlaintextSize(s.Version.Size - s.HeaderSize)
}

// Extents returns which plaintext bytes a reader sees; their Size is the size of the file. It fails with
// [c4gh.ErrMalformed] when no body can have the object's size.
func (s Source) Extents() (c4gh.Extents, error) {
	size, err := s.plaintextSize()
	if err != nil {
		return c4gh.Extents{}, err
	}
	if s.Body != nil {
		return s.Body.Extents(size), nil
	}
	return c4gh.Whole(size), nil
}

// span returns where the segments [first, first+n) lie in the object: offset and length in ciphertext bytes. The last
// segment may be short.
func (s Source) span(first, n int64) (off, length int64) {
	off = s.HeaderSize + first*s.sealed()
	return off, min(n*s.sealed(), s.Version.Size-off)
}
