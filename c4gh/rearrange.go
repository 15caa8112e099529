package c4gh

import (
	"io"
	"math"
)

// RearrangeOptions say what to keep.
type RearrangeOptions struct {
	// Range is what to keep, in plaintext bytes that a reader of the source sees; nil for everything.
	Range *Range
	// Writer, when not nil, lets only packets of the source count that hold this writer public key.
	Writer *PublicKey
	// Recipients can open the result; the owners of the keys that opened the source when there are none.
	Recipients []PublicKey
}

// Rearrange writes to dst an object that shows only a range of the plaintext of the one in src. It copies the segments
// that the range touches, neither decrypted nor checked but for their framing, and hides the rest of them with an edit
// list, which also takes the source's own edit list into account. Recipients can decrypt whole segments all the same.
//
// Where src is an io.Seeker, segments that aren't needed are skipped. The errors are those of [NewReader].
func Rearrange(dst io.Writer, src io.Reader, keys []*SecretKey, o RearrangeOptions) error {
	off, n, err := o.Range.bounds()
	if err != nil {
		return err
	}
	h, err := ReadHeader(src)
	if err != nil {
		return err
	}
	c, err := h.open(keys, OpenOptions{Writer: o.Writer})
	if err != nil {
		return err
	}
	size, err := sourceSize(src)
	if err != nil {
		return err
	}
	extents := Whole(size)
	if c.edited {
		extents = c.edits.Extents(size)
	}
	kept := extents.within(off, n)
	c.edits, c.edited = compact(kept, size)
	if len(o.Recipients) == 0 {
		o.Recipients = c.openers
	}
	header, err := c.header(nil, o.Recipients)
	if err != nil {
		return err
	}
	if _, err := header.WriteTo(dst); err != nil {
		return err
	}
	return copySegments(dst, &loader{src: src, header: h.Size(), kept: kept, toEnd: o.Range.toEnd()})
}

// sourceSize returns the plaintext bytes before edits of the body that src is at, or math.MaxInt64 when only its end
// will tell.
func sourceSize(src io.Reader) (int64, error) {
	if s, ok := src.(io.Seeker); ok {
		if left := remaining(s); left > 0 {
			return PlaintextSize(left)
		}
	}
	return math.MaxInt64, nil
}

// compact returns the edit list for a body of which only the segments that the extents touch are left, or false when
// it needs none. The list has an even number of lengths, no zero keeps and no zero discards but the first, because other
// readers mishandle them; the number is odd only where the plaintext's size isn't known (math.MaxInt64).
func compact(kept []Extent, size int64) (EditList, bool) {
	var (
		list EditList
		left int64      // segments left so far
		last int64 = -1 // the source's number of the last of them
		end  int64      // plaintext byte of the new body behind the extent before
	)
	for _, e := range kept {
		first := e.Off / SegmentSize
		if first != last {
			left++
		}
		off := (left-1)*SegmentSize + e.Off%SegmentSize
		left += lastSegment(e) - first
		last = lastSegment(e)
		if len(list) > 0 && off == end {
			list[len(list)-1] += uint64(e.Len)
		} else {
			list = append(list, uint64(off-end), uint64(e.Len))
		}
		end = off + e.Len
	}
	if len(kept) == 0 {
		return nil, false
	}
	toEnd := kept[len(kept)-1].Off+kept[len(kept)-1].Len == size
	if toEnd && len(list) == 2 && list[0] == 0 {
		return nil, false
	}
	if toEnd && size == math.MaxInt64 {
		list = list[:len(list)-1]
	}
	return list, true
}

// copySegments copies what the loader gives.
func copySegments(dst io.Writer, l *loader) error {
	buf := make([]byte, batchSize)
	for {
		_, sealed, err := l.load(buf)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := dst.Write(sealed); err != nil {
			return err
		}
	}
}
