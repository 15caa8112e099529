package c4gh

import (
	"fmt"
	"io"
	"math"
)

// Reader streams the plaintext of an object, after edits. It is for one goroutine.
type Reader struct {
	load  loader
	cut   cutter
	body  *Body
	buf   []byte // one sealed segment
	plain []byte // what buf holds once it is authentic
	start int64  // plaintext byte before edits where plain starts
	piece []byte // what Read hands out next
	err   error
}

// NewReader reads the header from src and opens it; Read then returns the plaintext. The errors are those of
// [ReadHeader] and [Header.Open]. Where src is an io.Seeker, segments that the edit list discards are skipped.
func NewReader(src io.Reader, keys []*SecretKey, o OpenOptions) (*Reader, error) {
	h, err := ReadHeader(src)
	if err != nil {
		return nil, err
	}
	body, err := h.Open(keys, o)
	if err != nil {
		return nil, err
	}
	kept := body.Extents(math.MaxInt64).within(0, math.MaxInt64)
	return &Reader{
		load: loader{src: src, header: h.Size(), kept: kept, toEnd: true},
		cut:  cutter{kept: kept},
		body: body,
		buf:  make([]byte, SealedSegmentSize),
	}, nil
}

// Body returns what opening the header gave.
func (r *Reader) Body() *Body { return r.body }

// Read returns plaintext of authentic segments only. After an error it returns the same error again. A body that ends
// inside a segment is [ErrMalformed] or [ErrSegment], never io.EOF.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for len(r.piece) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.err = r.advance()
	}
	n := copy(p, r.piece)
	r.piece = r.piece[n:]
	return n, nil
}

// advance finds the next piece, in this segment or in the next one.
func (r *Reader) advance() error {
	if r.piece = r.cut.next(r.start, r.plain); len(r.piece) > 0 {
		return nil
	}
	segment, sealed, err := r.load.load(r.buf)
	if err != nil {
		return err
	}
	r.plain, err = r.body.OpenSegment(sealed)
	if err != nil {
		return segmentError(err, segment, r.load.header)
	}
	r.start = segment * SegmentSize
	return nil
}

// segmentError says where in the object the segment is that err is about.
func segmentError(err error, segment, header int64) error {
	return fmt.Errorf("segment %d at byte %d: %w", segment, addClamped(header, sealedOffset(segment)), err)
}
