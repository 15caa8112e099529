package c4gh

import (
	"io"
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	batchSegments = 8                                 // segments of a job, so that hand-over costs little
	batchSize     = batchSegments * SealedSegmentSize // ciphertext bytes of a job
)

// job is a run of segments on its way through a pipeline. Jobs are used again and again.
type job struct {
	buf   []byte        // batchSize bytes
	data  []byte        // the part of buf in use: sealed segments, all full but perhaps the last
	first int64         // number of the first segment
	err   error         // why data is shorter than it was, or empty
	done  chan struct{} // holds one token when work is done
}

// pipeline moves jobs through three steps: load and store see them in order, one at a time; work runs on all cores.
type pipeline struct {
	load  func(*job) error // io.EOF when there are no more
	work  func(*job)       // sets job.err and shortens job.data when a segment fails
	store func(*job) error

	order, todo, free chan *job
	stop              atomic.Bool
	stopped           chan struct{}
}

// run returns when every goroutine it started has ended, also after an error; for that it waits for a load in
// progress. Nothing behind the first failure is stored. workers <= 0 stands for all cores.
func (p *pipeline) run(workers int) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	depth := 2*workers + 2
	// No send ever blocks: there are never more than depth jobs.
	p.order, p.todo, p.free = make(chan *job, depth), make(chan *job, depth), make(chan *job, depth)
	p.stopped = make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { p.produce(depth) })
	for range workers {
		all.Go(p.consume)
	}
	err := p.storeAll()
	p.stop.Store(true)
	close(p.stopped)
	all.Wait()
	return err
}

// produce loads jobs until there are no more. An error travels as the last job.
func (p *pipeline) produce(depth int) {
	defer close(p.order)
	defer close(p.todo)
	for made := 0; ; {
		var j *job
		select {
		case j = <-p.free:
		default:
			if made < depth {
				made++
				j = &job{buf: make([]byte, batchSize), done: make(chan struct{}, 1)}
				break
			}
			select {
			case j = <-p.free:
			case <-p.stopped:
				return
			}
		}
		if p.stop.Load() {
			return
		}
		j.data, j.err = nil, nil
		if j.err = p.load(j); j.err == io.EOF {
			return
		}
		p.order <- j
		if j.err != nil {
			j.done <- struct{}{}
			return
		}
		p.todo <- j
	}
}

// consume works on jobs in any order.
func (p *pipeline) consume() {
	for j := range p.todo {
		if !p.stop.Load() {
			p.work(j)
		}
		j.done <- struct{}{}
	}
}

// storeAll stores jobs in order until one fails.
func (p *pipeline) storeAll() error {
	for j := range p.order {
		<-j.done
		if len(j.data) > 0 {
			if err := p.store(j); err != nil {
				return err
			}
		}
		if j.err != nil {
			return j.err
		}
		p.free <- j
	}
	return nil
}

// segments calls f for each segment of a job, with its number, until f fails.
func (j *job) segments(f func(segment int64, sealed []byte) error) error {
	for i := 0; i*SealedSegmentSize < len(j.data); i++ {
		end := min((i+1)*SealedSegmentSize, len(j.data))
		if err := f(j.first+int64(i), j.data[i*SealedSegmentSize:end]); err != nil {
			return err
		}
	}
	return nil
}
