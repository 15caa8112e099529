package test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"allasfs/c4gh"
)

// boundaries are plaintext sizes in bytes around the borders of segments.
var boundaries = []int64{0, 1, 65535, 65536, 65537, 131072, 10<<20 + 1}

const gib = 1 << 30

// keyKinds are the kinds of secret key files that the reference implementation makes.
var keyKinds = []struct{ name, kdf, passphrase string }{
	{"open", "scrypt", ""},
	{"scrypt", "scrypt", "correct horse"},
	{"bcrypt", "bcrypt", "bätteri stäple"},
}

// referenceKey lets the reference implementation make a key pair. Its command makes scrypt keys where Python has scrypt
// and bcrypt keys elsewhere; the library is told which.
func referenceKey(t *testing.T, kdf, passphrase string) keyPair {
	t.Helper()
	const script = `
import sys
import crypt4gh.keys.c4gh as keys
secret, public, kdf, passphrase = sys.argv[1:]
keys.scrypt_supported = kdf == "scrypt"
keys.generate(secret, public, passphrase.encode(), b"made by the reference")
`
	dir := t.TempDir()
	k := keyPair{secret: filepath.Join(dir, "key"), public: filepath.Join(dir, "key.pub"), passphrase: passphrase}
	command{}.must(t, venv(t, "python"), "-c", script, k.secret, k.public, kdf, passphrase)
	data, err := os.ReadFile(k.public)
	if err != nil {
		t.Fatal(err)
	}
	if k.pk, err = c4gh.ParsePublicKey(data); err != nil {
		t.Fatal(err)
	}
	return k
}

// environ is what a command needs to unlock the key.
func (k keyPair) environ() []string { return []string{"C4GH_PASSPHRASE=" + k.passphrase} }

// recipients returns the flags for a public key among n, as the last but one.
func recipients(t *testing.T, k keyPair, n int) (flags []string) {
	for i := range n {
		public := k.public
		if i != max(0, n-2) {
			public = newKey(t).public
		}
		flags = append(flags, "--recipient_pk", public)
	}
	return flags
}

// TestReadBack mounts what the reference tool and our own encrypted.
func TestReadBack(t *testing.T) {
	for _, kind := range keyKinds {
		t.Run(kind.name, func(t *testing.T) {
			l := newLab(t)
			k := referenceKey(t, kind.kdf, kind.passphrase)
			dir := t.TempDir()
			sums := map[string]string{}
			for _, size := range boundaries {
				plain := filepath.Join(dir, fmt.Sprint(size))
				want := writeStream(t, plain, uint64(size), size)
				for _, n := range []int{1, 3} {
					for tool, path := range map[string]string{"reference": venv(t, "crypt4gh"), "ours": program()} {
						name := fmt.Sprintf("%s-%d-for-%d", tool, size, n)
						encrypted := filepath.Join(dir, name)
						throughFiles(t, nil, plain, encrypted, path, append([]string{"encrypt"}, recipients(t, k, n)...)...)
						l.putFile(name+".c4gh", encrypted)
						sums[name] = want
					}
				}
			}
			m := mount(t, l.account(0).environ(t, k.environ()...), "--sk", k.secret, "s3://"+bucket)
			for name, want := range sums {
				if got := sum(t, m.path(name)); got != want {
					t.Errorf("%s: wrong bytes", name)
				}
			}
		})
	}
}

// TestGiB does the same with a gibibyte: written by the reference for three, and by us for one.
func TestGiB(t *testing.T) {
	l := newLab(t)
	dir := t.TempDir()
	plain, encrypted := filepath.Join(dir, "plain"), filepath.Join(dir, "encrypted")
	want := writeStream(t, plain, gib, gib)
	for _, c := range []struct {
		name, tool string
		n          int
	}{{"reference", venv(t, "crypt4gh"), 3}, {"ours", program(), 1}} {
		throughFiles(t, nil, plain, encrypted, c.tool, append([]string{"encrypt"}, recipients(t, l.key, c.n)...)...)
		l.putFile(c.name+".c4gh", encrypted)
		m := l.mount()
		if got := sum(t, m.path(c.name)); got != want {
			t.Errorf("%s: wrong bytes", c.name)
		}
		m.end()
	}
	// The last one was ours: the reference has to read it as well.
	decrypted := filepath.Join(dir, "decrypted")
	reference(t, nil, encrypted, decrypted, "decrypt", "--sk", l.key.secret)
	if sum(t, decrypted) != want {
		t.Error("the reference decrypts something else")
	}
}

// TestBothWays encrypts with one tool and decrypts with the other.
func TestBothWays(t *testing.T) {
	ours, theirs := program(), venv(t, "crypt4gh")
	for _, kind := range keyKinds {
		t.Run(kind.name, func(t *testing.T) {
			k := referenceKey(t, kind.kdf, kind.passphrase)
			dir := t.TempDir()
			plain, encrypted, decrypted := filepath.Join(dir, "p"), filepath.Join(dir, "e"), filepath.Join(dir, "d")
			for _, size := range boundaries {
				want := writeStream(t, plain, uint64(size), size)
				for _, tools := range [][2]string{{ours, theirs}, {theirs, ours}} {
					throughFiles(t, nil, plain, encrypted, tools[0], append([]string{"encrypt"}, recipients(t, k, 3)...)...)
					throughFiles(t, k.environ(), encrypted, decrypted, tools[1], "decrypt", "--sk", k.secret)
					if sum(t, decrypted) != want {
						t.Errorf("%d bytes: encrypted by %s, decrypted by %s: wrong bytes", size, tools[0], tools[1])
					}
				}
			}
		})
	}
}

// TestKeygen makes keys with ours that the reference unlocks.
func TestKeygen(t *testing.T) {
	for _, passphrase := range []string{"", "correct horse"} {
		t.Run(passphrase, func(t *testing.T) {
			dir := t.TempDir()
			k := keyPair{secret: filepath.Join(dir, "my.key"), public: filepath.Join(dir, "my.pub"), passphrase: passphrase}
			args := []string{"keygen", "--sk", k.secret, "--pk", k.public}
			if passphrase == "" {
				args = append(args, "--nocrypt")
			}
			env := account{}.environ(t, k.environ()...)
			command{env: env}.must(t, program(), args...)
			if info, err := os.Stat(k.secret); err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("secret key file: %v, %v", info.Mode(), err)
			}
			plain := content(9, 100_000)
			write(t, filepath.Join(dir, "p"), plain)
			reference(t, nil, filepath.Join(dir, "p"), filepath.Join(dir, "e"), "encrypt", "--recipient_pk", k.public)
			reference(t, k.environ(), filepath.Join(dir, "e"), filepath.Join(dir, "d"), "decrypt", "--sk", k.secret)
			if got, err := os.ReadFile(filepath.Join(dir, "d")); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("the reference decrypts %d bytes, %v", len(got), err)
			}
			if r := (command{env: env}).run(t, program(), args...); r.status == 0 {
				t.Error("keygen overwrote a secret key")
			}
		})
	}
}

// TestPlainObjects reads objects that aren't encrypted.
func TestPlainObjects(t *testing.T) {
	l := newLab(t)
	for _, size := range boundaries {
		l.put(fmt.Sprint(size), content(uint64(size), int(size)))
	}
	m := mount(t, l.account(0).environ(t), "s3://"+bucket)
	for _, size := range boundaries {
		want, _ := io.ReadAll(stream(uint64(size), size))
		if got := m.read(fmt.Sprint(size)); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: wrong bytes", size)
		}
	}
}
