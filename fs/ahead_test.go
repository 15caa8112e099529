package fs

import (
	"context"
	"fmt"
	"testing"

	"allasfs/c4gh"
	"allasfs/objstore/storetest"
)

// TestReadAheadOfHeaders follows ways through a listing of 10,000 entries.
func TestReadAheadOfHeaders(t *testing.T) {
	const n = 10_000
	type step struct {
		i        int
		missed   bool
		from, to int // what is begun then; nothing when they are equal
	}
	for name, steps := range map[string][]step{
		"one after the other": {
			{0, true, 1, 1}, {1, true, 2, 18}, {2, false, 18, 19}, {3, true, 19, 68}, {4, true, 68, 261}, {5, true, 261, 1030},
			{6, true, 1030, 1031}, {7, false, 1031, 1032}, {500, false, 1032, 1525},
		},
		"known already": {{0, false, 0, 0}, {1, false, 0, 0}, {2, false, 0, 0}},
		"jumps":         {{10, true, 0, 0}, {5000, true, 0, 0}, {300, true, 0, 0}, {9000, true, 0, 0}, {7000, true, 0, 0}},
		"two ways":      {{10, true, 0, 0}, {5000, true, 0, 0}, {11, true, 12, 28}, {5001, true, 5002, 5018}, {12, false, 28, 29}},
		"back and on":   {{10, true, 0, 0}, {11, true, 12, 28}, {10, false, 0, 0}, {11, false, 0, 0}, {12, false, 28, 29}},
		"at the end":    {{n - 3, true, 0, 0}, {n - 2, true, n - 1, n}, {n - 1, true, 0, 0}},
	} {
		var a readAhead
		for _, s := range steps {
			from, to := a.use(s.i, n, s.missed)
			if (from < to || s.from < s.to) && (from != s.from || to != s.to) {
				t.Errorf("%s: at entry %d, [%d, %d) is begun, want [%d, %d)", name, s.i, from, to, s.from, s.to)
			}
		}
	}
}

// TestReadAheadGoesOnWithThePages: nothing is left out where the listing ends for the time being, and nothing is read
// twice.
func TestReadAheadGoesOnWithThePages(t *testing.T) {
	var a readAhead
	a.use(0, 4, true)
	a.use(1, 4, true)
	if from, to := a.use(2, 100, false); from != 4 || to != 19 {
		t.Errorf("when the next page is there, [%d, %d) is begun", from, to)
	}
	const n = 500
	key := newKey(t)
	store := new(storetest.Memory)
	for i := range n {
		store.Put("b", fmt.Sprintf("%03d.c4gh", i), seal(t, make([]byte, i), key))
	}
	faults := &storetest.Faults{Store: smallPages{store, 50}}
	tree := treeOver(t, faults, TreeOptions{Keys: []*c4gh.SecretKey{key}})
	l := tree.List(Place{Bucket: "b"})
	for i := range n {
		if c, err := l.Content(context.Background(), i); err != nil || c.Size != int64(i) {
			t.Fatalf("entry %d: %+v, %v", i, c, err)
		}
	}
	if gets := faults.Count("get"); gets != n {
		t.Errorf("%d GETs for %d headers", gets, n)
	}
	if c, err := l.Content(context.Background(), n); c != nil || err != nil {
		t.Errorf("behind the last entry: %+v, %v", c, err)
	}
}
