// Package soak reads files in all the ways that programs do and checks every byte. What a file holds follows from a seed
// and the offset alone, so that nobody has to keep it: any number of processes can check any piece at any time.
package soak

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"io"
)

// File is a file whose content can be computed.
type File struct {
	Name string
	Seed uint64
	Size int64 // bytes that a reader sees

	// Drop and Keep, unless Keep is 0, say that the reader sees an excerpt: Drop bytes of the stream are passed over and
	// Keep are shown, again and again.
	Drop, Keep int64
}

// Fill sets p to the bytes of the file from off on.
func (f File) Fill(p []byte, off int64) {
	if f.Keep == 0 {
		f.fillStream(p, off)
		return
	}
	for len(p) > 0 {
		inside := off % f.Keep
		n := min(int64(len(p)), f.Keep-inside)
		f.fillStream(p[:n], off/f.Keep*(f.Drop+f.Keep)+f.Drop+inside)
		p, off = p[n:], off+n
	}
}

// Edits returns the lengths of an edit list, in pairs of what it drops and what it keeps, that make the file of the
// stream; nil where they are the same.
func (f File) Edits() (lengths []uint64) {
	if f.Keep == 0 {
		return nil
	}
	for left := f.Size; left > 0; left -= f.Keep {
		lengths = append(lengths, uint64(f.Drop), uint64(min(left, f.Keep)))
	}
	return lengths
}

// Stream returns what the file is an excerpt of: the plaintext to store. Behind the last byte that is shown there are
// some that aren't.
func (f File) Stream() io.Reader {
	size := f.Size
	for _, n := range f.Edits() {
		size += int64(n)
	}
	if f.Keep > 0 {
		size += f.Drop - f.Size
	}
	return io.NewSectionReader(stream{f}, 0, size)
}

type stream struct{ f File }

func (s stream) ReadAt(p []byte, off int64) (int, error) {
	s.f.fillStream(p, off)
	return len(p), nil
}

// fillStream sets p to the bytes of the stream from off on: AES in counter mode, whose counter is the place.
func (f File) fillStream(p []byte, off int64) {
	var key, counter [aes.BlockSize]byte
	binary.LittleEndian.PutUint64(key[:], f.Seed)
	binary.BigEndian.PutUint64(counter[8:], uint64(off)/aes.BlockSize)
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the key has the right length
	}
	c := cipher.NewCTR(block, counter[:])
	var before [aes.BlockSize]byte
	c.XORKeyStream(before[:off%aes.BlockSize], before[:off%aes.BlockSize])
	clear(p)
	c.XORKeyStream(p, p)
}
