package c4gh

import (
	"errors"
	"math"
	"testing"
)

func TestSizes(t *testing.T) {
	for _, c := range []struct{ body, plaintext int64 }{
		{0, 0}, {29, 1}, {65563, 65535}, {65564, 65536}, {65593, 65537}, {131128, 131072}, {131157, 131073},
		{1 << 40, 1<<40 - (1<<40)/65564*28 - 28},
	} {
		got, err := PlaintextSize(c.body)
		if err != nil || got != c.plaintext {
			t.Errorf("PlaintextSize(%d) = %d, %v; want %d", c.body, got, err, c.plaintext)
		}
		if got := BodySize(c.plaintext); got != c.body {
			t.Errorf("BodySize(%d) = %d, want %d", c.plaintext, got, c.body)
		}
	}
	for _, empty := range []int64{28, 65564 + 28} {
		if got, err := PlaintextSize(empty); err != nil || got != empty/65564*65536 {
			t.Errorf("PlaintextSize(%d) = %d, %v", empty, got, err)
		}
	}
	for _, bad := range []int64{-1, math.MinInt64, 1, 27, 65565, 65591, 131129} {
		if got, err := PlaintextSize(bad); !errors.Is(err, ErrMalformed) {
			t.Errorf("PlaintextSize(%d) = %d, %v", bad, got, err)
		}
	}
	for _, huge := range []int64{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt64 / SealedSegmentSize * SegmentSize} {
		if got := BodySize(huge); got < huge {
			t.Errorf("BodySize(%d) = %d", huge, got)
		}
	}
	if got := BodySize(-1); got != 0 {
		t.Errorf("BodySize(-1) = %d", got)
	}
}

func checkSizes(t *testing.T, n int64) {
	body := BodySize(n)
	if n < 0 || body == math.MaxInt64 {
		return
	}
	if got, err := PlaintextSize(body); err != nil || got != n {
		t.Errorf("PlaintextSize(BodySize(%d)) = %d, %v", n, got, err)
	}
}

func TestSizesAreInverse(t *testing.T) {
	for n := int64(0); n < 3*SegmentSize+100; n++ {
		checkSizes(t, n)
	}
	for shift := range 62 {
		for d := int64(-2); d <= 2; d++ {
			checkSizes(t, 1<<shift+d)
		}
	}
}

func TestSaturation(t *testing.T) {
	if got := addSaturating(math.MaxUint64, 1); got != math.MaxUint64 {
		t.Error(got)
	}
	if got := addClamped(math.MaxInt64, 1); got != math.MaxInt64 {
		t.Error(got)
	}
	if got := sealedOffset(math.MaxInt64 / SegmentSize); got != math.MaxInt64 {
		t.Error(got)
	}
}
