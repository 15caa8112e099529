package test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
)

// TestFlippedHeader changes each byte of a header, in three ways. Whatever is read must be the plaintext or an error;
// and since every byte of this header matters, it is an error.
func TestFlippedHeader(t *testing.T) {
	l := newLab(t)
	plain := content(11, 100_000)
	whole := encrypt(t, plain, l.key)
	header := headerSize(t, whole)
	for i := range header {
		for _, x := range []byte{0x01, 0x80, 0xff} {
			flipped := bytes.Clone(whole)
			flipped[i] ^= x
			l.put(fmt.Sprintf("%d-%02x.c4gh", i, x), flipped)
		}
	}
	m := l.mount()
	for i := range header {
		for _, x := range []byte{0x01, 0x80, 0xff} {
			name := fmt.Sprintf("%d-%02x", i, x)
			if got, err := os.ReadFile(m.path(name)); err == nil || len(got) > 0 {
				t.Errorf("byte %d xor %#02x: %d bytes were read, right: %v, %v", i, x, len(got), bytes.Equal(got, plain), err)
			}
		}
	}
}

// TestFlippedBody changes one byte somewhere in the body. The segment that holds it can't be read; the others can.
func TestFlippedBody(t *testing.T) {
	const segment, stored = 65536, 65564
	l := newLab(t)
	plain := content(12, 4*segment+777)
	whole := encrypt(t, plain, l.key)
	header := headerSize(t, whole)
	r := rand.New(rand.NewPCG(12, 12))
	hit := make([]int, 200)
	for i := range hit {
		at := r.IntN(len(whole) - header)
		flipped := bytes.Clone(whole)
		flipped[header+at] ^= byte(1 + r.IntN(255))
		hit[i] = at / stored
		l.put(fmt.Sprintf("%d.c4gh", i), flipped)
	}
	m := l.mount()
	for i, bad := range hit {
		f, err := os.Open(m.path(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for s := range 5 {
			want := plain[s*segment : min((s+1)*segment, len(plain))]
			buf := make([]byte, len(want))
			n, err := f.ReadAt(buf, int64(s*segment))
			if s == bad {
				wantErrno(t, fmt.Sprintf("object %d, segment %d, which has the wrong byte", i, s), err, syscall.EIO)
			} else if err != nil {
				t.Errorf("object %d, segment %d, beside the wrong byte: %v", i, s, err)
			}
			if !bytes.Equal(buf[:n], want[:n]) {
				t.Errorf("object %d, segment %d: wrong bytes", i, s)
			}
		}
	}
}
