package cache

import (
	"bytes"
	"sync"

	"allasfs/c4gh"
)

const (
	// bufferSize is what one segment's buffer takes of the budget, in bytes. In a slab the plaintext begins with a page,
	// because the kernel copies page by page: it would have to put each one together of two otherwise.
	bufferSize = c4gh.SegmentSize + pageSize
	pageSize   = 4096

	// lead lies before each buffer of a slab, in bytes. The tag of a segment goes into the lead of the next one.
	lead = pageSize - c4gh.PlaintextOffset

	// slabSize is how much is taken from the runtime at once, in bytes.
	slabSize = 8 << 20
)

// poison is what a returned buffer is filled with when a test asks for it. No reader may ever see it.
const poison = 0xDB

// pool hands out buffers of one size. They are cut from slabs on huge pages where the system has them: the first use
// of a buffer of its own would cost a page fault for every 4 KiB, together more than opening a segment. The slabs are
// never given back, and hold no more than limit buffers; what is taken beyond that is left to the garbage collector.
type pool struct {
	limit  int
	poison bool // in tests

	mu   sync.Mutex
	free [][]byte
	slab []byte // what isn't cut yet of the newest slab
	cut  int    // buffers that were cut from slabs
}

// get returns a buffer of a sealed segment's size.
func (p *pool) get() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b
	}
	if p.cut == p.limit {
		return make([]byte, c4gh.SealedSegmentSize)
	}
	if len(p.slab) < bufferSize+pageSize {
		p.slab = make([]byte, min(slabSize/bufferSize, p.limit-p.cut)*bufferSize+pageSize)
		adviseHugePages(p.slab)
	}
	b := p.slab[lead : lead+c4gh.SealedSegmentSize : lead+bufferSize]
	p.slab, p.cut = p.slab[bufferSize:], p.cut+1
	return b
}

// put takes a buffer back that nobody uses any more.
func (p *pool) put(b []byte) {
	b = b[:c4gh.SealedSegmentSize]
	if p.poison {
		copy(b, bytes.Repeat([]byte{poison}, len(b)))
	}
	if cap(b) != bufferSize { // not of a slab
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, b)
}
