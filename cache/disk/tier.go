package disk

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"allasfs/c4gh"
	"allasfs/objstore"
)

// Options say where the tier is and how much it may take. The zero value of Limit and Logger means the default.
type Options struct {
	// Dir is the directory; it is made if it isn't there. Several processes may use one.
	Dir string
	// Limit bounds the disk space of all chunks in Dir, in bytes; 10 GiB by default.
	Limit int64
	// Namespace tells objects of one store from those of another: its endpoint.
	Namespace string
	// Logger gets a line when the disk can't be used; by default none.
	Logger *slog.Logger
}

const (
	defaultLimit = 10 << 30 // bytes
	openChunks   = 64       // files kept open
	queueLength  = 64       // segments that wait to be written
	patience     = 100 * time.Millisecond
	pause        = 10 * time.Second
)

// Tier is the cache on disk. All methods may be called from any number of goroutines, and on nil, which holds nothing.
type Tier struct {
	o       Options
	chunks  *lru.Cache[identity, *chunk]
	queue   chan write
	buffers sync.Pool // of *[SealedSegmentSize]byte
	end     chan struct{}
	work    sync.WaitGroup // the writer

	mu       sync.Mutex
	paused   time.Time // no writes until then
	stats    Stats
	measured int64 // bytes that all chunks took when they were last measured
	written  int64 // bytes since
}

// Stats counts what a tier has done since it was opened.
type Stats struct {
	Hits    int64 `json:"hits"`        // segments that were read
	Misses  int64 `json:"misses"`      // segments that weren't there, or were damaged
	Writes  int64 `json:"writes"`      // segments that were written
	Dropped int64 `json:"dropped"`     // segments that weren't, because the disk was slow or failed
	Evicted int64 `json:"evicted"`     // chunks that were removed for room
	Bytes   int64 `json:"used_bytes"`  // disk space taken, by the last measurement and what was written since
	Limit   int64 `json:"limit_bytes"` // bytes allowed
}

// write is a segment on its way to the disk.
type write struct {
	id     identity
	place  int
	buffer *[c4gh.SealedSegmentSize]byte
	length int
}

// Open makes the directory if need be, and measures and trims what is in it.
func Open(o Options) (*Tier, error) {
	if o.Limit == 0 {
		o.Limit = defaultLimit
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("disk cache: %w", err)
	}
	chunks, err := lru.NewWithEvict(openChunks, func(_ identity, c *chunk) { c.close() })
	if err != nil {
		return nil, err
	}
	t := &Tier{
		o: o, chunks: chunks,
		queue:   make(chan write, queueLength),
		buffers: sync.Pool{New: func() any { return new([c4gh.SealedSegmentSize]byte) }},
		end:     make(chan struct{}),
	}
	if err := t.trim(); err != nil {
		return nil, fmt.Errorf("disk cache: %w", err)
	}
	t.work.Go(t.writeAll)
	return t, nil
}

// Close writes what waits and closes the files. Put and Get do nothing afterwards.
func (t *Tier) Close() {
	if t == nil {
		return
	}
	close(t.end)
	t.work.Wait()
	t.chunks.Purge()
}

// Stats returns the counters as they are now.
func (t *Tier) Stats() Stats {
	if t == nil {
		return Stats{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.stats
	s.Bytes, s.Limit = t.measured+t.written, t.o.Limit
	return s
}

// Get fills buf with a sealed segment of v and tells whether the tier had it. len(buf) is the segment's length in
// ciphertext bytes. When it returns false, buf may hold anything.
func (t *Tier) Get(v objstore.Version, segment int64, buf []byte) bool {
	if t == nil {
		return false
	}
	id, place := identify(t.o.Namespace, v, segment)
	c := t.chunk(id, false)
	hit := c != nil && c.read(place, buf)
	if hit {
		c.touch()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if hit {
		t.stats.Hits++
	} else {
		t.stats.Misses++
	}
	return hit
}

// Has tells whether the tier seems to have a segment of so many ciphertext bytes. It doesn't look at the bytes.
func (t *Tier) Has(v objstore.Version, segment, length int64) bool {
	if t == nil {
		return false
	}
	id, place := identify(t.o.Namespace, v, segment)
	c := t.chunk(id, false)
	if c == nil {
		return false
	}
	_, stored, ok := c.entry(place)
	return ok && int64(stored) == length
}

// Put keeps a copy of a sealed segment of v, 28 to 65564 ciphertext bytes. It doesn't wait for the disk: when writing
// falls behind for long, segments are left out.
func (t *Tier) Put(v objstore.Version, segment int64, sealed []byte) {
	if t == nil {
		return
	}
	t.mu.Lock()
	resting := time.Now().Before(t.paused)
	t.mu.Unlock()
	if resting {
		t.drop(1)
		return
	}
	id, place := identify(t.o.Namespace, v, segment)
	w := write{id: id, place: place, buffer: t.buffers.Get().(*[c4gh.SealedSegmentSize]byte)}
	w.length = copy(w.buffer[:], sealed)
	select {
	case t.queue <- w:
		return
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case t.queue <- w:
	case <-t.end:
	case <-timer.C:
		t.rest(errors.New("the disk is too slow"))
		t.drop(1)
	}
}

// Forget removes a segment that turned out not to be authentic.
func (t *Tier) Forget(v objstore.Version, segment int64) {
	if t == nil {
		return
	}
	id, place := identify(t.o.Namespace, v, segment)
	if c := t.chunk(id, false); c != nil {
		_ = c.forget(place) // what can't be forgotten is found damaged again
	}
}

// chunk returns an open chunk, or nil where there is none or it can't be opened.
func (t *Tier) chunk(id identity, create bool) *chunk {
	if c, ok := t.chunks.Get(id); ok {
		return c
	}
	c, err := openChunk(t.o.Dir, id, create)
	if err != nil {
		if create {
			t.rest(err)
		}
		return nil
	}
	if had, ok, _ := t.chunks.PeekOrAdd(id, c); ok {
		c.close()
		return had
	}
	return c
}

// writeAll is the writer; it ends when the tier is closed and the queue is empty.
func (t *Tier) writeAll() {
	for {
		select {
		case w := <-t.queue:
			t.write(w)
			continue
		default:
		}
		select {
		case w := <-t.queue:
			t.write(w)
		case <-t.end:
			return
		}
	}
}

func (t *Tier) write(w write) {
	defer t.buffers.Put(w.buffer)
	c := t.chunk(w.id, true)
	if c == nil {
		t.drop(1)
		return
	}
	if err := c.write(w.place, w.buffer[:w.length]); err != nil {
		if !errors.Is(err, os.ErrClosed) { // by a reader that needed room for another file
			t.rest(err)
		}
		t.drop(1)
		return
	}
	t.mu.Lock()
	t.stats.Writes++
	t.written += c4gh.SealedSegmentSize
	tight := t.tight()
	t.mu.Unlock()
	if tight {
		if err := t.trim(); err != nil {
			t.rest(err)
		}
	}
}

func (t *Tier) drop(n int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stats.Dropped += n
}

// rest leaves the disk alone for a while, and says so once.
func (t *Tier) rest(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); now.After(t.paused) {
		t.paused = now.Add(pause)
		t.o.Logger.Warn("disk cache not written for a while", "directory", t.o.Dir, "cause", err)
	}
}
