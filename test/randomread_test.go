package test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"allasfs/c4gh"
)

// TestRandomReads reads anywhere, also over the end and behind it, and compares with the plaintext on disk.
func TestRandomReads(t *testing.T) {
	const size = 40<<20 + 12345
	l := newLab(t)
	plain := content(1, size)
	l.putEncrypted("whole.c4gh", plain)
	l.put("plain", plain)

	const from, to = 100_000, 33_000_000
	var edited bytes.Buffer
	err := c4gh.Rearrange(&edited, bytes.NewReader(encrypt(t, plain, l.key)), []*c4gh.SecretKey{l.key.sk},
		c4gh.RearrangeOptions{Range: &c4gh.Range{From: from, To: to}})
	if err != nil {
		t.Fatal(err)
	}
	l.put("edited.c4gh", edited.Bytes())

	// The reference tool's range a-b keeps b-a-1 bytes from a on.
	dir := t.TempDir()
	write(t, filepath.Join(dir, "whole.c4gh"), encrypt(t, plain, l.key))
	reference(t, nil, filepath.Join(dir, "whole.c4gh"), filepath.Join(dir, "edited.c4gh"),
		"rearrange", "--sk", l.key.secret, "--range", "1000000-30000001")
	l.putFile("rearranged.c4gh", filepath.Join(dir, "edited.c4gh"))

	many, kept := manyEdits(plain)
	l.put("many.c4gh", encryptEdited(t, plain, many, l.key))

	m := l.mount()
	for name, want := range map[string][]byte{
		"whole": plain, "plain": plain, "edited": plain[from:to], "rearranged": plain[1_000_000:30_000_000], "many": kept,
	} {
		t.Run(name, func(t *testing.T) { randomReads(t, m.path(name), want, 10_000) })
	}
}

// manyEdits returns an edit list with keeps of all sizes, and what it keeps.
func manyEdits(plain []byte) (edits c4gh.EditList, kept []byte) {
	r := rand.New(rand.NewPCG(7, 8))
	for pos := 0; ; {
		discard, keep := r.IntN(1<<r.IntN(20)), r.IntN(1<<r.IntN(20))
		if pos+discard+keep > len(plain) {
			return edits, kept
		}
		edits = append(edits, uint64(discard), uint64(keep))
		kept = append(kept, plain[pos+discard:pos+discard+keep]...)
		pos += discard + keep
	}
}

// encryptEdited encrypts plaintext under a header with an edit list.
func encryptEdited(t *testing.T, plain []byte, edits c4gh.EditList, key keyPair) []byte {
	t.Helper()
	dataKey, err := c4gh.NewDataKey()
	if err != nil {
		t.Fatal(err)
	}
	header, err := c4gh.NewHeader(c4gh.HeaderOptions{
		Recipients: []c4gh.PublicKey{key.sk.Public()}, DataKeys: []*c4gh.DataKey{dataKey}, Edits: edits,
	})
	if err != nil {
		t.Fatal(err)
	}
	object := header.Marshal()
	for off := 0; off < len(plain); off += c4gh.SegmentSize {
		piece := plain[off:min(off+c4gh.SegmentSize, len(plain))]
		sealed := make([]byte, len(piece)+c4gh.SegmentOverhead)
		copy(sealed[12:], piece)
		if err := dataKey.SealSegment(sealed); err != nil {
			t.Fatal(err)
		}
		object = append(object, sealed...)
	}
	return object
}

// randomReads does n reads through the kernel's page cache and n that bypass it, from several goroutines each.
func randomReads(t *testing.T, path string, want []byte, n int) {
	t.Helper()
	const goroutines = 4
	for _, flag := range []int{0, unix.O_DIRECT} {
		f, err := os.OpenFile(path, os.O_RDONLY|flag, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if info, err := f.Stat(); err != nil || info.Size() != int64(len(want)) {
			t.Fatalf("size %d, want %d, %v", info.Size(), len(want), err)
		}
		var group errgroup.Group
		for i := range goroutines {
			group.Go(func() error {
				r := rand.New(rand.NewPCG(uint64(len(want)), uint64(i)))
				return compareReads(f, want, r, n/goroutines)
			})
		}
		if err := group.Wait(); err != nil {
			t.Error(err)
		}
		var behind [1]byte
		if n, err := f.ReadAt(behind[:], int64(len(want))+1<<30); n != 0 || err != io.EOF {
			t.Errorf("far behind the end: %d, %v", n, err)
		}
	}
}

func compareReads(f *os.File, want []byte, r *rand.Rand, n int) error {
	buf, expected := make([]byte, 300_000), make([]byte, 300_000)
	reference := bytes.NewReader(want)
	for i := range n {
		off, length := r.Int64N(int64(len(want))+100_000), randomLength(r, len(buf))
		got, err := f.ReadAt(buf[:length], off)
		wantN, wantErr := reference.ReadAt(expected[:length], off)
		if got != wantN || err != wantErr {
			return fmt.Errorf("read %d, %d bytes at %d: got %d, %w, want %d, %w", i, length, off, got, err, wantN, wantErr)
		}
		if !bytes.Equal(buf[:got], expected[:wantN]) {
			return fmt.Errorf("read %d, %d bytes at %d: wrong bytes", i, length, off)
		}
	}
	return nil
}

// randomLength returns mostly short lengths, and sometimes one of several segments.
func randomLength(r *rand.Rand, limit int) int {
	if r.IntN(10) == 0 {
		return 1 + r.IntN(limit)
	}
	return 1 + r.IntN(8192)
}
