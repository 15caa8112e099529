package cache

import (
	"iter"
	"slices"

	"allasfs/c4gh"
)

// All sizes here are plaintext bytes before edits.
const (
	maxStreams = 16 // of one handle

	// slack is how far the kernel's own parallel read-ahead may run in front of a stream, or come late behind it: its
	// largest window and one read.
	slack = 2 << 20

	// sequentialRun is what must have been read in sequence before anything is read ahead.
	sequentialRun = 512 << 10

	// longRun is what tells a file that is read from end to end from a large region of one.
	longRun = 8 << 20

	// A jump is answered by one GET that goes on behind what was asked for: by what was read behind the last jump,
	// or twice the mean of that, whichever is less. Then a region that is read in pieces costs one round trip and not
	// one for each piece. Where that is less than leastGuess, nothing is guessed, and a random read fetches the
	// segments it touches.
	leastGuess = 128 << 10
	mostGuess  = 8 << 20

	// smallPart is the least that read-ahead asks for at once.
	smallPart = 512 << 10
)

// stream is one sequential reader inside a handle: samtools and mmap have several at once.
//
// The kernel's read-ahead arrives out of order and in parallel, so a read isn't compared with the last one but with
// the high-water mark. What a read skips is a debt that late reads pay back; a stream that stays in debt isn't
// sequential.
type stream struct {
	high    int64 // end of the furthest read
	run     int64 // bytes read since the stream began
	first   int64 // those of its first read
	guessed int64 // end of what was guessed at the jump that it began with
	debt    int64 // bytes below high that no read has come to
	planned int64 // end of what is read ahead; a multiple of the segment size
	fetches []*fetch
	counted bool // in Cache.streams
	whole   bool // began where the file does
}

// near tells whether a read that begins at lo can belong to the stream. One that is known to be sequential may have
// reads that are very late: a reader that had to wait for the processor isn't a jump.
func (s *stream) near(lo int64) bool {
	late := int64(slack)
	if s.counted {
		late = 4 * slack
	}
	return lo >= s.high-late && lo <= s.high+slack
}

// take adds the read [lo, hi) to the stream.
func (s *stream) take(lo, hi int64) {
	late := max(0, min(hi, s.high)-lo)
	fresh := hi - lo - late
	s.debt += max(0, lo-s.high)
	paid := min(s.debt, late)
	s.debt -= paid
	s.run += fresh + paid
	s.high = max(s.high, hi)
}

// sequential tells whether the stream has earned read-ahead. One that has it keeps it while what it is in debt for can
// still be on its way.
func (s *stream) sequential() bool {
	allowed := s.run / 4
	if s.counted {
		allowed += slack
	}
	return s.run >= sequentialRun && s.debt <= allowed && s.high > s.guessed
}

// earned returns how far ahead the stream may be, by what it has read. Who begins in the middle may be after a region:
// at first a guess at most doubles what is fetched. Who comes from the beginning is most likely to go on to the end.
func (s *stream) earned() int64 {
	switch {
	case s.whole:
		return 8 * s.run
	case s.run > longRun:
		return 4 * s.run
	}
	return s.run
}

// expectation is what a read's place in its stream says about the segments to come.
type expectation struct {
	passing bool  // a sequential stream: what was read is not read again
	end     int64 // what lies before this plaintext byte will be wanted; 0 for no guess
}

// observe finds the stream that a read belongs to, extends its read-ahead, and tells what to expect.
func (h *Handle) observe(ranges iter.Seq[c4gh.Extent]) (e expectation) {
	lo, hi := bounds(ranges)
	if lo == hi {
		return e
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return e
	}
	s, jump := h.streamAt(lo)
	s.take(lo, hi)
	s.whole = s.whole || lo == h.begin
	if jump {
		s.first = hi - lo
		if more := min(h.last, 2*h.mean); more >= leastGuess {
			s.guessed = hi + more
			e.end = s.guessed
		}
	}
	h.cache.mu.Lock()
	defer h.cache.mu.Unlock()
	if !s.sequential() {
		h.cache.endStream(s)
		return e
	}
	h.cache.readAhead(h.object, s)
	e.passing = true
	return e
}

// bounds returns the first byte of the ranges and the end of the last one.
func bounds(ranges iter.Seq[c4gh.Extent]) (lo, hi int64) {
	first := true
	for r := range ranges {
		if first {
			lo, first = r.Off, false
		}
		hi = r.Off + r.Len
	}
	return lo, hi
}

// streamAt returns the stream near lo. If there is none, that is a jump: a new stream takes the place of the one used
// longest ago. The caller holds h.mu.
func (h *Handle) streamAt(lo int64) (s *stream, jump bool) {
	for i, s := range slices.Backward(h.streams) {
		if s.near(lo) {
			h.streams = append(slices.Delete(h.streams, i, i+1), s)
			return s, false
		}
	}
	if n := len(h.streams); n > 0 {
		s := h.streams[n-1]
		h.last = min(s.run-s.first, mostGuess)
		h.mean += (h.last - h.mean) / 2
	}
	if len(h.streams) == maxStreams {
		h.cache.mu.Lock()
		h.cache.endStream(h.streams[0])
		h.cache.mu.Unlock()
		h.streams = slices.Delete(h.streams, 0, 1)
	}
	s = &stream{high: lo}
	h.streams = append(h.streams, s)
	return s, true
}

// endStream gives up what was read ahead for a stream and isn't waited for. The caller holds c.mu.
func (c *Cache) endStream(s *stream) {
	for _, f := range s.fetches {
		c.abandon(f)
	}
	s.fetches, s.planned = nil, 0
	if s.counted {
		s.counted = false
		c.streams--
	}
}

// readAhead asks for what a sequential stream will come to, as far as its window, the slots and the budget go. The
// caller holds c.mu.
func (c *Cache) readAhead(o *object, s *stream) {
	if !s.counted {
		s.counted = true
		c.streams++
	}
	s.fetches = slices.DeleteFunc(s.fetches, func(f *fetch) bool { return f.segments[len(f.segments)-1].fetch == nil })
	window, part := c.window(s.earned())
	s.planned = max(s.planned, (s.high+c4gh.SegmentSize-1)/c4gh.SegmentSize*c4gh.SegmentSize)
	for s.planned < o.size && s.planned-s.high <= window-part {
		f := c.nextPart(o, s, part)
		if f == nil {
			return
		}
		if len(f.segments) > 0 {
			s.fetches = append(s.fetches, f)
		}
	}
}

// window returns how far ahead a stream may be that has earned so many bytes, and the size of its GETs. There are several
// in a window, so that it moves on before it is used up; while it grows, as many as bring it soonest.
func (c *Cache) window(earned int64) (window, part int64) {
	window, part = c.pace.window()
	window = min(window, int64(c.limit/2/max(1, c.streams))*c4gh.SegmentSize) // the others have their share
	part = min(part, max(window/leastGets, smallPart))
	if earned < window {
		window = earned
		part = min(part, max(c.pace.split(window), 2*window/int64(cap(c.slots)), smallPart))
	}
	window = max(window, 2*c4gh.SegmentSize)
	return window, max(min(part, window)/c4gh.SegmentSize, 1) * c4gh.SegmentSize
}

// nextPart plans and sends the next GET of a stream. It passes over what is known already and returns nil when there
// is no slot or no budget for a guess; a later read will try again.
func (c *Cache) nextPart(o *object, s *stream, part int64) *fetch {
	first := s.planned / c4gh.SegmentSize
	end := min(first+part/c4gh.SegmentSize, o.segments)
	for first < end && c.known(o, first) {
		first++
	}
	f := &fetch{object: o, ahead: true, passing: true}
	if first == end {
		s.planned = end * c4gh.SegmentSize
		return f
	}
	if c.ahead+int(end-first) > c.limit/2 {
		return nil
	}
	select {
	case c.slots <- struct{}{}:
	default:
		return nil
	}
	for ; first < end && !c.known(o, first); first++ {
		c.plan(o, first, f, true)
	}
	s.planned = first * c4gh.SegmentSize
	c.start(f)
	c.makeRoom()
	return f
}

// extend adds the segments from first on that begin before the plaintext byte end to a GET that will be sent anyway, as
// far as they are missing and the budget for guesses goes. The caller holds c.mu.
func (c *Cache) extend(f *fetch, first, end int64) {
	for i := first; i < f.object.segments && i*c4gh.SegmentSize < end; i++ {
		if c.known(f.object, i) || c.ahead >= c.limit/2 {
			return
		}
		c.plan(f.object, i, f, true)
	}
}
