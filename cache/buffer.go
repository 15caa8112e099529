package cache

import (
	"bytes"
	"sync"

	"allasfs/c4gh"
)

// bufferSize is what one segment's buffer takes of the budget, in bytes: a sealed segment rounded up to the pages that
// the Go runtime gives an allocation of that size.
const bufferSize = (c4gh.SealedSegmentSize + 8191) / 8192 * 8192

// poison is what a returned buffer is filled with when a test asks for it. No reader may ever see it.
const poison = 0xDB

// pool keeps buffers that are in nobody's hands, at most limit of them; the rest is left to the garbage collector, so
// that memory taken beyond the budget is given back.
type pool struct {
	mu     sync.Mutex
	free   [][]byte
	limit  int
	poison bool // in tests
}

func (p *pool) get() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		b := p.free[n-1]
		p.free = p.free[:n-1]
		return b
	}
	return make([]byte, c4gh.SealedSegmentSize, bufferSize)
}

func (p *pool) put(b []byte) {
	b = b[:c4gh.SealedSegmentSize]
	if p.poison {
		copy(b, bytes.Repeat([]byte{poison}, len(b)))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) < p.limit {
		p.free = append(p.free, b)
	}
}
