package cache

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"allasfs/c4gh"
	"allasfs/cache/disk"
	"allasfs/objstore"
)

// ErrClosed is what a read gets from a cache or a handle that was closed.
var ErrClosed = errors.New("cache: closed")

// Options are the bounds of a [Cache]. The zero value of each field means its default.
type Options struct {
	// Budget bounds the memory for segments, in bytes: what is kept, what is being fetched, and what was read ahead.
	// The default is 512 MiB, the least 4 MiB. Reads that wait are served even when it is used up, so it may be
	// exceeded by what the reads at work show at once.
	Budget int64
	// ReadAheadGets bounds the range GETs that read-ahead has under way at once; 32 by default. Those that a read
	// waits for aren't counted.
	ReadAheadGets int
	// Disk keeps segments as they come, ciphertext only; nil for none. The cache doesn't close it.
	Disk *disk.Tier
	// Logger gets one line for each fetch that failed; by default none.
	Logger *slog.Logger
}

const (
	defaultBudget        = 512 << 20 // bytes
	leastBudget          = 4 << 20   // bytes
	defaultReadAheadGets = 32
)

// Cache holds the plaintext segments of any number of objects under one budget. All methods may be called from any
// number of goroutines.
type Cache struct {
	store objstore.Store
	log   *slog.Logger
	pool  *pool
	disk  *disk.Tier    // may be nil
	limit int           // segments that the budget allows
	slots chan struct{} // one for each GET of read-ahead under way

	ctx    context.Context // ends with Close; every fetch lives under it
	cancel context.CancelFunc
	work   sync.WaitGroup // every fetch, and the pool's

	mu      sync.Mutex
	closed  bool
	ready   *simplelru.LRU[segmentKey, *segment]
	pending map[segmentKey]*segment
	used    int // segments that have a buffer or were promised one
	ahead   int // those of them that read-ahead asked for and no read has come to yet
	streams int // sequential streams of all handles
	objects map[objstore.Version]*object
	nextID  uint64
	pace    pace
	stats   Stats
}

// New returns a cache over store. Close it to end what it has under way.
func New(store objstore.Store, o Options) *Cache {
	budget := o.Budget
	if budget == 0 {
		budget = defaultBudget
	}
	if o.ReadAheadGets == 0 {
		o.ReadAheadGets = defaultReadAheadGets
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	limit := int(max(budget, leastBudget) / bufferSize)
	c := &Cache{
		store: store, log: o.Logger, limit: limit,
		disk:    o.Disk,
		slots:   make(chan struct{}, o.ReadAheadGets),
		pending: make(map[segmentKey]*segment),
		objects: make(map[objstore.Version]*object),
	}
	c.pool = newPool(limit, &c.work)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	// The LRU's own bound is never met: makeRoom evicts first. Its error is for a size below 1.
	c.ready, _ = simplelru.NewLRU(limit+1, func(_ segmentKey, s *segment) { c.leftTable(s) })
	return c
}

// Close ends every fetch, waits for them and drops what is kept. Reads that wait get an error; views stay valid until
// they are released.
func (c *Cache) Close() {
	c.mu.Lock()
	c.closed = true
	c.ready.Purge()
	c.mu.Unlock()
	c.cancel()
	c.work.Wait()
}

// object is what all segments and handles of one version share. Its id stands for the version in segment keys, which
// are hashed on every access.
type object struct {
	id       uint64
	source   Source
	segments int64 // number of segments
	size     int64 // plaintext bytes before edits
	users    int   // handles and segments in the table; guarded by Cache.mu
}

// use returns the object of a source and counts one more user. The caller holds c.mu.
func (c *Cache) use(s Source, size int64) *object {
	o := c.objects[s.Version]
	if o == nil {
		c.nextID++
		o = &object{id: c.nextID, source: s, size: size, segments: (size + c4gh.SegmentSize - 1) / c4gh.SegmentSize}
		c.objects[s.Version] = o
	}
	o.users++
	return o
}

// disuse takes one user away and forgets an object that nobody uses. The caller holds c.mu.
func (c *Cache) disuse(o *object) {
	if o.users--; o.users == 0 {
		delete(c.objects, o.source.Version)
	}
}
