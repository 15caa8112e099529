package soak

import (
	"iter"
	"math/rand/v2"
)

const mebibyte = 1 << 20

// span is one read.
type span struct {
	off    int64
	length int
}

// pattern is an order in which a program reads a file of some size. None of them depends on what was read.
type pattern struct {
	name  string
	spans func(r *rand.Rand, size int64) iter.Seq[span]
}

func patterns() []pattern {
	return []pattern{
		{"sequential", sequential}, {"backwards", backwards}, {"strided", strided},
		{"random", random}, {"regions", regions}, {"interleaved", interleaved},
	}
}

// length draws a length up to limit, short ones as often as long ones.
func length(r *rand.Rand, limit int) int {
	n := 1
	for n < limit && r.IntN(8) > 0 {
		n *= 2 + r.IntN(4)
	}
	return min(n+r.IntN(n), limit)
}

// step draws an odd length that gets a reader through a large file.
func step(r *rand.Rand) int { return 4096<<r.IntN(9) + r.IntN(2048)*2 + 1 }

// sequential reads the whole file.
func sequential(r *rand.Rand, size int64) iter.Seq[span] { return run(0, size, step(r)) }

// run reads [off, end) in pieces.
func run(off, end int64, piece int) iter.Seq[span] {
	return func(yield func(span) bool) {
		for ; off < end; off += int64(piece) {
			if !yield(span{off, piece}) {
				return
			}
		}
	}
}

// backwards reads the whole file from its end.
func backwards(r *rand.Rand, size int64) iter.Seq[span] {
	piece := step(r)
	return func(yield func(span) bool) {
		for off := size; off > 0; {
			n := min(int64(piece), off)
			if off -= n; !yield(span{off, int(n)}) {
				return
			}
		}
	}
}

// strided reads a piece, leaves a gap, and so on.
func strided(r *rand.Rand, size int64) iter.Seq[span] {
	piece := step(r)
	stride := int64(piece) * int64(1+r.IntN(8))
	stride += r.Int64N(stride)
	return func(yield func(span) bool) {
		for off := r.Int64N(stride); off < size; off += stride {
			if !yield(span{off, piece}) {
				return
			}
		}
	}
}

// random reads anywhere, over the end too, from one byte to 4 MiB.
func random(r *rand.Rand, size int64) iter.Seq[span] {
	return func(yield func(span) bool) {
		for range 200 {
			if !yield(span{r.Int64N(size), length(r, 4*mebibyte)}) {
				return
			}
		}
	}
}

// regions jumps and reads some in sequence there, as tools with an index do.
func regions(r *rand.Rand, size int64) iter.Seq[span] {
	region, piece := int64(64<<10)<<r.IntN(7), (16<<10)<<r.IntN(4)
	return func(yield func(span) bool) {
		for range 20 {
			off := r.Int64N(size)
			for s := range run(off, min(off+region, size), piece) {
				if !yield(s) {
					return
				}
			}
		}
	}
}

// interleaved is several sequential readers of up to 8 MiB that share an opened file.
func interleaved(r *rand.Rand, size int64) iter.Seq[span] {
	piece := step(r)
	starts := make([]int64, 2+r.IntN(7))
	for i := range starts {
		starts[i] = r.Int64N(size)
	}
	return func(yield func(span) bool) {
		for s := range run(0, 8*mebibyte, piece) {
			for _, off := range starts {
				if off+s.off < size && !yield(span{off + s.off, piece}) {
					return
				}
			}
		}
	}
}
