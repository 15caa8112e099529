package cache

import (
	"context"
	"sync"

	"allasfs/c4gh"
)

// Handle reads one object version, as one opened file does. Its methods may be called from any number of goroutines.
type Handle struct {
	cache   *Cache
	object  *object
	extents c4gh.Extents
	begin   int64 // of the file, in plaintext bytes before edits

	mu      sync.Mutex
	closed  bool
	streams []*stream // the one used last is at the end
	last    int64     // plaintext bytes that the last stream read behind its first read
	mean    int64     // the running mean of that
}

// Open returns a handle on src. It sends nothing. Close the handle.
func (c *Cache) Open(src Source) (*Handle, error) {
	extents, err := src.Extents()
	if err != nil {
		return nil, err
	}
	size, err := src.plaintextSize()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	begin, _ := bounds(extents.Range(0, 1))
	return &Handle{cache: c, object: c.use(src, size), extents: extents, begin: begin}, nil
}

// Size returns the size of the file in plaintext bytes, edits applied.
func (h *Handle) Size() int64 { return h.extents.Size() }

// ReadAt returns a view of the plaintext [off, off+n), cut at the end of the file: what lies behind it is an empty
// view and no error. Release the view.
//
// The errors are those of [objstore.Store] and [c4gh.ErrSegment], wrapped in an [objstore.Error] with the ciphertext
// offset; no part of the plaintext is returned with an error. When ctx ends, ReadAt returns at once and what it
// asked for goes on for the others. An error isn't remembered.
func (h *Handle) ReadAt(ctx context.Context, off int64, n int) (*View, error) {
	off = max(off, 0)
	n = int(max(0, min(int64(n), h.Size()-off)))
	ranges := h.extents.Range(off, int64(n))
	v, err := h.cache.view(ctx, h.object, ranges, h.observe(ranges))
	h.cache.mu.Lock()
	defer h.cache.mu.Unlock()
	h.cache.stats.Reads++
	h.cache.stats.AskedBytes += int64(n)
	if err != nil {
		return nil, err
	}
	h.cache.stats.ServedBytes += int64(v.size)
	return v, nil
}

// Close gives up what was read ahead for the handle and lets go of the object. Views stay valid. It may be called
// more than once.
func (h *Handle) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return
	}
	h.closed = true
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range h.streams {
		c.endStream(s)
	}
	h.streams = nil
	c.disuse(h.object)
}

// hold returns the segments of o with the given ascending numbers, each with a hold for the caller, all of them ready.
// It asks for those that are missing, one GET for each run, and waits.
func (c *Cache) hold(ctx context.Context, o *object, indexes []int64, e expectation) ([]*segment, error) {
	held, err := c.claim(o, indexes, e)
	if err != nil {
		return nil, err
	}
	for _, s := range held {
		if err = s.wait(ctx); err != nil {
			break
		}
	}
	if err == nil {
		return held, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range held {
		c.release(s)
	}
	return nil, err
}

// claim finds or plans the segments and starts the fetches for what it planned. Where the last one has to be fetched,
// what is expected behind it comes with the same GET.
func (c *Cache) claim(o *object, indexes []int64, e expectation) ([]*segment, error) {
	held := make([]*segment, 0, len(indexes))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	var runs []*fetch
	for _, index := range indexes {
		s := c.find(o, index)
		if s == nil {
			c.stats.Misses++
			if len(runs) == 0 || !runs[len(runs)-1].precedes(index) {
				runs = append(runs, &fetch{object: o, passing: e.passing})
			}
			s = c.plan(o, index, runs[len(runs)-1], false)
			s.holders++
		}
		held = append(held, s)
	}
	if last := indexes[len(indexes)-1]; len(runs) > 0 && runs[len(runs)-1].precedes(last+1) {
		c.extend(runs[len(runs)-1], last+1, e.end)
	}
	for _, f := range runs {
		c.start(f)
	}
	c.makeRoom()
	return held, nil
}

// wait blocks until the segment is ready or failed, or ctx ends.
func (s *segment) wait(ctx context.Context) error {
	select {
	case <-s.done: // without looking at ctx, whose Done may cost something
		return s.err
	default:
	}
	select {
	case <-s.done:
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}
