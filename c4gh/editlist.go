package c4gh

import (
	"iter"
	"slices"
	"sort"
)

// EditList says which plaintext bytes a reader gets to see, as lengths in plaintext bytes: discard, keep, discard, keep
// and so on (specification, section 4.3). After an even number of lengths nothing more is kept, after an odd number
// everything is. An empty list edits nothing.
type EditList []uint64

// Extents returns what the list keeps of a plaintext of size bytes before edits. Lengths beyond the end are clamped.
func (e EditList) Extents(size int64) Extents {
	if len(e) == 0 {
		return Whole(size)
	}
	x := Extents{runs: []run{}}
	limit, pos := uint64(max(size, 0)), uint64(0)
	for i := 0; i < len(e); i += 2 {
		pos = addSaturating(pos, e[i])
		if pos >= limit {
			break
		}
		n := limit - pos
		if i+1 < len(e) {
			n = min(n, e[i+1])
		}
		x.keep(int64(pos), int64(n))
		pos += n
	}
	return x
}

// Extent is a range of the plaintext: offset and length in plaintext bytes before edits.
type Extent struct{ Off, Len int64 }

// run is a kept range; its length is the distance to the next run's start.
type run struct {
	off   int64 // plaintext byte before edits
	start int64 // plaintext byte after edits
}

// Extents are the kept ranges of a plaintext, in order, without empty or adjoining ones. The zero value keeps nothing.
// It is a value that doesn't change: any number of goroutines may use it.
type Extents struct {
	size int64 // plaintext bytes after edits
	runs []run // nil: one run at 0
}

// Whole are the extents that keep everything of a plaintext of size bytes. It allocates nothing.
func Whole(size int64) Extents { return Extents{size: max(size, 0)} }

// Size returns the plaintext bytes after edits.
func (x Extents) Size() int64 { return x.size }

// Range yields the ranges of the plaintext before edits, in order, that hold the bytes [off, off+n) of the plaintext
// after edits, clamped to what there is. Finding the first takes O(log n) of the number of runs.
func (x Extents) Range(off, n int64) iter.Seq[Extent] {
	if off < 0 {
		n = max(n, 0) + off
		off = 0
	}
	off = min(off, x.size)
	end := off + min(max(n, 0), x.size-off)
	return func(yield func(Extent) bool) {
		if off == end {
			return
		}
		if x.runs == nil {
			yield(Extent{off, end - off})
			return
		}
		i := sort.Search(len(x.runs), func(i int) bool { return x.runs[i].start > off }) - 1
		for at := off; at < end; i++ {
			stop := min(end, x.end(i))
			if !yield(Extent{x.runs[i].off + at - x.runs[i].start, stop - at}) {
				return
			}
			at = stop
		}
	}
}

// within collects Range for a loop that comes back to it.
func (x Extents) within(off, n int64) []Extent { return slices.Collect(x.Range(off, n)) }

// end returns the byte after edits behind run i.
func (x Extents) end(i int) int64 {
	if i+1 < len(x.runs) {
		return x.runs[i+1].start
	}
	return x.size
}

// keep adds a run behind the others, or makes the last one longer when they adjoin.
func (x *Extents) keep(off, n int64) {
	if n == 0 {
		return
	}
	if last := len(x.runs) - 1; last < 0 || x.runs[last].off+x.size-x.runs[last].start != off {
		x.runs = append(x.runs, run{off, x.size})
	}
	x.size += n
}
