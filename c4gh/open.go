package c4gh

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// OpenOptions restrict which packets of a header count. The zero value lets all of them count.
type OpenOptions struct {
	// Writer, when not nil, lets only packets count that hold this writer public key.
	Writer *PublicKey
}

// contents are what the packets of a header that opened say.
type contents struct {
	dataKeys []*DataKey // each once, in the order of their packets
	edits    EditList
	edited   bool        // there is an edit list, perhaps an empty one
	openers  []PublicKey // the keys that opened a packet, each once
	others   []Packet    // what did not open
}

// Open tries every packet with every key and returns what the reader of the body needs to know. A packet that doesn't
// open is somebody else's and is skipped.
//
// The error is [ErrMalformed] when a packet opens but says what this package doesn't know, or when there is more than
// one edit list, and [ErrNoKey] when no packet gives a data key.
func (h *Header) Open(keys []*SecretKey, o OpenOptions) (*Body, error) {
	c, err := h.open(keys, o)
	if err != nil {
		return nil, err
	}
	return newBody(c), nil
}

func (h *Header) open(keys []*SecretKey, o OpenOptions) (*contents, error) {
	openers := make([]*opener, len(keys))
	for i, k := range keys {
		openers[i] = newOpener(k)
	}
	c, off := new(contents), int64(prefixSize)
	seen := make(map[[dataKeySize]byte]bool)
	for i, p := range h.Packets {
		payload, by, ok := openPacket(p, openers, o)
		if !ok {
			c.others = append(c.others, p)
		} else if err := c.add(payload, by, seen); err != nil {
			return nil, malformed(off, "packet %d holds %v", i, err)
		}
		clear(payload)
		off += int64(len(p))
	}
	if len(c.dataKeys) == 0 {
		return nil, fmt.Errorf("%w: %d packets, %d keys tried", ErrNoKey, len(h.Packets), len(keys))
	}
	return c, nil
}

// openPacket tries the keys in turn and tells which one opened the packet.
func openPacket(p Packet, openers []*opener, o OpenOptions) ([]byte, PublicKey, bool) {
	if o.Writer != nil {
		if w, ok := p.Writer(); !ok || w != *o.Writer {
			return nil, PublicKey{}, false
		}
	}
	for _, op := range openers {
		if payload, ok := op.open(p); ok {
			return payload, op.key.Public(), true
		}
	}
	return nil, PublicKey{}, false
}

// add takes in one payload that the key by opened.
func (c *contents) add(payload []byte, by PublicKey, seen map[[dataKeySize]byte]bool) error {
	if !slices.Contains(c.openers, by) {
		c.openers = append(c.openers, by)
	}
	if len(payload) < payloadType {
		return fmt.Errorf("a payload of %d bytes", len(payload))
	}
	kind, rest := binary.LittleEndian.Uint32(payload), payload[payloadType:]
	switch kind {
	case typeDataKey:
		return c.addDataKey(rest, seen)
	case typeEditList:
		if c.edited {
			return fmt.Errorf("a second edit list")
		}
		e, err := parseEditList(rest)
		c.edits, c.edited = e, true
		return err
	}
	return fmt.Errorf("a payload of the unknown type %d", kind)
}

func (c *contents) addDataKey(rest []byte, seen map[[dataKeySize]byte]bool) error {
	raw, err := parseDataKey(rest)
	if err != nil || seen[raw] {
		return err
	}
	seen[raw] = true
	k, err := newDataKey(raw)
	if err == nil {
		c.dataKeys = append(c.dataKeys, k)
	}
	return err
}
