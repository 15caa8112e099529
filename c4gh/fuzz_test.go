package c4gh

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// classes are the errors that reading an object may end in, when its source doesn't fail.
func classes() []error { return []error{ErrNotCrypt4GH, ErrMalformed, ErrNoKey, ErrSegment} }

func isOneOf(err error, classes ...error) bool {
	n := 0
	for _, c := range classes {
		if errors.Is(err, c) {
			n++
		}
	}
	return n == 1
}

func addFiles(f *testing.F, pattern string, max int) {
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds for ", pattern, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:min(len(b), max)])
	}
}

// FuzzHeader: a header that is read is written as it was, and opening it ends in a known class.
func FuzzHeader(f *testing.F) {
	addFiles(f, "objects/*", 1000)
	addFiles(f, "vectors/*.c4gh", 1000)
	f.Add(append(head(1, maxPackets), u32(8)...))
	f.Add(append(head(1, 1), u32(maxHeader)...))
	keys := []*SecretKey{loadKey(f, "ref-none.sec"), loadKey(f, "ssh-none")}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := ReadHeader(bytes.NewReader(data))
		if err != nil {
			if !isOneOf(err, ErrNotCrypt4GH, ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(h.Marshal(), data[:h.Size()]) {
			t.Fatal("the header changed")
		}
		if _, err := h.Open(keys, OpenOptions{}); err != nil && !isOneOf(err, ErrMalformed, ErrNoKey) {
			t.Fatal(err)
		}
	})
}

// FuzzPayload seals any payload, so that the parser behind the encryption is reached, and reads through every path.
func FuzzPayload(f *testing.F) {
	f.Add(EditList{0, 7853, 71721, 307929, 51299, 38}.payload(), []byte("tail"))
	f.Add(append(u32(0), make([]byte, 36)...), make([]byte, 28))
	f.Add(u32(2), []byte(nil))
	k := loadKey(f, "ref-none.sec")
	data := newDataKeyT(f)
	f.Fuzz(func(t *testing.T, payload, tail []byte) {
		if len(payload) > 10_000 || len(tail) > 10_000 {
			return
		}
		plain := pattern(70_000)
		object := build(t, k, parts{plain: plain, keys: []*DataKey{data}, payloads: [][]byte{payload}, tail: tail})
		var want []byte
		var first error
		for i, p := range paths() {
			got, err := p.read(object, []*SecretKey{k})
			if err != nil && !isOneOf(err, classes()...) {
				t.Fatalf("%s: %v", p.name, err)
			}
			// Which hidden segments are opened depends on whether the path knows the size, so ErrSegment may differ.
			if i == 0 {
				want, first = got, err
			} else if errors.Is(err, ErrSegment) || errors.Is(first, ErrSegment) {
				continue
			} else if (err == nil) != (first == nil) || err == nil && !bytes.Equal(got, want) {
				t.Fatalf("%s: %d bytes and %v, but before %d and %v", p.name, len(got), err, len(want), first)
			}
		}
	})
}

// FuzzSecretKey: an error of a known class, or a key that reads the same again after it was written.
func FuzzSecretKey(f *testing.F) {
	addFiles(f, "keys/*", 1000)
	f.Fuzz(func(t *testing.T, data []byte) {
		calls := 0
		locked := func() ([]byte, error) { calls++; return nil, errors.New("nobody there") }
		k, err := ParseSecretKey(data, locked)
		if calls > 1 || err != nil && !isOneOf(err, ErrNotKey, ErrPassphrase) {
			t.Fatalf("%v after %d calls", err, calls)
		}
		if err != nil {
			return
		}
		again, err := k.Marshal(KeyOptions{Comment: k.Comment()})
		if err != nil {
			if len(k.Comment()) <= math.MaxUint16 {
				t.Fatal(err)
			}
			return
		}
		same, err := ParseSecretKey(again, nil)
		if err != nil || same.Public() != k.Public() || same.Comment() != k.Comment() {
			t.Fatal(err)
		}
	})
}

// FuzzPublicKey: ErrNotKey, or a key that reads the same again after it was written.
func FuzzPublicKey(f *testing.F) {
	addFiles(f, "keys/*pub*", 1000)
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := ParsePublicKey(data)
		if err != nil {
			if !isOneOf(err, ErrNotKey) {
				t.Fatal(err)
			}
			return
		}
		if same, err := ParsePublicKey(k.Marshal()); err != nil || same != k {
			t.Fatal(err)
		}
	})
}

// FuzzEditList compares with the naive oracle, and checks what must hold for sizes too large for it.
func FuzzEditList(f *testing.F) {
	f.Add(EditList{0, 7853, 71721, 307929, 51299, 38}.payload()[8:], int64(1000), int64(0), int64(99))
	f.Add(EditList{math.MaxUint64, 1, 2}.payload()[8:], int64(math.MaxInt64), int64(5), int64(math.MaxInt64))
	f.Add([]byte(nil), int64(10), int64(-3), int64(7))
	f.Fuzz(func(t *testing.T, raw []byte, size, off, n int64) {
		e := make(EditList, min(len(raw)/8, 1000))
		for i := range e {
			e[i] = binary.LittleEndian.Uint64(raw[8*i:])
		}
		x := e.Extents(size)
		var total int64
		end := int64(-1)
		for r := range x.Range(0, x.Size()) {
			if r.Len <= 0 || r.Off <= end || r.Off > size-r.Len {
				t.Fatalf("%v of %d: %v", e, size, r)
			}
			total, end = total+r.Len, r.Off+r.Len
		}
		if total != x.Size() || total > max(size, 0) {
			t.Fatalf("%v of %d: %d bytes, but Size is %d", e, size, total, x.Size())
		}
		total = 0
		for r := range x.Range(off, n) {
			total += r.Len
		}
		if total > max(n, 0) || total > x.Size() {
			t.Fatalf("%v of %d: %d bytes in [%d, +%d)", e, size, total, off, n)
		}
		if size = min(max(size, 0), 2000); size > 0 {
			plain := pattern(int(size))
			if got := apply(plain, e.Extents(size), 0, size); !bytes.Equal(got, naive(plain, e)) {
				t.Fatalf("%v of %d: wrong bytes", e, size)
			}
		}
	})
}

// FuzzSizes: the size functions are inverses, and impossible sizes are refused.
func FuzzSizes(f *testing.F) {
	for _, n := range []int64{0, 1, 27, 28, 29, 65536, 65564, 65591, 65592, math.MaxInt64, math.MinInt64} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n int64) {
		checkSizes(t, n)
		plain, err := PlaintextSize(n)
		if err != nil {
			if n >= 0 && !shortTail(n) {
				t.Fatal(err)
			}
			return
		}
		if empty := n%SealedSegmentSize == SegmentOverhead; !empty && BodySize(plain) != n || plain > n {
			t.Fatalf("PlaintextSize(%d) = %d", n, plain)
		}
	})
}

// FuzzRearrange: any range of any edited object is what slicing the plaintext gives.
func FuzzRearrange(f *testing.F) {
	f.Add(EditList{0, 7853, 71721, 37929, 5129, 38}.payload()[8:], int64(10), int64(20), true)
	f.Add(EditList{}.payload()[8:], int64(65536), int64(-1), false)
	k := loadKey(f, "ref-none.sec")
	plain := pattern(2*SegmentSize + 100)
	f.Fuzz(func(t *testing.T, raw []byte, from, to int64, seek bool) {
		e := make(EditList, min(len(raw)/8, 50))
		for i := range e {
			e[i] = binary.LittleEndian.Uint64(raw[8*i:])
		}
		r := &Range{from, to}
		if _, _, err := r.bounds(); err != nil {
			return
		}
		var src io.Reader = bytes.NewReader(build(t, k, parts{plain: plain, edits: e}))
		if !seek {
			src = plainReader{src}
		}
		got, err := openByHand(rearranged(t, src, k, r), []*SecretKey{k})
		if want := r.slice(naive(plain, e)); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v of %v: %d bytes, want %d, %v", r, e, len(got), len(want), err)
		}
	})
}
