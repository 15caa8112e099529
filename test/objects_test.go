package test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"allasfs/c4gh"
)

// keyPair is a key pair in files.
type keyPair struct {
	secret, public string // files
	passphrase     string // of the secret key's file; may be empty
	pk             c4gh.PublicKey
	sk             *c4gh.SecretKey
}

// newKey makes a key pair whose secret key lies open in a file of mode 0600.
func newKey(t *testing.T) keyPair {
	t.Helper()
	sk, err := c4gh.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	file, err := sk.Marshal(c4gh.KeyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	k := keyPair{secret: filepath.Join(dir, "key"), public: filepath.Join(dir, "key.pub"), sk: sk, pk: sk.Public()}
	write(t, k.secret, file)
	write(t, k.public, k.pk.Marshal())
	return k
}

// write writes a file that only its owner can read.
func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// stream returns size random bytes, the same for the same seed.
func stream(seed uint64, size int64) io.Reader {
	var s [32]byte
	binary.LittleEndian.PutUint64(s[:], seed)
	return io.LimitReader(rand.NewChaCha8(s), size)
}

// content returns what stream streams.
func content(seed uint64, size int) []byte {
	b := make([]byte, size)
	io.ReadFull(stream(seed, int64(size)), b)
	return b
}

// writeStream writes a file of size random bytes and returns its SHA-256.
func writeStream(t *testing.T, path string, seed uint64, size int64) string {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(io.MultiWriter(f, h), stream(seed, size)); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// sum returns the SHA-256 of a file.
func sum(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{f}, make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// encrypt returns plaintext encrypted for the owners of the keys.
func encrypt(t *testing.T, plaintext []byte, keys ...keyPair) []byte {
	t.Helper()
	var out bytes.Buffer
	encryptTo(t, &out, bytes.NewReader(plaintext), keys...)
	return out.Bytes()
}

func encryptTo(t *testing.T, dst io.Writer, src io.Reader, keys ...keyPair) {
	t.Helper()
	o := c4gh.EncryptOptions{}
	for _, k := range keys {
		o.Recipients = append(o.Recipients, k.pk)
	}
	if _, err := c4gh.Encrypt(dst, src, o); err != nil {
		t.Fatal(err)
	}
}

// headerSize returns the length in bytes of the header of an object, which is in clear: magic, version and number of
// packets, then packets that begin with their length.
func headerSize(t *testing.T, object []byte) int {
	t.Helper()
	size := 16
	for range binary.LittleEndian.Uint32(object[12:]) {
		size += int(binary.LittleEndian.Uint32(object[size:]))
	}
	return size
}
