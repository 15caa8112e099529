package c4gh

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
)

func rearranged(t *testing.T, src io.Reader, k *SecretKey, r *Range) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Rearrange(&b, src, []*SecretKey{newKey(t), k}, RearrangeOptions{Range: r}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// checkArranged reads the result and looks at its size: only the segments that the range touches are left.
func checkArranged(t *testing.T, object []byte, k *SecretKey, want []byte, atMost int) {
	t.Helper()
	for _, p := range []path{paths()[0], paths()[5]} { // the Reader, and by hand
		if got, err := p.read(object, []*SecretKey{k}); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, want %d, %v", p.name, len(got), len(want), err)
		}
	}
	b, body := openBody(t, k, object)
	if len(body) > atMost*SealedSegmentSize {
		t.Errorf("%d bytes of body, at most %d segments are needed", len(body), atMost)
	}
	list, ok := b.EditList()
	for i, n := range list {
		if i > 0 && n == 0 {
			t.Errorf("a zero in %v", list)
		}
	}
	if ok && (len(list) == 0 || len(list) == 1 && list[0] == 0) {
		t.Errorf("the edit list %v edits nothing", list)
	}
}

func TestRearrange(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	plain := pattern(3*SegmentSize + 1000)
	for _, e := range []EditList{nil, {}, {5, 70_000, 100, 3, 65536, 1 << 40}, {0, 1, 65535, 65536}, {1, 2, 3, 4, 5}} {
		object, want := build(t, k, parts{plain: plain, edits: e}), naive(plain, e)
		for _, r := range ranges(int64(len(want))) {
			for _, src := range []io.Reader{bytes.NewReader(object), plainReader{bytes.NewReader(object)}} {
				got := rearranged(t, src, k, r)
				atMost := 4
				if r != nil && r.To >= 0 && e == nil {
					atMost = int(min(4, (r.To-r.From)/SegmentSize+2))
				}
				checkArranged(t, got, k, r.slice(want), atMost)
			}
		}
	}
}

// TestRearrangeTwice applies random ranges one after the other, as naive slicing does.
func TestRearrangeTwice(t *testing.T) {
	t.Parallel()
	k, r := newKey(t), rand.New(rand.NewPCG(3, 4))
	plain := pattern(5*SegmentSize + 77)
	for range 60 {
		e := EditList{uint64(r.IntN(100_000)), uint64(r.IntN(100_000)), uint64(r.IntN(100_000)), uint64(r.IntN(100_000)), uint64(r.IntN(9))}
		object, want := build(t, k, parts{plain: plain, edits: e}), naive(plain, e)
		for range 3 {
			from := int64(r.IntN(len(want) + 1))
			step := &Range{from, from + int64(r.IntN(len(want)+1))}
			object, want = rearranged(t, bytes.NewReader(object), k, step), step.slice(want)
			checkArranged(t, object, k, want, 6)
		}
	}
}

func TestRearrangeWritesEvenLists(t *testing.T) {
	k := newKey(t)
	object := build(t, k, parts{plain: pattern(3 * SegmentSize)})
	for _, c := range []struct {
		r    Range
		src  io.Reader
		want EditList
	}{
		{Range{10, 20}, bytes.NewReader(object), EditList{10, 10}},
		{Range{70_000, 140_000}, bytes.NewReader(object), EditList{4464, 70_000}},
		{Range{70_000, -1}, bytes.NewReader(object), EditList{4464, 3*65536 - 70_000}},
		{Range{70_000, -1}, plainReader{bytes.NewReader(object)}, EditList{4464}},
		{Range{65536, -1}, bytes.NewReader(object), nil},
		{Range{65536, -1}, plainReader{bytes.NewReader(object)}, nil},
		{Range{0, 3 * 65536}, bytes.NewReader(object), nil},
		{Range{0, 65536}, bytes.NewReader(object), EditList{0, 65536}},
		{Range{5, 5}, bytes.NewReader(object), nil},
	} {
		b, _ := openBody(t, k, rearranged(t, c.src, k, &c.r))
		if got, _ := b.EditList(); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.r, got, c.want)
		}
	}
}

func TestRearrangeRefuses(t *testing.T) {
	k := newKey(t)
	object := build(t, k, parts{plain: pattern(SegmentSize), tail: make([]byte, 5)})
	for _, src := range []io.Reader{bytes.NewReader(object), plainReader{bytes.NewReader(object)}} {
		if err := Rearrange(io.Discard, src, []*SecretKey{k}, RearrangeOptions{}); !errors.Is(err, ErrMalformed) {
			t.Errorf("a cut body: %v", err)
		}
	}
	if err := Rearrange(io.Discard, bytes.NewReader(object), []*SecretKey{newKey(t)}, RearrangeOptions{}); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	if err := Rearrange(io.Discard, bytes.NewReader(object), []*SecretKey{k}, RearrangeOptions{Range: &Range{2, 1}}); !errors.Is(err, errRange) {
		t.Error(err)
	}
}

func TestReencrypt(t *testing.T) {
	old, other, fresh := newKey(t), newKey(t), newKey(t)
	plain, data, edits := pattern(70_000), newDataKeyT(t), EditList{3, 66_000}
	h, err := NewHeader(HeaderOptions{Recipients: []PublicKey{old.Public(), other.Public()}, DataKeys: []*DataKey{data}, Edits: edits})
	if err != nil {
		t.Fatal(err)
	}
	object := slices.Concat(h.Marshal(), sealT(t, data, plain[:SegmentSize]), sealT(t, data, plain[SegmentSize:]))
	want := naive(plain, edits)
	for _, c := range []struct {
		trim  bool
		reads map[*SecretKey]error
	}{
		{false, map[*SecretKey]error{fresh: nil, other: nil, old: ErrNoKey}},
		{true, map[*SecretKey]error{fresh: nil, other: ErrNoKey, old: ErrNoKey}},
	} {
		o := ReencryptOptions{Recipients: []PublicKey{fresh.Public(), fresh.Public()}, Trim: c.trim, Writer: old}
		var b, header bytes.Buffer
		if err := Reencrypt(&b, bytes.NewReader(object), []*SecretKey{old}, o); err != nil {
			t.Fatal(err)
		}
		for k, class := range c.reads {
			opens(t, "reencrypted", b.Bytes(), []*SecretKey{k}, want, class)
		}
		o.HeaderOnly = true
		if err := Reencrypt(&header, bytes.NewReader(object), []*SecretKey{old}, o); err != nil {
			t.Fatal(err)
		}
		body := object[h.Size():]
		if header.Len() != b.Len()-len(body) || !bytes.HasSuffix(b.Bytes(), body) {
			t.Errorf("header of %d bytes, object of %d, body of %d", header.Len(), b.Len(), len(body))
		}
	}
	if err := Reencrypt(io.Discard, bytes.NewReader(object), []*SecretKey{fresh}, ReencryptOptions{Recipients: []PublicKey{old.Public()}}); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	if err := Reencrypt(io.Discard, bytes.NewReader(object), []*SecretKey{old}, ReencryptOptions{}); err == nil {
		t.Error("without a recipient")
	}
}
