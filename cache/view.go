package cache

import (
	"context"
	"iter"

	"allasfs/c4gh"
)

const (
	// maxHeld bounds the segments that one view holds: a read of 1 MiB that begins inside a segment touches 17. What
	// an edit list scatters wider is copied together, a batch at a time.
	maxHeld = 32
	// maxSlices bounds the pieces of a view, because a writev takes at most 1024 (IOV_MAX).
	maxSlices = 512
)

// piece is a part of one segment, in plaintext bytes of the segment.
type piece struct {
	index    int64
	from, to int
}

// pieces cuts ranges at segment borders.
func pieces(ranges iter.Seq[c4gh.Extent]) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		for r := range ranges {
			for off, end := r.Off, r.Off+r.Len; off < end; {
				index := off / c4gh.SegmentSize
				next := min(end, (index+1)*c4gh.SegmentSize)
				start := index * c4gh.SegmentSize
				if !yield(piece{index, int(off - start), int(next - start)}) {
					return
				}
				off = next
			}
		}
	}
}

// View is what a read shows: plaintext in order, as slices of the cache's own segments. It stays valid and unchanged
// until Release; nobody may write to it.
type View struct {
	cache  *Cache
	slices [][]byte
	held   []hold
	size   int
}

// hold is one segment that a view holds, and how much of it the view shows, in plaintext bytes.
type hold struct {
	segment *segment
	shown   int
}

// Slices returns the plaintext.
func (v *View) Slices() [][]byte { return v.slices }

// Size returns the number of plaintext bytes.
func (v *View) Size() int { return v.size }

// Release lets go of the segments. It is to be called once, when nobody reads the slices any more.
func (v *View) Release() {
	if len(v.held) == 0 {
		return
	}
	c := v.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range v.held {
		c.shown(h.segment, h.shown)
		c.release(h.segment)
	}
	v.held, v.slices = nil, nil
}

// shown counts what a view has shown of a segment. What a stream has passed whole is given back at once: the kernel
// has it in its page cache, and the memory is of use to the stream itself. The caller holds c.mu.
func (c *Cache) shown(s *segment, n int) {
	s.served += n
	if s.passing && s.served >= s.object.plainSize(s.index) {
		if kept, ok := c.ready.Peek(s.key()); ok && kept == s {
			c.ready.Remove(s.key())
		}
	}
}

// add appends a batch of pieces whose segments are held in the order of the pieces.
func (v *View) add(batch []piece, held []*segment) {
	i := 0
	v.held = append(v.held, hold{segment: held[0]})
	for _, p := range batch {
		if held[i].index != p.index {
			i++
			v.held = append(v.held, hold{segment: held[i]})
		}
		v.slices = append(v.slices, held[i].plain[p.from:p.to])
		v.held[len(v.held)-1].shown += p.to - p.from
		v.size += p.to - p.from
	}
}

// flatten copies the view together and lets go of its segments.
func (v *View) flatten() {
	flat := make([]byte, 0, v.size)
	for _, s := range v.slices {
		flat = append(flat, s...)
	}
	v.Release()
	v.slices = [][]byte{flat}
}

// view builds the view of some ranges of o, in batches so that no read holds more than maxHeld segments.
func (c *Cache) view(ctx context.Context, o *object, ranges iter.Seq[c4gh.Extent], e expectation) (*View, error) {
	v := &View{cache: c}
	var batch []piece
	var indexes []int64
	flush := func() error {
		held, err := c.hold(ctx, o, indexes, e)
		if err != nil {
			return err
		}
		v.add(batch, held)
		if len(v.slices) > maxSlices {
			v.flatten()
		}
		batch, indexes = batch[:0], indexes[:0]
		return nil
	}
	for p := range pieces(ranges) {
		if n := len(indexes); n == 0 || indexes[n-1] != p.index {
			if n == maxHeld {
				if err := flush(); err != nil {
					v.Release()
					return nil, err
				}
				v.flatten()
			}
			indexes = append(indexes, p.index)
		}
		batch = append(batch, p)
	}
	if len(indexes) == 0 {
		return v, nil
	}
	if err := flush(); err != nil {
		v.Release()
		return nil, err
	}
	return v, nil
}
