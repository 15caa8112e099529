package c4gh

import (
	"errors"
	"fmt"
	"io"
	"math"
)

// readFull fills p from r. Unlike io.ReadFull it returns io.EOF only, and always, when r itself came to its end, so a
// transport that breaks off with io.ErrUnexpectedEOF isn't taken for the end of an object.
func readFull(r io.Reader, p []byte) (n int, err error) {
	for idle := 0; n < len(p); {
		m, err := r.Read(p[n:])
		n += m
		if err != nil && n < len(p) {
			return n, err
		}
		if idle++; m > 0 {
			idle = 0
		} else if idle > 100 {
			return n, io.ErrNoProgress
		}
	}
	return n, nil
}

// skip moves r forward by n bytes, or to its end when that comes first, and returns by how much. It seeks where r can,
// and reads where seeking fails or would go past the end that r shows.
func skip(r io.Reader, n int64) (int64, error) {
	var sought int64
	if s, ok := r.(io.Seeker); ok {
		if left := remaining(s); left > 0 {
			step := min(n, left)
			if _, err := s.Seek(step, io.SeekCurrent); err != nil {
				return 0, err
			}
			sought = step
		}
	}
	read, err := io.CopyN(io.Discard, r, n-sought)
	if err == io.EOF {
		err = nil
	}
	return sought + read, err
}

// remaining returns the bytes between the position of s and its end, or 0 when it can't tell: a pipe refuses, a device
// or a file in /proc may show an end of 0. The position stays.
func remaining(s io.Seeker) int64 {
	at, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	end, err := s.Seek(0, io.SeekEnd)
	if _, back := s.Seek(at, io.SeekStart); err != nil || back != nil {
		return 0
	}
	return max(end-at, 0)
}

// Range is a half-open range [From, To) of plaintext bytes after edits. To < 0 is the end. What lies beyond the end of
// the plaintext is left out.
type Range struct{ From, To int64 }

// bounds returns offset and length of a range; nil is everything.
func (r *Range) bounds() (off, n int64, err error) {
	switch {
	case r == nil:
		return 0, math.MaxInt64, nil
	case r.From < 0, r.To >= 0 && r.To < r.From:
		return 0, 0, fmt.Errorf("%w: [%d, %d)", errRange, r.From, r.To)
	case r.To < 0:
		return r.From, math.MaxInt64 - r.From, nil
	}
	return r.From, r.To - r.From, nil
}

// toEnd tells whether the range goes on to the end of the plaintext, wherever that is.
func (r *Range) toEnd() bool { return r == nil || r.To < 0 }

var errRange = errors.New("not a range of bytes")
