package c4gh

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

const (
	magic      = "crypt4gh"
	version    = 1
	prefixSize = 16       // bytes of a header before its packets
	maxPackets = 65536    // packets of a header
	maxHeader  = 16 << 20 // bytes of a header
)

// Header is a header as it is stored: packets in clear frames with sealed payloads. No key is needed to read one.
// A Header may be used by any number of goroutines as long as nobody changes it.
type Header struct {
	Packets []Packet
}

// ReadHeader reads exactly the bytes of a header from r, and no byte of the body.
//
// The error is [ErrNotCrypt4GH] when the magic is missing, [ErrMalformed] when the header breaks the format or its
// bounds, [ErrMalformed] and io.ErrUnexpectedEOF when it is cut, else what r returned.
func ReadHeader(r io.Reader) (*Header, error) {
	var prefix [prefixSize]byte
	n, err := readFull(r, prefix[:])
	switch {
	case n < len(magic) && err == io.EOF, n >= len(magic) && string(prefix[:len(magic)]) != magic:
		return nil, fmt.Errorf("%w: the magic bytes are missing", ErrNotCrypt4GH)
	case err != nil:
		return nil, headerError(err, int64(n))
	}
	if v := binary.LittleEndian.Uint32(prefix[8:]); v != version {
		return nil, malformed(8, "version %d, known is %d", v, version)
	}
	count := binary.LittleEndian.Uint32(prefix[12:])
	if count > maxPackets {
		return nil, malformed(12, "%d packets, more than %d", count, maxPackets)
	}
	return readPackets(r, int(count))
}

// readPackets reads the packets behind a header's prefix. Memory grows with what was read, not with count.
func readPackets(r io.Reader, count int) (*Header, error) {
	h, size := new(Header), int64(prefixSize)
	for range count {
		var length [4]byte
		if n, err := readFull(r, length[:]); err != nil {
			return nil, headerError(err, size+int64(n))
		}
		n := int64(binary.LittleEndian.Uint32(length[:]))
		switch {
		case n < minPacket:
			return nil, malformed(size, "packet %d has length %d, below %d", len(h.Packets), n, minPacket)
		case n > maxHeader-size:
			return nil, malformed(size, "packet %d has length %d: the header exceeds %d bytes",
				len(h.Packets), n, maxHeader)
		}
		p, err := readPacket(r, length, n)
		if err != nil {
			return nil, headerError(err, size+int64(len(p)))
		}
		h.Packets, size = append(h.Packets, p), size+n
	}
	return h, nil
}

// readPacket reads the n bytes of a packet whose length field has been read. On error it returns what it got.
func readPacket(r io.Reader, length [4]byte, n int64) (Packet, error) {
	const trusted = 4096 // bytes allocated before any is read; then never more than what has been read
	p := make([]byte, 0, min(n, trusted))
	p = append(p, length[:]...)
	for len(p) < int(n) {
		had, more := len(p), min(int(n)-len(p), max(len(p), trusted))
		p = slices.Grow(p, more)[:had+more]
		if got, err := readFull(r, p[had:]); err != nil {
			return p[:had+got], err
		}
	}
	return p, nil
}

// headerError tells a header that ends at byte off from a source that fails there.
func headerError(err error, off int64) error {
	if err == io.EOF {
		return cut(off, "the header")
	}
	return fmt.Errorf("header at byte %d: %w", off, err)
}

// Size returns the bytes the header takes in the object; the body starts there.
func (h *Header) Size() int64 {
	size := int64(prefixSize)
	for _, p := range h.Packets {
		size += int64(len(p))
	}
	return size
}

// Marshal returns the header as it is stored.
func (h *Header) Marshal() []byte {
	b := make([]byte, 0, h.Size())
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(h.Packets)))
	for _, p := range h.Packets {
		b = append(b, p...)
	}
	return b
}

// WriteTo writes the header as it is stored.
func (h *Header) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(h.Marshal())
	return int64(n), err
}

// HeaderOptions are what a new header is made of.
type HeaderOptions struct {
	// Writer makes the packets; nil for a fresh key pair that nobody keeps.
	Writer *SecretKey
	// Recipients get a packet each for every data key, and for the edit list. Duplicates count once.
	Recipients []PublicKey
	// DataKeys are the keys of the body: at least one, and one is the rule.
	DataKeys []*DataKey
	// Edits is the edit list; nil for none.
	Edits EditList
}

// NewHeader makes a header. It never writes padding.
func NewHeader(o HeaderOptions) (*Header, error) {
	if len(o.DataKeys) == 0 {
		return nil, errors.New("a header without a data key")
	}
	payloads := make([][]byte, 0, len(o.DataKeys)+1)
	for _, k := range o.DataKeys {
		payloads = append(payloads, k.payload())
	}
	if o.Edits != nil {
		payloads = append(payloads, o.Edits.payload())
	}
	h, err := sealPackets(o.Writer, o.Recipients, payloads)
	for _, p := range payloads {
		clear(p)
	}
	return h, err
}

// sealPackets makes a packet of every payload for every recipient.
func sealPackets(writer *SecretKey, recipients []PublicKey, payloads [][]byte) (*Header, error) {
	if len(recipients) == 0 {
		return nil, errors.New("no recipient")
	}
	if writer == nil {
		var err error
		if writer, err = GenerateKey(); err != nil {
			return nil, err
		}
		defer writer.Wipe()
	}
	h, seen := new(Header), make(map[PublicKey]bool)
	for _, to := range recipients {
		if seen[to] {
			continue
		}
		seen[to] = true
		packets, err := sealFor(writer, to, payloads)
		if err != nil {
			return nil, err
		}
		h.Packets = append(h.Packets, packets...)
	}
	return h, h.checkBounds()
}

// checkBounds refuses a header that ReadHeader would refuse.
func (h *Header) checkBounds() error {
	if n := len(h.Packets); n > maxPackets {
		return fmt.Errorf("a header of %d packets, more than %d", n, maxPackets)
	}
	if n := h.Size(); n > maxHeader {
		return fmt.Errorf("a header of %d bytes, more than %d", n, maxHeader)
	}
	return nil
}
