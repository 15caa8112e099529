package c4gh

import (
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/chacha20poly1305"
)

const (
	minPacket    = 8 // bytes: length and method
	methodX25519 = 0 // X25519 and ChaCha20-Poly1305, the only packet method of version 1

	packetWriter  = 8                             // byte of a packet where the writer's public key starts
	packetNonce   = packetWriter + 32             // byte where the nonce starts
	packetSealed  = packetNonce + nonceSize       // byte where the sealed payload starts
	packetMinimum = packetSealed + tagSize        // bytes of a packet with an empty payload
	packetsEach   = 4                             // bytes of a length field
	payloadType   = 4                             // bytes of a payload's type
	dataKeySize   = chacha20poly1305.KeySize      // bytes
	dataPayload   = payloadType + 4 + dataKeySize // bytes of a payload with a data key

	typeDataKey  = 0
	typeEditList = 1

	dataMethodChaCha = 0 // ChaCha20-Poly1305, the only data method of version 1
)

// Packet is one header packet as it is stored, its length field included: at least 8 bytes.
type Packet []byte

// Method returns the packet's encryption method; 0 is the only one known.
func (p Packet) Method() uint32 { return binary.LittleEndian.Uint32(p[4:]) }

// Writer returns the public key of whoever made the packet, or false when the packet isn't of method 0 or is too short.
func (p Packet) Writer() (PublicKey, bool) {
	if p.Method() != methodX25519 || len(p) < packetMinimum {
		return PublicKey{}, false
	}
	return PublicKey(p[packetWriter:packetNonce]), true
}

// opener opens packets with one secret key. It computes the packet key once for each writer, since a header with many
// packets is mostly by one writer.
type opener struct {
	key   *SecretKey
	aeads map[PublicKey]cipher.AEAD // nil for a writer key of low order
}

func newOpener(k *SecretKey) *opener {
	return &opener{key: k, aeads: make(map[PublicKey]cipher.AEAD)}
}

// open returns the payload of a packet that is made for the key.
func (o *opener) open(p Packet) (payload []byte, ok bool) {
	writer, ok := p.Writer()
	if !ok {
		return nil, false
	}
	aead, seen := o.aeads[writer]
	if !seen {
		// A writer key of low order is the only error; its packets are skipped.
		aead, _ = packetAEAD(o.key, writer, o.key.Public(), writer)
		o.aeads[writer] = aead
	}
	if aead == nil {
		return nil, false
	}
	payload, err := aead.Open(nil, p[packetNonce:packetSealed], p[packetSealed:], nil)
	return payload, err == nil
}

// packetAEAD derives the key of the packets between a recipient (called reader in the specification) and a writer, seen
// from own, which is either of them. It fails when the peer's point is of low order.
func packetAEAD(own *SecretKey, peer, reader, writer PublicKey) (cipher.AEAD, error) {
	if own.dh == nil {
		return nil, errors.New("the secret key has been wiped")
	}
	point, err := ecdh.X25519().NewPublicKey(peer[:])
	if err != nil {
		return nil, err
	}
	shared, err := own.dh.ECDH(point)
	if err != nil {
		return nil, err
	}
	material := append(append(shared, reader[:]...), writer[:]...)
	sum := blake2b.Sum512(material)
	aead, err := chacha20poly1305.New(sum[:chacha20poly1305.KeySize])
	clear(shared)
	clear(material)
	clear(sum[:])
	return aead, err
}

// sealFor makes a packet of every payload for one recipient.
func sealFor(writer *SecretKey, to PublicKey, payloads [][]byte) ([]Packet, error) {
	aead, err := packetAEAD(writer, to, to, writer.Public())
	if err != nil {
		return nil, err
	}
	packets := make([]Packet, len(payloads))
	for i, payload := range payloads {
		size := packetMinimum + len(payload)
		p := make([]byte, packetSealed, size)
		binary.LittleEndian.PutUint32(p, uint32(size))
		binary.LittleEndian.PutUint32(p[packetsEach:], methodX25519)
		pub := writer.Public()
		copy(p[packetWriter:], pub[:])
		if _, err := rand.Read(p[packetNonce:packetSealed]); err != nil {
			return nil, err
		}
		packets[i] = aead.Seal(p, p[packetNonce:packetSealed], payload, nil)
	}
	return packets, nil
}

// payload is the list as a packet holds it.
func (e EditList) payload() []byte {
	b := make([]byte, 0, payloadType+4+8*len(e))
	b = binary.LittleEndian.AppendUint32(b, typeEditList)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(e)))
	for _, n := range e {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	return b
}

// parseEditList reads an edit list from a payload behind its type. What follows the lengths is padding.
func parseEditList(b []byte) (EditList, error) {
	if len(b) < 4 {
		return nil, errors.New("an edit list without a count")
	}
	n := binary.LittleEndian.Uint32(b)
	b = b[4:]
	if uint64(n) > uint64(len(b))/8 {
		return nil, errors.New("an edit list that says it is longer than its packet")
	}
	e := make(EditList, n)
	for i := range e {
		e[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return e, nil
}

// parseDataKey reads a data key from a payload behind its type. What follows the key is padding.
func parseDataKey(b []byte) ([dataKeySize]byte, error) {
	var key [dataKeySize]byte
	if len(b) < 4+dataKeySize {
		return key, errors.New("data encryption parameters that are too short")
	}
	if binary.LittleEndian.Uint32(b) != dataMethodChaCha {
		return key, errors.New("an unknown data encryption method")
	}
	copy(key[:], b[4:])
	return key, nil
}
