package c4gh

import (
	"fmt"
	"io"
	"math"
)

// loader reads from a body the segments that hold the kept extents, and skips the others. It belongs to one goroutine.
type loader struct {
	src    io.Reader
	header int64    // bytes of the object before the body, for messages
	kept   []Extent // what is left of the extents; the first may be done in part
	need   int64    // segments before this one are done
	at     int64    // number of the segment that src is at
	toEnd  bool     // the framing of the body is checked to its end
	err    error    // what the next load returns
}

// load reads the next run of adjoining segments that are needed and fit into buf, whose length is a multiple of
// SealedSegmentSize. It returns the number of the first and their ciphertext; io.EOF when there is none left.
func (l *loader) load(buf []byte) (first int64, sealed []byte, err error) {
	if l.err != nil {
		return 0, nil, l.err
	}
	first, sealed, l.err = l.run(buf)
	if len(sealed) > 0 {
		return first, sealed, nil
	}
	return 0, nil, l.err
}

func (l *loader) run(buf []byte) (int64, []byte, error) {
	first, ok := l.next()
	if !ok {
		return 0, nil, l.finish()
	}
	if err := l.skipTo(first); err != nil {
		return 0, nil, err
	}
	size := 0
	for n, ok := first, true; ok && n == l.at+int64(size/SealedSegmentSize) && size < len(buf); n, ok = l.next() {
		size += SealedSegmentSize
		l.need = n + 1
	}
	got, err := readFull(l.src, buf[:size])
	off := addClamped(l.header, sealedOffset(first))
	l.at += int64(got / SealedSegmentSize)
	switch {
	case err == io.EOF && shortTail(int64(got)):
		err = cut(off+int64(got), "a segment")
		got -= got % SealedSegmentSize
	case err != nil && err != io.EOF:
		err = fmt.Errorf("body at byte %d: %w", off+int64(got), err)
		got -= got % SealedSegmentSize
	}
	return first, buf[:got], err
}

// next returns the number of the first segment that is needed and not done.
func (l *loader) next() (int64, bool) {
	for ; len(l.kept) > 0; l.kept = l.kept[1:] {
		if n := max(l.kept[0].Off/SegmentSize, l.need); n <= lastSegment(l.kept[0]) {
			return n, true
		}
	}
	return 0, false
}

// skipTo moves the source to a segment. When the body ends before it, that is io.EOF or a cut.
func (l *loader) skipTo(segment int64) error {
	if segment == l.at {
		return nil
	}
	return l.skip(sealedOffset(segment - l.at))
}

// skip leaves out n ciphertext bytes, whole segments.
func (l *loader) skip(n int64) error {
	got, err := skip(l.src, n)
	off := addClamped(addClamped(l.header, sealedOffset(l.at)), got)
	switch {
	case err != nil:
		return fmt.Errorf("body at byte %d: %w", off, err)
	case got == n:
		l.at += n / SealedSegmentSize
		return nil
	case shortTail(got):
		return cut(off, "a segment")
	}
	return io.EOF
}

// finish ends the loading: with io.EOF, unless the rest of the body matters and its framing is wrong.
func (l *loader) finish() error {
	if !l.toEnd {
		return io.EOF
	}
	if err := l.skip(math.MaxInt64); err != nil {
		return err
	}
	return io.EOF
}

// cutter takes the kept extents out of segments that come in order.
type cutter struct {
	kept []Extent
	done int64 // plaintext byte before edits up to which everything has been handed out
}

// next returns the next kept piece of a segment whose plaintext starts at byte start before edits; empty when the
// segment has no more.
func (c *cutter) next(start int64, plain []byte) []byte {
	end := start + int64(len(plain))
	for ; len(c.kept) > 0; c.kept = c.kept[1:] {
		e := c.kept[0]
		from, to := max(e.Off, start, c.done), min(e.Off+e.Len, end)
		if from < to {
			c.done = to
			return plain[from-start : to-start]
		}
		if e.Off+e.Len > end {
			break
		}
	}
	return nil
}
