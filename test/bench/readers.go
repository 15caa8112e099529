package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// pass is what a sequential read came to.
type pass struct {
	bytes int64
	took  time.Duration
}

func (p pass) mbps() float64 { return float64(p.bytes) / 1e6 / p.took.Seconds() }

// perGB returns processor seconds for each GB of a pass.
func (p pass) perGB(cpu time.Duration) float64 { return cpu.Seconds() / (float64(p.bytes) / 1e9) }

// sequential reads files from their beginnings, each on a goroutine of its own, to the end or until the time is up.
func sequential(limit time.Duration, block int, paths ...string) (pass, error) {
	begin := time.Now()
	var mu sync.Mutex
	var sum pass
	var failed error
	var all sync.WaitGroup
	for _, path := range paths {
		all.Go(func() {
			n, err := readThrough(path, block, begin.Add(limit))
			mu.Lock()
			defer mu.Unlock()
			sum.bytes += n
			failed = errors.Join(failed, err)
		})
	}
	all.Wait()
	sum.took = time.Since(begin)
	return sum, failed
}

func readThrough(path string, block int, deadline time.Time) (n int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	buf := make([]byte, block)
	for time.Now().Before(deadline) {
		m, err := f.Read(buf)
		n += int64(m)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// roundRobin reads files from their beginnings to their ends, a block of each in turn.
func roundRobin(block int, paths []string) (p pass, err error) {
	begin := time.Now()
	var files []*os.File
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			return p, err
		}
		defer f.Close()
		files = append(files, f)
	}
	buf := make([]byte, block)
	for len(files) > 0 {
		for i := 0; i < len(files); i++ {
			n, err := io.ReadFull(files[i], buf)
			p.bytes += int64(n)
			switch {
			case err == io.EOF || err == io.ErrUnexpectedEOF:
				files = slices.Delete(files, i, i+1)
				i--
			case err != nil:
				return p, err
			}
		}
	}
	p.took = time.Since(begin)
	return p, nil
}

// places returns n different offsets in a file, multiples of size, in random order.
func places(n int, size, fileSize int64, seed uint64) []int64 {
	r := rand.New(rand.NewPCG(seed, uint64(size)))
	slots := fileSize / size
	n = int(min(int64(n), slots))
	seen := map[int64]bool{}
	var all []int64
	for len(all) < n {
		if off := r.Int64N(slots) * size; !seen[off] {
			seen[off] = true
			all = append(all, off)
		}
	}
	return all
}

// at reads size bytes at each offset, with as many reads under way as depth says, and returns how long each took. do
// reads one of them.
func at(offsets []int64, depth int, do func(worker int, off int64) error) ([]time.Duration, error) {
	next := make(chan int)
	took := make([]time.Duration, len(offsets))
	failures := make([]error, depth)
	var all sync.WaitGroup
	for worker := range depth {
		all.Go(func() {
			for i := range next {
				begin := time.Now()
				if err := do(worker, offsets[i]); err != nil && failures[worker] == nil {
					failures[worker] = err
				}
				took[i] = time.Since(begin)
			}
		})
	}
	for i := range offsets {
		next <- i
	}
	close(next)
	all.Wait()
	return took, errors.Join(failures...)
}

// random reads a file at offsets, size bytes each in calls of block bytes.
func random(path string, offsets []int64, size, block, depth int) ([]time.Duration, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	bufs := make([][]byte, depth)
	for i := range bufs {
		bufs[i] = make([]byte, block)
	}
	return at(offsets, depth, func(worker int, off int64) error {
		for end := off + int64(size); off < end; off += int64(block) {
			if n, err := f.ReadAt(bufs[worker][:min(int64(block), end-off)], off); err != nil {
				return fmt.Errorf("%d bytes at %d: %w", n, off, err)
			}
		}
		return nil
	})
}

// forget makes the kernel drop the pages of a file, if nobody else needs them.
func forget(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// median of durations, in milliseconds.
func p50(all []time.Duration) float64 {
	s := slices.Sorted(slices.Values(all))
	if len(s) == 0 {
		return missing
	}
	return float64(s[len(s)/2].Nanoseconds()) / 1e6
}
