package c4gh

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// BenchmarkOpenSegment compares with the cipher alone on the same buffers.
func BenchmarkOpenSegment(b *testing.B) {
	k := newKey(b)
	data := newDataKeyT(b)
	buf := make([]byte, SealedSegmentSize)
	sealed := sealT(b, data, pattern(SegmentSize))
	b.Run("cipher", func(b *testing.B) {
		aead, err := chacha20poly1305.New(data.raw[:])
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(SegmentSize)
		for b.Loop() {
			copy(buf, sealed)
			if _, err := aead.Open(buf[12:12], buf[:12], buf[12:], nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	for n := 1; n <= 2; n++ {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			body, _ := openBody(b, k, build(b, k, parts{keys: []*DataKey{data, newDataKeyT(b)}[:n]}))
			b.SetBytes(SegmentSize)
			b.ReportAllocs()
			for b.Loop() {
				copy(buf, sealed)
				if _, err := body.OpenSegment(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkOpenHeader opens a header with 1000 recipients, by one writer and by 1000.
func BenchmarkOpenHeader(b *testing.B) {
	k, data := newKey(b), newDataKeyT(b)
	to := []PublicKey{}
	for range 999 {
		to = append(to, newKey(b).Public())
	}
	one, err := NewHeader(HeaderOptions{Recipients: append(to, k.Public()), DataKeys: []*DataKey{data}})
	if err != nil {
		b.Fatal(err)
	}
	many := new(Header)
	for _, pub := range append(to[:999:999], k.Public()) {
		h, err := NewHeader(HeaderOptions{Recipients: []PublicKey{pub}, DataKeys: []*DataKey{data}})
		if err != nil {
			b.Fatal(err)
		}
		many.Packets = append(many.Packets, h.Packets...)
	}
	for name, h := range map[string]*Header{"writers=1": one, "writers=1000": many} {
		raw := h.Marshal()
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				h, err := ReadHeader(bytes.NewReader(raw))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := h.Open([]*SecretKey{k}, OpenOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFile encrypts and decrypts 64 MiB with one worker and with all cores.
func BenchmarkFile(b *testing.B) {
	k := newKey(b)
	plain := pattern(64 << 20)
	object := build(b, k, parts{plain: plain})
	for _, workers := range []int{1, 0} {
		b.Run(fmt.Sprintf("decrypt/workers=%d", workers), func(b *testing.B) {
			b.SetBytes(int64(len(plain)))
			for b.Loop() {
				if _, err := Decrypt(io.Discard, bytes.NewReader(object), []*SecretKey{k}, DecryptOptions{Workers: workers}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("encrypt/workers=%d", workers), func(b *testing.B) {
			b.SetBytes(int64(len(plain)))
			o := EncryptOptions{Recipients: []PublicKey{k.Public()}, Workers: workers}
			for b.Loop() {
				if _, err := Encrypt(io.Discard, bytes.NewReader(plain), o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("decrypt/Reader", func(b *testing.B) {
		b.SetBytes(int64(len(plain)))
		for b.Loop() {
			r, err := NewReader(bytes.NewReader(object), []*SecretKey{k}, OpenOptions{})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, r); err != nil {
				b.Fatal(err)
			}
		}
	})
}
