package c4gh

import (
	"fmt"
	"io"
)

// EncryptOptions say for whom to encrypt, and how.
type EncryptOptions struct {
	// Writer makes the header packets; nil for a fresh key pair that nobody keeps.
	Writer *SecretKey
	// Recipients can open the object; at least one. Duplicates count once.
	Recipients []PublicKey
	// Header takes the header instead of the destination; nil for the usual object.
	Header io.Writer
	// Range is what to encrypt of the source; nil for everything.
	Range *Range
	// Workers is the number of goroutines that encrypt; 0 for as many as there are cores.
	Workers int
}

// Encrypt writes an object with the plaintext that src holds to dst, using all cores, and returns the plaintext bytes
// read. An object whose encryption failed may look like a valid, shorter one: it is to be discarded.
//
// Where src is an io.Seeker, the start of a range is found by seeking. When dst fails, Encrypt still waits for a Read of
// src in progress.
func Encrypt(dst io.Writer, src io.Reader, o EncryptOptions) (int64, error) {
	off, n, err := o.Range.bounds()
	if err != nil {
		return 0, err
	}
	if _, err := skip(src, off); err != nil {
		return 0, fmt.Errorf("plaintext before byte %d: %w", off, err)
	}
	header := dst
	if o.Header != nil {
		header = o.Header
	}
	key, err := writeHeader(header, o.Writer, o.Recipients)
	if err != nil {
		return 0, err
	}
	e := &encryption{src: src, left: n, key: key, dst: dst}
	p := &pipeline{load: e.load, work: e.seal, store: e.store}
	err = p.run(o.Workers)
	return e.stored, err
}

// encryption holds the state of the three steps; none touches what belongs to another.
type encryption struct {
	src    io.Reader // loading
	left   int64     // plaintext bytes to load at most
	ended  bool
	key    *DataKey // sealing
	dst    io.Writer
	stored int64 // plaintext bytes stored
}

// load reads plaintext to where it stays, with room for nonces and tags between the segments.
func (e *encryption) load(j *job) error {
	size := 0
	for size < len(j.buf) && !e.ended {
		plain := j.buf[size+nonceSize : size+nonceSize+SegmentSize]
		plain = plain[:min(SegmentSize, e.left)]
		n, err := readFull(e.src, plain)
		if err != nil && err != io.EOF {
			return fmt.Errorf("plaintext: %w", err)
		}
		e.left -= int64(n)
		e.ended = err == io.EOF || e.left == 0
		if n > 0 {
			size += n + SegmentOverhead
		}
	}
	if size == 0 {
		return io.EOF
	}
	j.data = j.buf[:size]
	return nil
}

func (e *encryption) seal(j *job) {
	j.err = j.segments(func(_ int64, buf []byte) error { return e.key.SealSegment(buf) })
	if j.err != nil {
		j.data = nil // some of it may still be plaintext
	}
}

func (e *encryption) store(j *job) error {
	if _, err := e.dst.Write(j.data); err != nil {
		return err
	}
	n, err := PlaintextSize(int64(len(j.data)))
	e.stored += n
	return err
}
