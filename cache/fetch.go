package cache

import (
	"context"
	"fmt"
	"io"
	"time"

	"allasfs/objstore"
)

// fetch brings a run of segments, mostly by one range GET. It is owned by the cache and outlives the reads that wait for
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

// start begins the fetch. The caller holds c.mu, so that nobody can find its segments before it can be cancelled.
func (c *Cache) start(f *fetch) {
	ctx, cancel := context.WithCancel(c.ctx)
	f.cancel = cancel
	c.work.Go(func() {
		defer cancel()
		c.run(ctx, f)
		if f.ahead {
			<-c.slots
		}
	})
}

// run brings the segments in order: what the disk tier has from there, each run that it lacks by a range GET.
func (c *Cache) run(ctx context.Context, f *fetch) {
	for rest := f.segments; len(rest) > 0; {
		if c.fromDisk(rest[0]) {
			rest = rest[1:]
			continue
		}
		lacking := 1
		for lacking < len(rest) && !c.onDisk(rest[lacking]) {
			lacking++
		}
		done, err := c.get(ctx, f, rest[:lacking])
		if err != nil {
			c.fail(ctx, rest[done:], err)
			return
		}
		rest = rest[lacking:]
	}
}

// get fetches a run of segments, opens each where it was read to and hands it over. It returns how many it has done.
func (c *Cache) get(ctx context.Context, f *fetch, run []*segment) (done int, err error) {
	src := f.object.source
	off, n := src.span(run[0].index, int64(len(run)))
	sent := time.Now()
	c.mu.Lock()
	c.stats.Gets++
	if f.ahead {
		c.stats.AheadGets++
	}
	c.mu.Unlock()
	body, err := c.store.Get(ctx, src.Version, off, n)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	answered := time.Now()
	for i, s := range run {
		if err := c.fill(s, body); err != nil {
			return i, err
		}
		c.mu.Lock()
		if i == len(run)-1 {
			c.pace.observe(sent, answered, time.Now(), len(run))
		}
		_, n := src.span(s.index, 1)
		c.received(s, n)
		c.settle(s)
		c.mu.Unlock()
		close(s.done)
	}
	return len(run), nil
}

// received counts n ciphertext bytes that came over the network for a segment. The caller holds c.mu.
func (c *Cache) received(s *segment, n int64) {
	s.fetched = n
	c.stats.FetchedBytes += n
	if s.guessed {
		c.stats.AheadBytes += n
	}
}

// fill reads one segment into a buffer and opens it there. The disk tier gets a copy as it came.
func (c *Cache) fill(s *segment, body io.Reader) error {
	src := s.object.source
	off, n := src.span(s.index, 1)
	buf := c.pool.get()
	_, err := io.ReadFull(body, buf[:n])
	if err == nil {
		if src.Body != nil {
			c.disk.Put(src.Version, s.index, buf[:n])
		}
		err = s.open(buf[:n])
	}
	if err != nil {
		c.pool.put(buf)
		v := src.Version
		return &objstore.Error{Op: "get", Bucket: v.Bucket, Key: v.Key, Offset: off, Err: err}
	}
	s.buf = buf
	return nil
}

// open opens what was read of a segment, in place.
func (s *segment) open(sealed []byte) error {
	plain := sealed
	if body := s.object.source.Body; body != nil {
		var err error
		if plain, err = body.OpenSegment(sealed); err != nil {
			return err
		}
	}
	if want := s.object.plainSize(s.index); len(plain) != want {
		return fmt.Errorf("segment %d has %d plaintext bytes instead of %d", s.index, len(plain), want)
	}
	s.plain = plain
	return nil
}

// onDisk tells whether the disk tier seems to have a segment. Objects that aren't encrypted are never on it.
func (c *Cache) onDisk(s *segment) bool {
	src := s.object.source
	_, n := src.span(s.index, 1)
	return src.Body != nil && c.disk.Has(src.Version, s.index, n)
}

// fromDisk hands a segment over from the disk tier if that has it. One that isn't authentic there is as good as
// missing.
func (c *Cache) fromDisk(s *segment) bool {
	if c.disk == nil || !c.onDisk(s) {
		return false
	}
	src := s.object.source
	_, n := src.span(s.index, 1)
	buf := c.pool.get()
	if !c.disk.Get(src.Version, s.index, buf[:n]) {
		c.pool.put(buf)
		return false
	}
	if err := s.open(buf[:n]); err != nil {
		c.disk.Forget(src.Version, s.index)
		c.pool.put(buf)
		return false
	}
	s.buf = buf
	c.mu.Lock()
	c.stats.DiskHits++
	c.settle(s)
	c.mu.Unlock()
	close(s.done)
	return true
}

// fail hands err to those who wait for the segments and forgets them: the next read tries again.
func (c *Cache) fail(ctx context.Context, segments []*segment, err error) {
	if ctx.Err() == nil {
		c.log.Debug("fetch failed", "error", err)
	} else if c.ctx.Err() != nil {
		err = ErrClosed
	}
	c.mu.Lock()
	for _, s := range segments {
		s.err = err
		c.settle(s)
	}
	c.mu.Unlock()
	for _, s := range segments {
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
