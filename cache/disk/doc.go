// Package disk keeps sealed segments on a disk, as they come from the store: ciphertext only, never plaintext.
//
// A chunk is a file with up to 512 neighbouring segments of one object version, sparse:
//
//	"allasfs chunk 1\n"[16] | unused[48] | 512 × (u32 CRC-32C | u32 length) | segments at 8192 + i × 65564
//
// All integers are little-endian; a length of 0 says that the segment isn't there. The checksum covers the identity of
// the segment and its bytes, so what was torn by a crash, damaged, or put under a wrong name is missing and nothing
// worse. Nothing is locked: a segment's bytes are the same whoever writes them, so several processes can share a
// directory. File names are hashes, which tell less than the listing of the bucket does.
//
// The tier is a help and never a hindrance: whatever fails is a miss, and a disk that doesn't take data is left alone
// for a while.
package disk
