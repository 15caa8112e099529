package test

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"testing"
)

const segmentSize, sealedSize = 65536, 65564

// TestDamageIsNeverWritten flips bytes of an object and cuts it. The program fails, and what it wrote before it noticed
// is the plaintext of whole segments before the damage.
func TestDamageIsNeverWritten(t *testing.T) {
	k := newKey(t)
	plain := content(13, 5*segmentSize+777)
	whole := encrypt(t, plain, k)
	header := headerSize(t, whole)
	r := rand.New(rand.NewPCG(13, 13))
	check := func(what string, at int, damaged []byte) {
		t.Helper()
		undamaged := 0
		if at >= header {
			undamaged = (at - header) / sealedSize * segmentSize
		}
		c := command{env: account{}.environ(t), stdin: bytes.NewReader(damaged)}
		got := c.run(t, program(), "decrypt", "--sk", k.secret)
		if got.status == 0 || got.stderr == "" {
			t.Errorf("%s at byte %d: exit status %d, %q", what, at, got.status, got.stderr)
		}
		if len(got.stdout) > undamaged || got.stdout != string(plain[:len(got.stdout)]) {
			t.Errorf("%s at byte %d: %d bytes were written, %d are good", what, at, len(got.stdout), undamaged)
		}
	}
	for i := range 160 {
		at := i // the whole header
		if i >= header {
			at = header + r.IntN(len(whole)-header)
		}
		flipped := bytes.Clone(whole)
		flipped[at] ^= byte(1 + r.IntN(255))
		check("a flip", at, flipped)
	}
	for range 60 {
		at := r.IntN(len(whole))
		if at > header && (at-header)%sealedSize == 0 {
			continue // between two segments a cut can't be seen
		}
		check("a cut", at, whole[:at])
	}
	for _, n := range []int{1, 27, 28, 29} {
		check("junk behind the end", len(whole), append(bytes.Clone(whole), content(1, n)...))
	}
}

// TestDamageLeavesNoFile does the same with files: nothing appears under the name of the result.
func TestDamageLeavesNoFile(t *testing.T) {
	k := newKey(t)
	whole := encrypt(t, content(14, 3*segmentSize), k)
	header := headerSize(t, whole)
	for _, at := range []int{0, 20, header, header + sealedSize, len(whole) - 1} {
		dir := t.TempDir()
		flipped := bytes.Clone(whole)
		flipped[at] ^= 0x10
		write(t, filepath.Join(dir, "x.c4gh"), flipped)
		r := command{env: account{}.environ(t), dir: dir}.run(t, program(), "decrypt", "--sk", k.secret, "x.c4gh", "-o", "x")
		if left, err := filepath.Glob(filepath.Join(dir, "*")); r.status == 0 || err != nil || len(left) != 1 {
			t.Errorf("a flip at byte %d: exit status %d, files %v, %v", at, r.status, left, err)
		}
		if hidden, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(hidden) != 0 {
			t.Errorf("a flip at byte %d: files %v, %v", at, hidden, err)
		}
	}
}
