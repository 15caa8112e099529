package c4gh

import (
	"fmt"
	"math"
	"math/bits"
)

const (
	// SegmentSize is the size of a full segment in plaintext bytes.
	SegmentSize = 65536
	// SegmentOverhead is what encryption adds to every segment, in bytes: a nonce before and a tag behind.
	SegmentOverhead = nonceSize + tagSize
	// SealedSegmentSize is the size of a full segment in ciphertext bytes.
	SealedSegmentSize = SegmentSize + SegmentOverhead
	// PlaintextOffset is where the plaintext of an opened segment lies in the buffer that it came in, in bytes: behind
	// the nonce.
	PlaintextOffset = nonceSize

	nonceSize = 12 // bytes, ChaCha20-Poly1305
	tagSize   = 16 // bytes, Poly1305
)

// PlaintextSize returns the plaintext bytes, before edits, of a body of so many ciphertext bytes. No body has a last
// segment shorter than [SegmentOverhead]; for such sizes the error is [ErrMalformed].
func PlaintextSize(body int64) (int64, error) {
	full, tail := body/SealedSegmentSize, body%SealedSegmentSize
	switch {
	case body < 0:
		return 0, fmt.Errorf("%w: a body of %d bytes", ErrMalformed, body)
	case tail == 0:
		return full * SegmentSize, nil
	case tail < SegmentOverhead:
		return 0, fmt.Errorf("%w: a body of %d bytes ends in a segment of %d, fewer than the %d of an empty one",
			ErrMalformed, body, tail, SegmentOverhead)
	}
	return full*SegmentSize + tail - SegmentOverhead, nil
}

// BodySize returns the ciphertext bytes of the body that holds so many plaintext bytes. It is the inverse of
// [PlaintextSize] for every body that doesn't end in an empty segment. It saturates at math.MaxInt64, and a negative
// size counts as 0.
func BodySize(plaintext int64) int64 {
	if plaintext <= 0 {
		return 0
	}
	full, tail := plaintext/SegmentSize, plaintext%SegmentSize
	body := sealedOffset(full)
	if tail > 0 {
		body = addClamped(body, tail+SegmentOverhead)
	}
	return body
}

// sealedOffset returns the byte of the body where a segment starts, saturating at math.MaxInt64.
func sealedOffset(segment int64) int64 {
	if segment > math.MaxInt64/SealedSegmentSize {
		return math.MaxInt64
	}
	return segment * SealedSegmentSize
}

// lastSegment returns the number of the segment that holds the last byte of an extent that isn't empty.
func lastSegment(e Extent) int64 { return (e.Off + e.Len - 1) / SegmentSize }

// addClamped adds two numbers that aren't negative, saturating at math.MaxInt64.
func addClamped(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// addSaturating adds in uint64 and stays at the largest value instead of wrapping around.
func addSaturating(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	if carry != 0 {
		return math.MaxUint64
	}
	return sum
}

// shortTail tells whether so many ciphertext bytes end in less than an empty segment.
func shortTail(n int64) bool {
	tail := n % SealedSegmentSize
	return 0 < tail && tail < SegmentOverhead
}
