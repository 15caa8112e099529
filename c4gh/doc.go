// Package c4gh reads and writes Crypt4GH, the format of the GA4GH specification "Crypt4GH File Format", version 1
// (https://samtools.github.io/hts-specs/crypt4gh.pdf): its keys, headers, edit lists and segments, and nothing else.
//
// An object is a header and a body. All integers are little-endian, all sizes are in bytes:
//
//	header   "crypt4gh" 8 | version = 1 4 | packet count 4 | packets
//	packet   length (these 4 bytes too) 4 | method = 0 4 | writer public key 32 | nonce 12 | payload n | tag 16
//	payload  type = 0 4 | data method = 0 4 | data key 32                    a packet of 108 bytes
//	         type = 1 4 | n 4 | n lengths 8n                                 a packet of 76 + 8n bytes
//	body     segments of 65564, the last one may be shorter
//	segment  nonce 12 | plaintext, up to 65536 | tag 16
//
// A packet is made for one recipient: its key is the first half of BLAKE2b-512(DH ‖ recipient public key ‖ writer
// public key) with DH = X25519 between the two (RFC 7748). Packets and segments are ChaCha20-Poly1305 (RFC 8439)
// without additional data.
//
// Byte P of the plaintext is in the segment that starts at byte header + P/65536 × 65564 of the object, so the
// plaintext can be read at random, and its size is known without a key, save for an edit list: a packet that says
// which parts of the plaintext a reader gets to see.
//
// # Bounds
//
// Nothing is allocated because a count or a length in the object says so, only for bytes that have been read. A header
// has at most 65536 packets and 16 MiB. Edit list arithmetic saturates and is clamped to the plaintext.
//
// # What the format cannot detect
//
// A segment is authentic, but not bound to its place: segments of one object that changed places decrypt without an
// error. Nor is there an end marker: a body that is cut exactly between two segments is a shorter, valid body. Whoever
// knows the object's size from elsewhere must compare it. Header packets are not bound to each other: whoever damages or
// removes the one with the edit list makes what it hid visible to the recipient. Without [OpenOptions].Writer anybody who knows a recipient's
// public key can have written the object.
package c4gh
