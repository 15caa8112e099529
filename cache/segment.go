package cache

import "allasfs/c4gh"

// segmentKey names a segment: the id of an object version and the number of the segment in it.
type segmentKey struct {
	object uint64
	index  int64
}

// segment is one segment on its way from the store to its readers.
type segment struct {
	object *object
	index  int64

	// done is closed when the segment is ready or has failed. buf, plain and err are written before and not after.
	done  chan struct{}
	buf   []byte // the whole buffer
	plain []byte // the plaintext in it
	err   error

	// Guarded by Cache.mu.
	holders int    // the fetch or the table, and every view or wait
	fetch   *fetch // while pending
	ahead   bool   // read-ahead asked for it and no read has come to it yet
	passing bool   // belongs to a sequential stream: given back when it has been served once
	served  int    // plaintext bytes that released views have shown
	guessed bool   // read-ahead asked for it
	fetched int64  // ciphertext bytes that came over the network for it
}

func (s *segment) key() segmentKey { return segmentKey{s.object.id, s.index} }

// plainSize returns the plaintext length of segment index of o.
func (o *object) plainSize(index int64) int {
	return int(min(c4gh.SegmentSize, o.size-index*c4gh.SegmentSize))
}

// The methods below are the table. Callers hold c.mu.

// find returns a segment that is ready or pending, with one holder more, or nil.
func (c *Cache) find(o *object, index int64) *segment {
	key := segmentKey{o.id, index}
	s, ok := c.ready.Get(key)
	if ok {
		c.stats.Hits++
	} else if s = c.pending[key]; s != nil {
		c.stats.Waits++
	} else {
		return nil
	}
	c.reached(s)
	s.holders++
	return s
}

// known tells whether a segment is ready or pending.
func (c *Cache) known(o *object, index int64) bool {
	key := segmentKey{o.id, index}
	return c.ready.Contains(key) || c.pending[key] != nil
}

// plan adds a missing segment as pending; its holder is the fetch that will bring it. A guess is one that no read has
// come to yet.
func (c *Cache) plan(o *object, index int64, f *fetch, guess bool) *segment {
	s := &segment{object: o, index: index, done: make(chan struct{}), holders: 1, fetch: f, passing: f.passing}
	if guess {
		s.ahead, s.guessed = true, true
		c.ahead++
	}
	f.segments = append(f.segments, s)
	c.pending[s.key()] = s
	o.users++
	c.used++
	return s
}

// settle ends a pending segment. What was opened goes to the table, and the fetch's hold with it; a failure, or a
// segment that was given up meanwhile or comes after Close, is forgotten.
func (c *Cache) settle(s *segment) {
	s.fetch = nil
	if c.pending[s.key()] != s {
		c.stats.WastedBytes += s.fetched
		c.release(s)
		return
	}
	delete(c.pending, s.key())
	if s.err != nil || c.closed {
		c.leftTable(s)
		return
	}
	c.ready.Add(s.key(), s)
	c.makeRoom()
}

// giveUp takes a pending segment out of the table, so that the next read asks for it anew.
func (c *Cache) giveUp(s *segment) {
	delete(c.pending, s.key())
	c.reached(s)
	c.disuse(s.object)
}

// leftTable follows the removal of a segment from the table: it lets go of the table's hold.
func (c *Cache) leftTable(s *segment) {
	if s.ahead {
		c.stats.Unused++
		c.stats.WastedBytes += s.fetched
		c.reached(s)
	}
	c.disuse(s.object)
	c.release(s)
}

// reached notes that a segment which was read ahead isn't a guess any more.
func (c *Cache) reached(s *segment) {
	if s.ahead {
		s.ahead = false
		c.ahead--
	}
}

// release lets go of one hold. The buffer of the last one goes back to the pool.
func (c *Cache) release(s *segment) {
	if s.holders--; s.holders > 0 {
		return
	}
	c.used--
	if s.buf != nil {
		c.pool.put(s.buf)
		s.buf, s.plain = nil, nil
	}
}

// makeRoom evicts what was used longest ago until the budget holds or nothing is left to evict.
func (c *Cache) makeRoom() {
	for c.used > c.limit && c.ready.Len() > 0 {
		c.ready.RemoveOldest()
	}
}
