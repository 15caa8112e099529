package c4gh

import (
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/chacha20poly1305"
)

// DataKey is the key of a body. It never shows its bytes. Any number of goroutines may use it.
type DataKey struct {
	raw  [dataKeySize]byte
	aead cipher.AEAD
}

// NewDataKey returns a random data key. Each object gets its own.
func NewDataKey() (*DataKey, error) {
	var raw [dataKeySize]byte
	if _, err := rand.Read(raw[:]); err != nil {
		return nil, err
	}
	return newDataKey(raw)
}

func newDataKey(raw [dataKeySize]byte) (*DataKey, error) {
	aead, err := chacha20poly1305.New(raw[:])
	if err != nil {
		return nil, err
	}
	return &DataKey{raw, aead}, nil
}

// Format prints a place-holder instead of the key, whatever the verb.
func (k DataKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, "[data key]") }

// payload is the key as a packet holds it.
func (k *DataKey) payload() []byte {
	b := make([]byte, 8, dataPayload)
	binary.LittleEndian.PutUint32(b, typeDataKey)
	binary.LittleEndian.PutUint32(b[payloadType:], dataMethodChaCha)
	return append(b, k.raw[:]...)
}

// SealSegment encrypts a segment in place, with a random nonce and without allocating: the plaintext is
// buf[12 : len(buf)-16], 1 to 65536 bytes of it, and buf becomes the sealed segment.
func (k *DataKey) SealSegment(buf []byte) error {
	if len(buf) <= SegmentOverhead || len(buf) > SealedSegmentSize {
		return fmt.Errorf("a segment of %d bytes to seal", len(buf))
	}
	if _, err := rand.Read(buf[:nonceSize]); err != nil {
		return err
	}
	k.aead.Seal(buf[nonceSize:nonceSize], buf[:nonceSize], buf[nonceSize:len(buf)-tagSize], nil)
	return nil
}

// Body is what a reader with a key knows about an object's body: its data keys and the edit list. Any number of
// goroutines may use it.
type Body struct {
	keys    []cipher.AEAD
	last    atomic.Int32 // index of the key that worked last
	scratch *sync.Pool   // of *[SealedSegmentSize]byte, for several keys only; holds ciphertext only
	edits   EditList
	edited  bool
	openers []PublicKey
}

func newBody(c *contents) *Body {
	b := &Body{edits: c.edits, edited: c.edited, openers: c.openers}
	for _, k := range c.dataKeys {
		b.keys = append(b.keys, k.aead)
		clear(k.raw[:])
	}
	if len(b.keys) > 1 {
		b.scratch = &sync.Pool{New: func() any { return new([SealedSegmentSize]byte) }}
	}
	return b
}

// EditList returns the edit list, and whether there is one. It is not to be changed.
func (b *Body) EditList() (EditList, bool) { return b.edits, b.edited }

// Extents returns what a reader gets to see of a plaintext of size bytes before edits.
func (b *Body) Extents(size int64) Extents {
	if !b.edited {
		return Whole(size)
	}
	return b.edits.Extents(size)
}

// DataKeys returns the number of different data keys; any segment may use any of them.
func (b *Body) DataKeys() int { return len(b.keys) }

// Openers returns the public keys of the secret keys that opened at least one packet.
func (b *Body) Openers() []PublicKey { return b.openers }

// OpenSegment decrypts a sealed segment of 28 to 65564 ciphertext bytes in place. The plaintext it returns is
// sealed[12 : len(sealed)-16]. With one data key it allocates nothing.
//
// The error is [ErrMalformed] for other lengths and [ErrSegment] for a segment that isn't authentic; sealed then holds
// no plaintext.
func (b *Body) OpenSegment(sealed []byte) ([]byte, error) {
	if len(sealed) < SegmentOverhead || len(sealed) > SealedSegmentSize {
		return nil, fmt.Errorf("%w: a segment of %d bytes", ErrMalformed, len(sealed))
	}
	if len(b.keys) > 1 {
		return b.openAny(sealed)
	}
	plain, err := openInPlace(b.keys[0], sealed)
	if err != nil {
		return nil, ErrSegment
	}
	return plain, nil
}

func openInPlace(k cipher.AEAD, sealed []byte) ([]byte, error) {
	return k.Open(sealed[nonceSize:nonceSize], sealed[:nonceSize], sealed[nonceSize:], nil)
}

// openAny tries the data keys, first the one that worked last. A failed attempt overwrites the ciphertext with zeros,
// so it is kept beside and put back.
func (b *Body) openAny(sealed []byte) ([]byte, error) {
	keep := b.scratch.Get().(*[SealedSegmentSize]byte)
	defer b.scratch.Put(keep)
	saved := keep[:copy(keep[:], sealed)]
	first := int(b.last.Load())
	for i := range b.keys {
		k := (first + i) % len(b.keys)
		if i > 0 {
			copy(sealed, saved)
		}
		if plain, err := openInPlace(b.keys[k], sealed); err == nil {
			if k != first {
				b.last.Store(int32(k))
			}
			return plain, nil
		}
	}
	return nil, ErrSegment
}
