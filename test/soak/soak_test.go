package soak

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func files() []File {
	return []File{
		{Name: "one byte", Seed: 1, Size: 1},
		{Name: "whole", Seed: 2, Size: 3_000_017},
		{Name: "excerpt", Seed: 2, Size: 2_000_001, Drop: 7001, Keep: 10_003},
	}
}

// excerpt does to a stream what an edit list says.
func excerpt(stream []byte, lengths []uint64) (shown []byte) {
	if len(lengths) == 0 {
		return stream
	}
	for len(lengths) > 0 {
		stream = stream[lengths[0]:]
		shown, stream = append(shown, stream[:lengths[1]]...), stream[lengths[1]:]
		lengths = lengths[2:]
	}
	return shown
}

func TestPiecesAreThoseOfTheStream(t *testing.T) {
	for _, f := range files() {
		stream, err := io.ReadAll(f.Stream())
		if err != nil {
			t.Fatal(err)
		}
		want := excerpt(stream, f.Edits())
		if int64(len(want)) != f.Size {
			t.Fatalf("%s: %d bytes instead of %d", f.Name, len(want), f.Size)
		}
		r := rand.New(rand.NewPCG(f.Seed, 1))
		for range 1000 {
			off := r.Int64N(f.Size)
			got := make([]byte, min(int64(r.IntN(70_000)), f.Size-off))
			f.Fill(got, off)
			if !bytes.Equal(got, want[off:off+int64(len(got))]) {
				t.Fatalf("%s: %d bytes at %d differ", f.Name, len(got), off)
			}
		}
	}
}

func TestPatternsStayInBounds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, p := range patterns() {
		for _, size := range []int64{1, 65_536, 65_537, 100 * mebibyte} {
			reads, bytes := 0, int64(0)
			for s := range p.spans(r, size) {
				if reads++; s.off < 0 || s.off >= size || s.length < 1 || s.length > 4*mebibyte {
					t.Fatalf("%s: %d bytes at %d of %d", p.name, s.length, s.off, size)
				}
				bytes += min(int64(s.length), size-s.off)
			}
			whole := p.name == "sequential" || p.name == "backwards"
			if whole && bytes != size {
				t.Errorf("%s: %d bytes of %d", p.name, bytes, size)
			}
			if reads == 0 && size > mebibyte {
				t.Errorf("%s: no reads of %d bytes", p.name, size)
			}
		}
	}
}

// checked lets a worker read [off, off+n) of f from data.
func checked(f File, data io.ReaderAt, off int64, n int) Report {
	w := &worker{got: make([]byte, n), want: make([]byte, n)}
	w.check(data, f, span{off, n})
	return w.report
}

func TestWrongBytesAreSeen(t *testing.T) {
	f := files()[1]
	data, err := io.ReadAll(f.Stream())
	if err != nil {
		t.Fatal(err)
	}
	if r := checked(f, bytes.NewReader(data), f.Size-1000, 5000); r.Bytes != 1000 || r.Wrong != 0 || len(r.Failures) != 0 {
		t.Errorf("right bytes: %+v", r)
	}
	for name, c := range map[string]struct {
		change func([]byte) []byte
		wrong  int64
	}{
		"a flipped bit":          {func(b []byte) []byte { b[70_123] ^= 4; return b }, 1},
		"a byte too few":         {func(b []byte) []byte { return b[:80_000] }, 0},
		"another segment's byte": {func(b []byte) []byte { copy(b[65_536:], b[:100]); return b }, 100},
	} {
		r := checked(f, bytes.NewReader(c.change(bytes.Clone(data))), 65_000, 20_000)
		if len(r.Failures) != 1 || r.Wrong > c.wrong || r.Wrong < c.wrong*9/10 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if r := checked(f, bytes.NewReader(append(data, 1, 2, 3)), f.Size-10, 100); r.Wrong != 3 {
		t.Errorf("bytes behind the end: %+v", r)
	}
}

// A page that can't be had is a failure that is told.
func TestMappedPageIsGone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, make([]byte, 100_000), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := access{mmap: true}.open(path, 100_000)
	defer o.close()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := o.ReadAt(make([]byte, 10), 50_000); err == nil || !strings.Contains(err.Error(), "can't be read") {
		t.Errorf("reading a page that is gone: %v", err)
	}
}

// What a reader reports sums up what it has done, and it ends when it is told to.
func TestReaderReports(t *testing.T) {
	dir := t.TempDir()
	f := files()[1]
	data, err := io.ReadAll(f.Stream())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, f.Name), data, 0o600); err != nil {
		t.Fatal(err)
	}
	stop, lines := make(chan struct{}), &limited{left: 50}
	lines.full = func() { close(stop) }
	if err := (Reader{Dir: dir, Files: []File{f}, Seed: 3}).Run(stop, lines); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(lines.String()) {
		// Elsewhere than on a mount, O_DIRECT takes aligned reads only.
		if !strings.Contains(line, `"Wrong":0,"Failures":null`) && !strings.Contains(line, "O_DIRECT") {
			t.Error(line)
		}
	}
}

// limited calls full at the write that fills it.
type limited struct {
	strings.Builder
	left int
	full func()
}

func (l *limited) Write(p []byte) (int, error) {
	if l.left--; l.left == 0 {
		l.full()
	}
	return l.Builder.Write(p)
}
