package c4gh

import (
	"bufio"
	"fmt"
	"io"
	"sync/atomic"
)

// ReaderAt is random access to the plaintext of an object, after edits. Any number of goroutines may use it.
type ReaderAt struct {
	src     io.ReaderAt
	body    *Body
	header  int64 // bytes before the body
	end     int64 // bytes of the object
	extents Extents
	last    atomic.Pointer[opened]
}

// opened is a segment that was read last, so that small reads in a row don't decrypt it again. It doesn't change.
type opened struct {
	segment int64
	plain   []byte
}

var _ io.ReaderAt = (*ReaderAt)(nil)

// NewReaderAt opens an object of size ciphertext bytes. The errors are those of [ReadHeader] and [Header.Open], and
// [ErrMalformed] for a size that no object has. The only segment opened here is an empty last one.
func NewReaderAt(src io.ReaderAt, size int64, keys []*SecretKey) (*ReaderAt, error) {
	const usual = 4096 // bytes: most headers are shorter, so they take one read
	h, err := ReadHeader(bufio.NewReaderSize(io.NewSectionReader(src, 0, size), usual))
	if err != nil {
		return nil, err
	}
	body, err := h.Open(keys, OpenOptions{})
	if err != nil {
		return nil, err
	}
	plaintext, err := PlaintextSize(size - h.Size())
	if err != nil {
		return nil, err
	}
	r := &ReaderAt{src: src, body: body, header: h.Size(), end: size, extents: body.Extents(plaintext)}
	if err := r.checkTail(plaintext); err != nil {
		return nil, err
	}
	return r, nil
}

// checkTail opens an empty last segment, which no read would ever open: it may be a segment that was cut after 28
// bytes. As when streaming, it doesn't matter where the edit list ends before it.
func (r *ReaderAt) checkTail(plaintext int64) error {
	body := r.end - r.header
	if body%SealedSegmentSize != SegmentOverhead || r.body.Extents(plaintext+1).Size() == r.extents.Size() {
		return nil
	}
	_, err := r.segment(body / SealedSegmentSize)
	return err
}

// Size returns the plaintext bytes after edits.
func (r *ReaderAt) Size() int64 { return r.extents.Size() }

// Body returns what opening the header gave.
func (r *ReaderAt) Body() *Body { return r.body }

// ReadAt implements io.ReaderAt over plaintext bytes after edits. Only plaintext of authentic segments is returned.
func (r *ReaderAt) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, fmt.Errorf("read at negative offset %d", off)
	}
	n := 0
	for e := range r.extents.Range(off, int64(len(p))) {
		got, err := r.readExtent(p[n:n+int(e.Len)], e.Off)
		n += got
		if err != nil {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// readExtent fills p with the plaintext before edits from byte off on.
func (r *ReaderAt) readExtent(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		at := off + int64(n)
		plain, err := r.segment(at / SegmentSize)
		if err != nil {
			return n, err
		}
		n += copy(p[n:], plain[at%SegmentSize:])
	}
	return n, nil
}

// segment returns the plaintext of one segment.
func (r *ReaderAt) segment(segment int64) ([]byte, error) {
	if o := r.last.Load(); o != nil && o.segment == segment {
		return o.plain, nil
	}
	off := r.header + sealedOffset(segment)
	sealed := make([]byte, min(SealedSegmentSize, r.end-off))
	if n, err := r.src.ReadAt(sealed, off); n < len(sealed) {
		if err == io.EOF || err == nil {
			err = io.ErrUnexpectedEOF
		}
		return nil, segmentError(err, segment, r.header)
	}
	plain, err := r.body.OpenSegment(sealed)
	if err != nil {
		return nil, segmentError(err, segment, r.header)
	}
	r.last.Store(&opened{segment, plain})
	return plain, nil
}
