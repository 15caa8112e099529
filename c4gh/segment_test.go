package c4gh

import (
	"bytes"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/iotest"
)

func openBody(t testing.TB, k *SecretKey, object []byte) (*Body, []byte) {
	t.Helper()
	h, err := ReadHeader(bytes.NewReader(object))
	if err != nil {
		t.Fatal(err)
	}
	b, err := h.Open([]*SecretKey{k}, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return b, object[h.Size():]
}

func TestOpenSegmentInPlace(t *testing.T) {
	k := newKey(t)
	for n := range 3 {
		for _, size := range []int{1, 1000, SegmentSize} {
			keys := []*DataKey{newDataKeyT(t), newDataKeyT(t), newDataKeyT(t)}[n:]
			plain := pattern(size)
			b, sealed := openBody(t, k, build(t, k, parts{plain: plain, keys: keys}))
			got, err := b.OpenSegment(sealed)
			if err != nil || !bytes.Equal(got, plain) || &got[0] != &sealed[nonceSize] {
				t.Errorf("%d bytes, %d keys: %v", size, len(keys), err)
			}
		}
	}
}

func TestOpenSegmentRefusesLengths(t *testing.T) {
	k := newKey(t)
	b, _ := openBody(t, k, build(t, k, parts{}))
	for _, n := range []int{0, 1, 27, SealedSegmentSize + 1} {
		if _, err := b.OpenSegment(make([]byte, n)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := b.OpenSegment(make([]byte, 28)); !errors.Is(err, ErrSegment) {
		t.Error(err)
	}
}

// TestBadSegmentHoldsNoPlaintext flips bytes of a segment; afterwards the buffer shows none of the plaintext.
func TestBadSegmentHoldsNoPlaintext(t *testing.T) {
	k := newKey(t)
	marker := []byte("sixteen letters!")
	plain := bytes.Repeat(marker, 64)
	for _, keys := range [][]*DataKey{{newDataKeyT(t)}, {newDataKeyT(t), newDataKeyT(t)}} {
		b, sealed := openBody(t, k, build(t, k, parts{plain: plain, keys: keys}))
		for i := range sealed {
			bad := bytes.Clone(sealed)
			bad[i] ^= 1
			got, err := b.OpenSegment(bad)
			if !errors.Is(err, ErrSegment) || got != nil || bytes.Contains(bad, marker[:8]) {
				t.Fatalf("byte %d of a segment, %d keys: %v", i, len(keys), err)
			}
		}
	}
}

func TestOpenSegmentAllocatesNothing(t *testing.T) {
	k := newKey(t)
	b, sealed := openBody(t, k, build(t, k, parts{plain: pattern(SegmentSize)}))
	buf := make([]byte, len(sealed))
	n := testing.AllocsPerRun(100, func() {
		copy(buf, sealed)
		if _, err := b.OpenSegment(buf); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
	data := newDataKeyT(t)
	if n := testing.AllocsPerRun(100, func() {
		if err := data.SealSegment(buf); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations to seal", n)
	}
}

func TestSealSegmentRefusesLengths(t *testing.T) {
	for _, n := range []int{0, SegmentOverhead, SealedSegmentSize + 1} {
		if err := newDataKeyT(t).SealSegment(make([]byte, n)); err == nil {
			t.Errorf("a segment of %d bytes was sealed", n)
		}
	}
}

// TestBodyFromManyGoroutines has its point under the race detector.
func TestBodyFromManyGoroutines(t *testing.T) {
	k := newKey(t)
	keys := []*DataKey{newDataKeyT(t), newDataKeyT(t), newDataKeyT(t)}
	plain := pattern(6*SegmentSize + 5)
	object := build(t, k, parts{plain: plain, keys: keys, edits: EditList{10, 100_000, 3}})
	want := naive(plain, EditList{10, 100_000, 3})
	r, err := NewReaderAt(bytes.NewReader(object), int64(len(object)), []*SecretKey{k})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			p := make([]byte, 5000)
			for i := range 100 {
				off := (g*7919 + i*65521) % len(want)
				n, err := r.ReadAt(p, int64(off))
				if err != nil && err != io.EOF || !bytes.Equal(p[:n], want[off:min(off+len(p), len(want))]) {
					t.Errorf("at %d: %d bytes, %v", off, n, err)
				}
			}
		})
	}
	all.Wait()
}

func TestReaderAtContract(t *testing.T) {
	k := newKey(t)
	for _, e := range []EditList{nil, {3, 1000, 70_000}} {
		plain := pattern(140_000)
		object := build(t, k, parts{plain: plain, edits: e})
		r, err := NewReaderAt(bytes.NewReader(object), int64(len(object)), []*SecretKey{k})
		if err != nil {
			t.Fatal(err)
		}
		if err := iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), naive(plain, e)); err != nil {
			t.Error(err)
		}
		if n, err := r.ReadAt(make([]byte, 1), r.Size()); n != 0 || err != io.EOF {
			t.Errorf("at the end: %d, %v", n, err)
		}
		if n, err := r.ReadAt(make([]byte, 9), r.Size()-3); n != 3 || err != io.EOF {
			t.Errorf("over the end: %d, %v", n, err)
		}
		if n, err := r.ReadAt(make([]byte, 1), -1); n != 0 || err == nil || err == io.EOF {
			t.Errorf("before the start: %d, %v", n, err)
		}
		if n, err := r.ReadAt(nil, 5); n != 0 || err != nil {
			t.Errorf("nothing: %d, %v", n, err)
		}
	}
}

// TestReaderAtOfShorterSource: the source has less than the size that was said.
func TestReaderAtOfShorterSource(t *testing.T) {
	k := newKey(t)
	object := build(t, k, parts{plain: pattern(140_000)})
	r, err := NewReaderAt(bytes.NewReader(object[:len(object)-10]), int64(len(object)), []*SecretKey{k})
	if err != nil {
		t.Fatal(err)
	}
	n, err := r.ReadAt(make([]byte, 140_000), 0)
	if n != 131072 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%d, %v", n, err)
	}
}
