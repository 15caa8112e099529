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
// of a buffer of its own would cost a page fault for every 4 KiB, together more than opening a segment. The next slab is
// made beside the reads, because memory that is new to a virtual machine costs as much even so. The slabs are never given
// back, and hold no more than limit buffers; what is taken beyond that is left to the garbage collector.
type pool struct {
	limit  int
	work   *sync.WaitGroup // the making of slabs; whoever calls get is part of it too
	poison bool            // in tests

	mu     sync.Mutex
	free   [][]byte
	slab   []byte        // what isn't cut yet of the newest slab
	next   []byte        // the slab after it
	making chan struct{} // closed when next is there; nil when there will be none
	begun  int           // buffers in slabs that were begun
}

func newPool(limit int, work *sync.WaitGroup) *pool {
	p := &pool{limit: limit, work: work}
	p.begin()
	return p
}

// get returns a buffer of a sealed segment's size.
func (p *pool) get() []byte {
	for {
		b, making := p.take()
		if b != nil {
			return b
		}
		<-making
	}
}

// take returns a buffer, or what to wait for.
func (p *pool) take() (b []byte, making chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		b, p.free = p.free[n-1], p.free[:n-1]
		return b, nil
	}
	if len(p.slab) < bufferSize+pageSize {
		switch {
		case p.next != nil:
			p.slab = p.next
			p.begin()
		case p.making != nil:
			return nil, p.making
		default:
			return make([]byte, c4gh.SealedSegmentSize), nil
		}
	}
	b, p.slab = p.slab[lead:lead+c4gh.SealedSegmentSize:lead+bufferSize], p.slab[bufferSize:]
	return b, nil
}

// begin begins to make the next slab, if there is to be one more.
func (p *pool) begin() {
	p.next, p.making = nil, nil
	n := min(slabSize/bufferSize, p.limit-p.begun)
	if n == 0 {
		return
	}
	p.begun += n
	done := make(chan struct{})
	p.making = done
	p.work.Go(func() {
		slab := newSlab(n)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.next = slab
		close(done)
	})
}

// newSlab returns memory for n buffers that the system has found pages for.
func newSlab(n int) []byte {
	slab := make([]byte, n*bufferSize+pageSize)
	adviseHugePages(slab)
	for i := 0; i < len(slab); i += pageSize {
		slab[i] = 0
	}
	return slab
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
