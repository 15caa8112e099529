package c4gh

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// naive applies an edit list byte by byte, straight from the specification's words.
func naive(plain []byte, e EditList) []byte {
	if len(e) == 0 {
		return plain
	}
	kept, pos := []byte{}, 0
	for i, n := range e {
		for ; n > 0 && pos < len(plain); n-- {
			if i%2 == 1 {
				kept = append(kept, plain[pos])
			}
			pos++
		}
	}
	if len(e)%2 == 1 {
		kept = append(kept, plain[pos:]...)
	}
	return kept
}

// apply takes the bytes [off, off+n) after edits out of a plaintext before edits.
func apply(plain []byte, x Extents, off, n int64) []byte {
	got := []byte{}
	for e := range x.Range(off, n) {
		got = append(got, plain[e.Off:e.Off+e.Len]...)
	}
	return got
}

func randomList(r *rand.Rand, size int) EditList {
	e := make(EditList, r.IntN(9))
	for i := range e {
		switch r.IntN(8) {
		case 0: // zero
		case 1:
			e[i] = math.MaxUint64 - r.Uint64N(3)
		case 2:
			e[i] = r.Uint64()
		default:
			e[i] = uint64(r.IntN(size/2 + 2))
		}
	}
	return e
}

func TestEditListsAgainstOracle(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	plain := pattern(400)
	for range 100_000 {
		size := r.IntN(len(plain) + 1)
		e := randomList(r, size)
		want, x := naive(plain[:size], e), e.Extents(int64(size))
		if x.Size() != int64(len(want)) {
			t.Fatalf("%v of %d: size %d, want %d", e, size, x.Size(), len(want))
		}
		if got := apply(plain, x, 0, math.MaxInt64); !bytes.Equal(got, want) {
			t.Fatalf("%v of %d: wrong bytes", e, size)
		}
		off, n := r.IntN(len(want)+2), r.IntN(len(want)+2)
		some := want[min(off, len(want)):min(off+n, len(want))]
		if got := apply(plain, x, int64(off), int64(n)); !bytes.Equal(got, some) {
			t.Fatalf("%v of %d: wrong bytes in [%d, %d)", e, size, off, off+n)
		}
	}
}

func TestEditListOfSpecification(t *testing.T) {
	e := EditList{0, 7853, 71721, 307929, 51299, 38}
	want := []Extent{{0, 7853}, {7853 + 71721, 307929}, {7853 + 71721 + 307929 + 51299, 38}}
	x := e.Extents(1 << 20)
	if got := x.within(0, math.MaxInt64); !slices.Equal(got, want) || x.Size() != 7853+307929+38 {
		t.Errorf("%v, %d bytes", got, x.Size())
	}
	k := newKey(t)
	plain := pattern(500_000)
	object := build(t, k, parts{plain: plain, edits: e})
	for _, p := range paths() {
		if got, err := p.read(object, []*SecretKey{k}); err != nil || !bytes.Equal(got, naive(plain, e)) {
			t.Errorf("%s: %d bytes, %v", p.name, len(got), err)
		}
	}
}

func TestExtentsAtTheEdges(t *testing.T) {
	const huge = math.MaxUint64
	for _, c := range []struct {
		list EditList
		size int64
		want []Extent
	}{
		{nil, 10, []Extent{{0, 10}}},
		{EditList{}, 10, []Extent{{0, 10}}},
		{EditList{}, 0, nil},
		{EditList{}, -1, nil},
		{EditList{0}, 10, []Extent{{0, 10}}},
		{EditList{10}, 10, nil},
		{EditList{3}, 10, []Extent{{3, 7}}},
		{EditList{3, 0}, 10, nil},
		{EditList{3, 0, 0, 2}, 10, []Extent{{3, 2}}},
		{EditList{0, 3, 0, 2}, 10, []Extent{{0, 5}}},
		{EditList{0, 3, 0}, 10, []Extent{{0, 10}}},
		{EditList{1, huge}, 10, []Extent{{1, 9}}},
		{EditList{huge, 1, 1, 1}, 10, nil},
		{EditList{1, huge, huge, huge}, math.MaxInt64, []Extent{{1, math.MaxInt64 - 1}}},
		{EditList{1 << 63, 1 << 63, 5, 5}, math.MaxInt64, nil},
		{EditList{0, 1, math.MaxInt64 - 2, 5}, math.MaxInt64, []Extent{{0, 1}, {math.MaxInt64 - 1, 1}}},
	} {
		if got := c.list.Extents(c.size).within(0, math.MaxInt64); !slices.Equal(got, c.want) {
			t.Errorf("%v of %d keeps %v, want %v", c.list, c.size, got, c.want)
		}
	}
}

func TestRangeIsClamped(t *testing.T) {
	for _, x := range []Extents{Whole(10), EditList{0, 4, 2, 6}.Extents(12)} {
		for _, c := range []struct{ off, n, want int64 }{
			{0, 10, 10}, {-5, 10, 5}, {-5, 5, 0}, {-5, 3, 0}, {9, 5, 1}, {10, 5, 0}, {99, 5, 0}, {2, -1, 0},
			{math.MinInt64, math.MaxInt64, 0}, {math.MaxInt64, math.MaxInt64, 0}, {3, math.MaxInt64, 7},
		} {
			var got int64
			for e := range x.Range(c.off, c.n) {
				got += e.Len
			}
			if got != c.want {
				t.Errorf("Range(%d, %d) has %d bytes, want %d", c.off, c.n, got, c.want)
			}
		}
	}
	for range EditList(nil).Extents(10).Range(0, 10) {
		break // stopping early is allowed
	}
	for range (EditList{0, 1, 1, 1}).Extents(10).Range(0, 10) {
		break
	}
}

func TestWholeAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(10, func() { _ = Whole(1 << 40).Size() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
