package cache

import (
	"context"
	"fmt"
	"io"
	"time"

	"allasfs/objstore"
)

// fetch is one range GET that brings a run of segments. It is owned by the cache and outlives the reads that wait for
// it, unless nobody does and its stream gives it up.
type fetch struct {
	object   *object
	segments []*segment // in order, without a hole
	ahead    bool       // sent by read-ahead, and holds one of the cache's slots
	passing  bool       // for a sequential stream
	cancel   context.CancelFunc
}

// precedes tells whether segment index follows the last segment of the fetch.
func (f *fetch) precedes(index int64) bool { return f.segments[len(f.segments)-1].index == index-1 }

// start sends the fetch. The caller holds c.mu, so that nobody can find its segments before it can be cancelled.
func (c *Cache) start(f *fetch) {
	ctx, cancel := context.WithCancel(c.ctx)
	f.cancel = cancel
	c.stats.Gets++
	if f.ahead {
		c.stats.AheadGets++
	}
	c.work.Go(func() {
		defer cancel()
		c.run(ctx, f)
		if f.ahead {
			<-c.slots
		}
	})
}

// run reads the body, opens each segment where it was read to, and hands it over.
func (c *Cache) run(ctx context.Context, f *fetch) {
	off, n := f.object.source.span(f.segments[0].index, int64(len(f.segments)))
	begin := time.Now()
	body, err := c.store.Get(ctx, f.object.source.Version, off, n)
	if err != nil {
		c.fail(ctx, f, 0, err)
		return
	}
	defer body.Close()
	for i, s := range f.segments {
		if err := c.fill(s, body); err != nil {
			c.fail(ctx, f, i, err)
			return
		}
		c.mu.Lock()
		if i == 0 {
			c.latency.observe(time.Since(begin))
		}
		_, n := f.object.source.span(s.index, 1)
		c.stats.FetchedBytes += n
		c.settle(s)
		c.mu.Unlock()
		close(s.done)
	}
}

// fill reads one segment into a buffer and opens it there.
func (c *Cache) fill(s *segment, body io.Reader) error {
	src := s.object.source
	off, n := src.span(s.index, 1)
	buf := c.pool.get()
	if err := open(s, src, buf[:n], body); err != nil {
		c.pool.put(buf)
		v := src.Version
		return &objstore.Error{Op: "get", Bucket: v.Bucket, Key: v.Key, Offset: off, Err: err}
	}
	s.buf = buf
	return nil
}

func open(s *segment, src Source, sealed []byte, body io.Reader) error {
	if _, err := io.ReadFull(body, sealed); err != nil {
		return err
	}
	plain := sealed
	if src.Body != nil {
		var err error
		if plain, err = src.Body.OpenSegment(sealed); err != nil {
			return err
		}
	}
	if want := s.object.plainSize(s.index); len(plain) != want {
		return fmt.Errorf("segment %d has %d plaintext bytes instead of %d", s.index, len(plain), want)
	}
	s.plain = plain
	return nil
}

// fail hands err to those who wait for the segments from i on and forgets them: the next read tries again.
func (c *Cache) fail(ctx context.Context, f *fetch, i int, err error) {
	if ctx.Err() == nil {
		c.log.Debug("fetch failed", "error", err)
	} else if c.ctx.Err() != nil {
		err = ErrClosed
	}
	c.mu.Lock()
	for _, s := range f.segments[i:] {
		s.err = err
		c.settle(s)
	}
	c.mu.Unlock()
	for _, s := range f.segments[i:] {
		close(s.done)
	}
}

// abandon ends a fetch that nobody waits for. The caller holds c.mu. Segments that are still pending leave the table
// first, so a read that comes now starts a fetch of its own instead of getting this one's cancellation.
func (c *Cache) abandon(f *fetch) {
	for _, s := range f.segments {
		if s.fetch == f && s.holders > 1 {
			return
		}
	}
	for _, s := range f.segments {
		if s.fetch == f && c.pending[s.key()] == s {
			c.giveUp(s)
		}
	}
	f.cancel()
}
