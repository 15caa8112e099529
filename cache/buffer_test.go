package cache

import (
	"sync"
	"testing"

	"allasfs/c4gh"
)

// Slabs hold as many buffers as the limit says, each buffer is handed out once, and what is taken beyond that isn't kept.
func TestPoolLimit(t *testing.T) {
	const limit, taken = slabSize/bufferSize + 10, 2 * slabSize / bufferSize
	var work sync.WaitGroup
	p := newPool(limit, &work)
	var mu sync.Mutex
	all := map[*byte][]byte{}
	for range 8 {
		work.Go(func() {
			for range taken / 8 {
				b := p.get()
				if len(b) != c4gh.SealedSegmentSize {
					t.Errorf("a buffer has %d bytes", len(b))
				}
				mu.Lock()
				all[&b[0]] = b
				mu.Unlock()
			}
		})
	}
	work.Wait()
	if len(all) != taken/8*8 {
		t.Errorf("%d different buffers of %d", len(all), taken/8*8)
	}
	for _, b := range all {
		p.put(b)
	}
	if len(p.free) != limit || p.begun != limit {
		t.Errorf("%d buffers are kept, in slabs for %d, want %d", len(p.free), p.begun, limit)
	}
}
