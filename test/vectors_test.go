package test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestVectors reads every vector of the format through a mount: right bytes, or the errno of its class.
func TestVectors(t *testing.T) {
	const data = "../c4gh/testdata"
	index, err := os.ReadFile(filepath.Join(data, "vectors/vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		File, Class string
		Size        int64
		SHA256      string
	}
	if err := json.Unmarshal(index, &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	key, err := os.ReadFile(filepath.Join(data, "keys/ref-none.sec"))
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "key")
	write(t, secret, key)
	l := newLab(t)
	for _, v := range vectors {
		l.putFile(v.File, filepath.Join(data, "vectors", v.File))
	}
	m := mount(t, l.account(0).environ(t), "--sk", secret, "s3://"+bucket)
	errnos := map[string][]error{
		"malformed": {syscall.EIO}, "segment": {syscall.EIO}, "no-key": {syscall.ENOKEY},
		"not-crypt4gh": {syscall.ENOKEY, syscall.EIO}, // by whether it can be a body
	}
	for _, v := range vectors {
		name := strings.TrimSuffix(v.File, ".c4gh")
		got, err := os.ReadFile(m.path(name))
		if v.Class != "ok" {
			if !slices.ContainsFunc(errnos[v.Class], func(want error) bool { return errors.Is(err, want) }) {
				t.Errorf("%s, %s: %v", name, v.Class, err)
			}
			continue
		}
		sum := sha256.Sum256(got)
		info, statErr := os.Stat(m.path(name))
		if err != nil || hex.EncodeToString(sum[:]) != v.SHA256 {
			t.Errorf("%s: %d bytes of %d, or wrong ones: %v", name, len(got), v.Size, err)
		}
		if statErr != nil || info.Size() != v.Size {
			t.Errorf("%s: stat says %v, want %d bytes: %v", name, info, v.Size, statErr)
		}
	}
}
