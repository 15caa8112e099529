package c4gh

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"testing"
	"testing/iotest"
	"time"
)

// TestRoundTrip: both ways to write and all ways to read agree at the boundaries.
func TestRoundTrip(t *testing.T) {
	k := newKey(t)
	to := []PublicKey{newKey(t).Public(), k.Public(), k.Public()}
	for _, n := range sizes {
		plain := pattern(n)
		var a, b bytes.Buffer
		w, err := NewWriter(&a, nil, to)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < n; i += 50_000 {
			if _, err := w.Write(plain[i:min(i+50_000, n)]); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(w.Close(), w.Close()); err != nil {
			t.Fatal(err)
		}
		if got, err := Encrypt(&b, bytes.NewReader(plain), EncryptOptions{Recipients: to}); got != int64(n) || err != nil {
			t.Fatal(got, err)
		}
		for _, object := range [][]byte{a.Bytes(), b.Bytes()} {
			if want := 16 + 2*108 + BodySize(int64(n)); int64(len(object)) != want {
				t.Errorf("%d bytes became %d, want %d", n, len(object), want)
			}
			opens(t, fmt.Sprint(n), object, []*SecretKey{k}, plain, nil)
		}
	}
}

// TestReferenceObjects reads what the reference tool wrote.
func TestReferenceObjects(t *testing.T) {
	ref, ssh := loadKey(t, "ref-none.sec"), loadKey(t, "ssh-none")
	writer := loadPublic(t, "writer.pub")
	for _, n := range []int{0, 1, 65535, 65536, 65537} {
		object := testdata(t, fmt.Sprintf("objects/one-%d.c4gh", n))
		opens(t, fmt.Sprint(n), object, []*SecretKey{ssh, ref}, pattern(n), nil)
		opens(t, fmt.Sprint(n), object, []*SecretKey{ssh}, nil, ErrNoKey)
		opens(t, fmt.Sprint(n), object, nil, nil, ErrNoKey)
		if _, err := NewReader(bytes.NewReader(object), []*SecretKey{ref}, OpenOptions{Writer: &writer}); err != nil {
			t.Error(err)
		}
	}
	for _, k := range []*SecretKey{ref, ssh} {
		opens(t, "three", testdata(t, "objects/three-1000.c4gh"), []*SecretKey{k}, pattern(1000), nil)
	}
	opens(t, "reencrypted", testdata(t, "objects/reencrypted-1000.c4gh"), []*SecretKey{ssh}, pattern(1000), nil)
	opens(t, "reencrypted", testdata(t, "objects/reencrypted-1000.c4gh"), []*SecretKey{ref}, nil, ErrNoKey)
	opens(t, "rearranged", testdata(t, "objects/rearranged.c4gh"), []*SecretKey{ref}, pattern(200_000)[70_000:140_000], nil)
}

// TestCutsAndFlips: a body cut anywhere but between segments, or with any byte flipped, is an error, and what was
// handed out before it is right.
func TestCutsAndFlips(t *testing.T) {
	k := newKey(t)
	plain := pattern(2*SegmentSize + 40)
	object := build(t, k, parts{plain: plain})
	start := 16 + 108
	check := func(what string, i int, bad []byte) {
		for _, p := range paths() {
			got, err := p.read(bad, []*SecretKey{k})
			if err == nil || !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrSegment) {
				t.Errorf("%s %d, %s: %v", what, i, p.name, err)
			}
			if !bytes.HasPrefix(plain, got) || len(got) > (i-start)/SealedSegmentSize*SegmentSize {
				t.Errorf("%s %d, %s: %d wrong bytes", what, i, p.name, len(got))
			}
		}
	}
	const step = 1999
	for i := start + 1; i < len(object); i += step {
		if (i-start)%SealedSegmentSize != 0 {
			check("cut at", i, object[:i])
		}
		bad := bytes.Clone(object)
		bad[i] ^= 0x10
		check("flipped", i, bad)
	}
	for i := len(object) - 1; i > len(object)-69; i-- {
		if (i-start)%SealedSegmentSize != 0 {
			check("cut at", i, object[:i])
		}
	}
}

// TestBrokenSource: an error of the source is the error of the reader, never the end.
func TestBrokenSource(t *testing.T) {
	k := newKey(t)
	object := build(t, k, parts{plain: pattern(20 * SegmentSize)})
	for _, broken := range []error{errors.New("reset"), io.ErrUnexpectedEOF} {
		for _, n := range []int{124, 125, 124 + SealedSegmentSize, 124 + 9*SealedSegmentSize + 5, len(object)} {
			src := func() io.Reader { return io.MultiReader(bytes.NewReader(object[:n]), iotest.ErrReader(broken)) }
			r, err := NewReader(src(), []*SecretKey{k}, OpenOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, r); !errors.Is(err, broken) || errors.Is(err, ErrMalformed) {
				t.Errorf("Reader, %d: %v", n, err)
			}
			if _, err := r.Read(make([]byte, 1)); !errors.Is(err, broken) {
				t.Errorf("Reader, %d, again: %v", n, err)
			}
			if _, err := Decrypt(io.Discard, src(), []*SecretKey{k}, DecryptOptions{}); !errors.Is(err, broken) {
				t.Errorf("Decrypt, %d: %v", n, err)
			}
		}
		src := io.MultiReader(bytes.NewReader(make([]byte, 1000)), iotest.ErrReader(broken))
		if _, err := Encrypt(io.Discard, src, EncryptOptions{Recipients: []PublicKey{k.Public()}}); !errors.Is(err, broken) {
			t.Errorf("Encrypt: %v", err)
		}
	}
}

// failAfter is a destination that takes n bytes.
type failAfter struct {
	n   int
	err error
}

func (f *failAfter) Write(p []byte) (int, error) {
	n := min(f.n, len(p))
	if f.n -= n; n < len(p) {
		return n, f.err
	}
	return n, nil
}

// TestBrokenDestination also counts the goroutines that are left behind: none.
func TestBrokenDestination(t *testing.T) {
	k := newKey(t)
	plain := pattern(40 * SegmentSize)
	object := build(t, k, parts{plain: plain})
	to, full := []PublicKey{k.Public()}, errors.New("disk full")
	before := runtime.NumGoroutine()
	for _, n := range []int{0, 100, 200, 3 * SegmentSize, 39 * SegmentSize} {
		got, err := Decrypt(&failAfter{n, full}, bytes.NewReader(object), []*SecretKey{k}, DecryptOptions{})
		if !errors.Is(err, full) || got != int64(n) {
			t.Errorf("Decrypt, %d: %d, %v", n, got, err)
		}
		if _, err := Encrypt(&failAfter{n, full}, bytes.NewReader(plain), EncryptOptions{Recipients: to}); !errors.Is(err, full) {
			t.Errorf("Encrypt, %d: %v", n, err)
		}
		w, err := NewWriter(&failAfter{n, full}, nil, to)
		if err == nil {
			_, err = w.Write(plain)
			if again := w.Close(); !errors.Is(again, full) {
				t.Errorf("Close, %d: %v", n, again)
			}
		}
		if !errors.Is(err, full) {
			t.Errorf("Writer, %d: %v", n, err)
		}
	}
	for i := 0; runtime.NumGoroutine() > before; i++ {
		if i == 100 {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(10 * time.Millisecond) // a goroutine that has ended is counted for a moment
	}
}

func TestWriterAfterClose(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, nil, []PublicKey{newKey(t).Public()})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := w.Write([]byte("x")); n != 0 || err == nil || b.Len() != 124 {
		t.Errorf("%d, %v", n, err)
	}
}

// ranges are half-open ranges at the boundaries of a plaintext of size bytes.
func ranges(size int64) []*Range {
	all := []*Range{nil}
	edges := []int64{0, 1, 100, 65535, 65536, 65537, 131072, size - 1, size, size + 1, size + 1<<20, math.MaxInt64}
	for _, from := range edges {
		all = append(all, &Range{from, -1})
		for _, to := range edges {
			if from <= to {
				all = append(all, &Range{from, to})
			}
		}
	}
	return all
}

// slice cuts a range out of a plaintext.
func (r *Range) slice(plain []byte) []byte {
	if r == nil {
		return plain
	}
	size := int64(len(plain))
	from, to := min(r.From, size), min(r.To, size)
	if r.To < 0 {
		to = size
	}
	return plain[from:to]
}

func TestRanges(t *testing.T) {
	k := newKey(t)
	plain := pattern(3*SegmentSize + 1000)
	for _, e := range []EditList{nil, {5, 70_000, 100, 3, 65536, 1 << 40}, {0, 1, 65535, 65536}} {
		object, want := build(t, k, parts{plain: plain, edits: e}), naive(plain, e)
		for _, r := range ranges(int64(len(want))) {
			for _, src := range []io.Reader{bytes.NewReader(object), plainReader{bytes.NewReader(object)}} {
				var b bytes.Buffer
				n, err := Decrypt(&b, src, []*SecretKey{k}, DecryptOptions{Range: r})
				if err != nil || n != int64(b.Len()) || !bytes.Equal(b.Bytes(), r.slice(want)) {
					t.Errorf("Decrypt %v of %v: %d bytes, %v", r, e, n, err)
				}
			}
		}
	}
	for _, r := range ranges(int64(len(plain))) {
		for _, src := range []io.Reader{bytes.NewReader(plain), plainReader{bytes.NewReader(plain)}} {
			var b bytes.Buffer
			n, err := Encrypt(&b, src, EncryptOptions{Recipients: []PublicKey{k.Public()}, Range: r})
			want := r.slice(plain)
			if got, bad := openByHand(b.Bytes(), []*SecretKey{k}); err != nil || bad != nil || n != int64(len(want)) || !bytes.Equal(got, want) {
				t.Errorf("Encrypt %v: %d bytes, %v, %v", r, n, err, bad)
			}
		}
	}
	for _, r := range []Range{{-1, 5}, {5, 4}, {math.MinInt64, -1}} {
		if _, err := Decrypt(io.Discard, bytes.NewReader(nil), nil, DecryptOptions{Range: &r}); !errors.Is(err, errRange) {
			t.Errorf("%v: %v", r, err)
		}
	}
}

// TestSkippingSeeks: what a range doesn't need isn't read where the source can seek.
func TestSkippingSeeks(t *testing.T) {
	k := newKey(t)
	plain := pattern(50 * SegmentSize)
	src := &countingSeeker{Reader: bytes.NewReader(build(t, k, parts{plain: plain}))}
	var b bytes.Buffer
	_, err := Decrypt(&b, src, []*SecretKey{k}, DecryptOptions{Range: &Range{40*SegmentSize + 5, 40*SegmentSize + 10}})
	if err != nil || !bytes.Equal(b.Bytes(), plain[40*SegmentSize+5:40*SegmentSize+10]) {
		t.Fatal(err)
	}
	if want := 124 + SealedSegmentSize; src.n != want {
		t.Errorf("%d bytes read, want %d", src.n, want)
	}
}

type countingSeeker struct {
	*bytes.Reader
	n int
}

func (c *countingSeeker) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

// WriteTo hides the reader's own, which would pass by the count.
func (c *countingSeeker) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, plainReader{c}) }

func TestEncryptHeaderElsewhere(t *testing.T) {
	k := newKey(t)
	var header, body bytes.Buffer
	o := EncryptOptions{Recipients: []PublicKey{k.Public()}, Header: &header, Writer: k}
	if _, err := Encrypt(&body, bytes.NewReader(pattern(1000)), o); err != nil {
		t.Fatal(err)
	}
	if header.Len() != 124 || body.Len() != 1028 {
		t.Errorf("%d and %d bytes", header.Len(), body.Len())
	}
	opens(t, "joined", append(header.Bytes(), body.Bytes()...), []*SecretKey{k}, pattern(1000), nil)
}

// TestPipelineAllocations: what is allocated depends on the number of jobs in flight, not on that of segments.
func TestPipelineAllocations(t *testing.T) {
	k := newKey(t)
	count := func(segments int) float64 {
		object := build(t, k, parts{plain: pattern(segments * SegmentSize)})
		return testing.AllocsPerRun(5, func() {
			if _, err := Decrypt(io.Discard, bytes.NewReader(object), []*SecretKey{k}, DecryptOptions{Workers: 1}); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := count(80), count(400); many > few+40 {
		t.Errorf("%v allocations for 80 segments, %v for 400", few, many)
	}
}
