// Package cache turns reads of plaintext into range GETs of ciphertext, and as few of them as it can.
//
// The unit is the segment: 65536 plaintext bytes of one object version, fetched and opened as a whole. A segment is in
// one of three states:
//
//	missing ── planned by a read or by read-ahead ──▶ pending ── opened, authentic ──▶ ready
//	   ▲                                                 │                              │
//	   └──────────── fetch failed or given up ◀──────────┴────── evicted, used up ◀─────┘
//
// A pending segment is in the table before its GET is sent, so whoever wants it next waits for it and nothing is
// fetched twice. The goroutine that reads a GET's body opens each segment in the buffer it was read into and hands it
// over at once; nobody waits for a whole GET. A failure is handed to those who wait and then forgotten.
//
// Buffers are counted, not copied. A segment is held by the table and by every [View] that shows it, and its buffer is
// used again when the last holder lets go. One budget covers everything that has a buffer or was promised one; what a
// sequential reader has passed is given back at once, because the kernel's page cache has it.
//
// Objects that aren't encrypted take the same way; their segments are stored as they are.
package cache
