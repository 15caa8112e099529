package c4gh

import (
	"errors"
	"io"
)

// Writer encrypts what is written to it, segment by segment. It is for one goroutine.
type Writer struct {
	dst io.Writer
	key *DataKey
	buf []byte // one segment: room for the nonce, plaintext, room for the tag
	n   int    // plaintext bytes in buf
	err error
}

// errClosed is what a Writer says after its Close.
var errClosed = errors.New("write to a closed c4gh.Writer")

// NewWriter writes a header for the recipients to dst, and returns a Writer for the body. Recipients count once. A nil
// writer stands for a fresh key pair that nobody keeps.
func NewWriter(dst io.Writer, writer *SecretKey, recipients []PublicKey) (*Writer, error) {
	key, err := writeHeader(dst, writer, recipients)
	if err != nil {
		return nil, err
	}
	return &Writer{dst: dst, key: key, buf: make([]byte, SealedSegmentSize)}, nil
}

// writeHeader writes a header with a new data key, which it returns.
func writeHeader(dst io.Writer, writer *SecretKey, recipients []PublicKey) (*DataKey, error) {
	key, err := NewDataKey()
	if err != nil {
		return nil, err
	}
	h, err := NewHeader(HeaderOptions{Writer: writer, Recipients: recipients, DataKeys: []*DataKey{key}})
	if err != nil {
		return nil, err
	}
	_, err = h.WriteTo(dst)
	return key, err
}

// Write encrypts p. Full segments go to the destination at once, the rest waits for more or for [Writer.Close].
func (w *Writer) Write(p []byte) (n int, err error) {
	for n < len(p) && w.err == nil {
		m := copy(w.buf[nonceSize+w.n:nonceSize+SegmentSize], p[n:])
		w.n += m
		n += m
		if w.n == SegmentSize {
			w.err = w.flush()
		}
	}
	return n, w.err
}

// Close writes the last segment, if there is anything in it. It doesn't close the destination. A body without its last
// segment is a valid, shorter one: whoever can't write to the end should not call Close, and discard what was written.
func (w *Writer) Close() error {
	switch {
	case w.err == errClosed:
		return nil
	case w.err != nil:
		return w.err
	}
	err := w.flush()
	w.err = err
	if err == nil {
		w.err = errClosed
	}
	return err
}

// flush seals and writes the segment in the buffer unless it is empty.
func (w *Writer) flush() error {
	if w.n == 0 {
		return nil
	}
	sealed := w.buf[:w.n+SegmentOverhead]
	w.n = 0
	if err := w.key.SealSegment(sealed); err != nil {
		return err
	}
	_, err := w.dst.Write(sealed)
	return err
}
