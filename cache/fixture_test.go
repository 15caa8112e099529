package cache

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"

	"allasfs/c4gh"
	"allasfs/objstore"
	"allasfs/objstore/storetest"
)

const mebibyte = 1 << 20

// fixture is a store in memory that counts and can fail, and a cache over it whose returned buffers are poisoned.
type fixture struct {
	t     *testing.T
	store *storetest.Memory
	fault *storetest.Faults
	cache *Cache
	key   *c4gh.SecretKey
}

func newFixture(t *testing.T, o Options) *fixture {
	t.Helper()
	key, err := c4gh.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{t: t, store: new(storetest.Memory), key: key}
	f.fault = &storetest.Faults{Store: f.store}
	f.cache = New(f.fault, o)
	f.cache.pool.poison = true
	t.Cleanup(func() {
		f.cache.Close()
		if n := f.fault.Open(); n != 0 {
			t.Errorf("%d bodies were left open", n)
		}
		if s := f.cache.Stats(); s.Used != 0 {
			t.Errorf("%d segments are still held after all handles and views are closed", s.Used)
		}
	})
	return f
}

// random returns n bytes that differ from one seed to the next.
func random(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1})
	r.Read(b)
	return b
}

// sealed stores plaintext as an encrypted object and returns its source.
func (f *fixture) sealed(key string, plaintext []byte) Source {
	f.t.Helper()
	var object bytes.Buffer
	o := c4gh.EncryptOptions{Recipients: []c4gh.PublicKey{f.key.Public()}}
	if _, err := c4gh.Encrypt(&object, bytes.NewReader(plaintext), o); err != nil {
		f.t.Fatal(err)
	}
	return f.source(key, object.Bytes())
}

// source stores an encrypted object and returns its source.
func (f *fixture) source(key string, object []byte) Source {
	f.t.Helper()
	header, err := c4gh.ReadHeader(bytes.NewReader(object))
	if err != nil {
		f.t.Fatal(err)
	}
	body, err := header.Open([]*c4gh.SecretKey{f.key}, c4gh.OpenOptions{})
	if err != nil {
		f.t.Fatal(err)
	}
	return Source{Version: f.store.Put("b", key, object), HeaderSize: header.Size(), Body: body}
}

// plain stores data as it is and returns its source.
func (f *fixture) plain(key string, data []byte) Source {
	return Source{Version: f.store.Put("b", key, data)}
}

func (f *fixture) open(src Source) *Handle {
	f.t.Helper()
	h, err := f.cache.Open(src)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(h.Close)
	return h
}

// read returns a copy of what a view shows.
func read(h *Handle, off int64, n int) ([]byte, error) {
	v, err := h.ReadAt(context.Background(), off, n)
	if err != nil {
		return nil, err
	}
	defer v.Release()
	return bytes.Join(v.Slices(), nil), nil
}

// window returns data[off:off+n], clamped.
func window(data []byte, off int64, n int) []byte {
	off = min(off, int64(len(data)))
	return data[off:min(off+int64(n), int64(len(data)))]
}

// change replaces an object.
func (f *fixture) change(v objstore.Version) { f.store.Put(v.Bucket, v.Key, random(99, int(v.Size))) }
