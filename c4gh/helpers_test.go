package c4gh

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// pattern makes the plaintext that testdata/make.py makes.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8*13 + i>>16*31)
	}
	return b
}

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// password is a passphrase function that counts its calls.
func password(p string, calls *int) func() ([]byte, error) {
	return func() ([]byte, error) {
		*calls++
		return []byte(p), nil
	}
}

func loadKey(t testing.TB, name string) *SecretKey {
	t.Helper()
	k, err := ParseSecretKey(testdata(t, "keys/"+name), nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newKey(t testing.TB) *SecretKey {
	t.Helper()
	k, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// parts are what a test object is made of; the zero value of each field is the usual.
type parts struct {
	plain    []byte
	edits    EditList
	keys     []*DataKey // segment i is sealed with keys[i mod n]
	payloads [][]byte   // more packets for the reader
	packets  []Packet   // more packets, before the others
	tail     []byte     // behind the body
}

// build makes an object for k from its parts.
func build(t testing.TB, k *SecretKey, o parts) []byte {
	t.Helper()
	if len(o.keys) == 0 {
		o.keys = []*DataKey{newDataKeyT(t)}
	}
	h, err := NewHeader(HeaderOptions{Recipients: []PublicKey{k.Public()}, DataKeys: o.keys, Edits: o.edits})
	if err != nil {
		t.Fatal(err)
	}
	more, err := sealFor(newKey(t), k.Public(), o.payloads)
	if err != nil {
		t.Fatal(err)
	}
	h.Packets = append(append(o.packets, h.Packets...), more...)
	b := h.Marshal()
	for i, rest := 0, o.plain; len(rest) > 0; i++ {
		n := min(len(rest), SegmentSize)
		b = append(b, sealT(t, o.keys[i%len(o.keys)], rest[:n])...)
		rest = rest[n:]
	}
	return append(b, o.tail...)
}

func newDataKeyT(t testing.TB) *DataKey {
	t.Helper()
	k, err := NewDataKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// sealT seals any segment, an empty one too.
func sealT(t testing.TB, k *DataKey, plain []byte) []byte {
	t.Helper()
	buf := make([]byte, len(plain)+SegmentOverhead)
	copy(buf[nonceSize:], plain)
	if len(plain) == 0 {
		return k.aead.Seal(buf[:nonceSize], buf[:nonceSize], nil, nil)
	}
	if err := k.SealSegment(buf); err != nil {
		t.Fatal(err)
	}
	return buf
}

// plainReader hides everything but Read.
type plainReader struct{ io.Reader }

// path is one way to read an object.
type path struct {
	name string
	read func(object []byte, keys []*SecretKey) ([]byte, error)
}

// paths are all the ways to read an object whole.
func paths() []path {
	decrypt := func(src io.Reader, keys []*SecretKey) ([]byte, error) {
		var b bytes.Buffer
		n, err := Decrypt(&b, src, keys, DecryptOptions{Workers: 3})
		if n != int64(b.Len()) {
			return nil, errors.New("Decrypt miscounts what it writes")
		}
		return b.Bytes(), err
	}
	stream := func(src io.Reader, keys []*SecretKey) ([]byte, error) {
		r, err := NewReader(src, keys, OpenOptions{})
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	}
	return []path{
		{"Reader", func(o []byte, k []*SecretKey) ([]byte, error) { return stream(plainReader{bytes.NewReader(o)}, k) }},
		{"Reader seeking", func(o []byte, k []*SecretKey) ([]byte, error) { return stream(bytes.NewReader(o), k) }},
		{"Decrypt", func(o []byte, k []*SecretKey) ([]byte, error) { return decrypt(plainReader{bytes.NewReader(o)}, k) }},
		{"Decrypt seeking", func(o []byte, k []*SecretKey) ([]byte, error) { return decrypt(bytes.NewReader(o), k) }},
		{"ReaderAt", readAt},
		{"OpenSegment", openByHand},
	}
}

func readAt(object []byte, keys []*SecretKey) ([]byte, error) {
	r, err := NewReaderAt(bytes.NewReader(object), int64(len(object)), keys)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(r, 0, r.Size()))
}

// openByHand does with the smallest parts of the package what the others do.
func openByHand(object []byte, keys []*SecretKey) ([]byte, error) {
	h, err := ReadHeader(bytes.NewReader(object))
	if err != nil {
		return nil, err
	}
	body, err := h.Open(keys, OpenOptions{})
	if err != nil {
		return nil, err
	}
	rest := bytes.Clone(object[h.Size():])
	size, err := PlaintextSize(int64(len(rest)))
	if err != nil {
		return nil, err
	}
	var plain, kept []byte
	for len(rest) > 0 {
		n := min(len(rest), SealedSegmentSize)
		p, err := body.OpenSegment(rest[:n])
		if err != nil {
			return nil, err
		}
		plain, rest = append(plain, p...), rest[n:]
	}
	for e := range body.Extents(size).Range(0, size) {
		kept = append(kept, plain[e.Off:e.Off+e.Len]...)
	}
	return kept, nil
}

// sizes are the plaintext sizes at the boundaries.
var sizes = []int{0, 1, 65535, 65536, 65537, 131072, 131073, 10<<20 + 1}
