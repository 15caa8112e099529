package disk

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"allasfs/c4gh"
	"allasfs/objstore"
)

const (
	magic         = "allasfs chunk 1\n"
	tableOffset   = 64
	entrySize     = 8
	dataOffset    = 8192
	chunkSegments = 512

	touchInterval = time.Minute // how exact "used longest ago" is
)

// identity is the hash that stands for a chunk: its file name, and a part of every checksum in it.
type identity [sha256.Size]byte

// identify returns the identity of the chunk that holds a segment, and the segment's place in it. The parts are quoted,
// so that no two versions give the same text.
func identify(namespace string, v objstore.Version, segment int64) (identity, int) {
	number, place := segment/chunkSegments, int(segment%chunkSegments)
	text := fmt.Appendf(nil, "%q %q %q %q %d %d", namespace, v.Bucket, v.Key, v.ETag, v.Size, number)
	return sha256.Sum256(text), place
}

// path returns the chunk's file below the tier's directory.
func (id identity) path(dir string) string {
	name := hex.EncodeToString(id[:])
	return filepath.Join(dir, name[:2], name[2:])
}

// chunk is an open chunk file. Its methods may be called from any number of goroutines; after close they fail.
type chunk struct {
	file *os.File
	id   identity

	mu      sync.Mutex
	touched time.Time
}

// openChunk opens a chunk. Without create, one that isn't there is an error.
func openChunk(dir string, id identity, create bool) (*chunk, error) {
	path := id.path(dir)
	flags := os.O_RDWR
	if create {
		flags |= os.O_CREATE
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return nil, err
		}
	}
	file, err := os.OpenFile(path, flags, 0o600)
	if err != nil && !create { // what can't be written to any more can still be read
		file, err = os.Open(path)
	}
	if err != nil {
		return nil, err
	}
	c := &chunk{file: file, id: id}
	if err := c.checkMagic(create); err != nil {
		file.Close()
		return nil, err
	}
	return c, nil
}

// checkMagic writes the magic into a new file and refuses one that begins with anything else.
func (c *chunk) checkMagic(create bool) error {
	var got [len(magic)]byte
	n, err := c.file.ReadAt(got[:], 0)
	if n == 0 && err == io.EOF && create {
		_, err = c.file.WriteAt([]byte(magic), 0)
		return err
	}
	if string(got[:n]) != magic {
		return fmt.Errorf("%s is no chunk", c.file.Name())
	}
	return nil
}

// checksum covers the identity of a segment and its bytes.
func (c *chunk) checksum(place int, sealed []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(0, table, c.id[:])
	sum = crc32.Update(sum, table, []byte{byte(place), byte(place >> 8)})
	return crc32.Update(sum, table, sealed)
}

// entry returns what the table says of a segment; a length of 0 says that it isn't there.
func (c *chunk) entry(place int) (sum, length uint32, ok bool) {
	var entry [entrySize]byte
	if _, err := c.file.ReadAt(entry[:], tableOffset+int64(place)*entrySize); err != nil {
		return 0, 0, false
	}
	return binary.LittleEndian.Uint32(entry[:]), binary.LittleEndian.Uint32(entry[4:]), true
}

// read fills buf, whose length is the segment's, and tells whether the chunk has it undamaged.
func (c *chunk) read(place int, buf []byte) bool {
	sum, length, ok := c.entry(place)
	if !ok || int(length) != len(buf) {
		return false
	}
	if _, err := c.file.ReadAt(buf, dataOffset+int64(place)*c4gh.SealedSegmentSize); err != nil {
		return false
	}
	return c.checksum(place, buf) == sum
}

// write puts a segment into the chunk: the bytes first, so that an entry never speaks of what isn't there.
func (c *chunk) write(place int, sealed []byte) error {
	if _, err := c.file.WriteAt(sealed, dataOffset+int64(place)*c4gh.SealedSegmentSize); err != nil {
		return err
	}
	var entry [entrySize]byte
	binary.LittleEndian.PutUint32(entry[:], c.checksum(place, sealed))
	binary.LittleEndian.PutUint32(entry[4:], uint32(len(sealed)))
	return c.setEntry(place, entry)
}

// forget takes a segment out of the table.
func (c *chunk) forget(place int) error { return c.setEntry(place, [entrySize]byte{}) }

func (c *chunk) setEntry(place int, entry [entrySize]byte) error {
	_, err := c.file.WriteAt(entry[:], tableOffset+int64(place)*entrySize)
	return err
}

// touch notes that the chunk is in use, in the file's modification time, which all processes see.
func (c *chunk) touch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.touched) > touchInterval {
		c.touched = now
		_ = os.Chtimes(c.file.Name(), now, now) // evicted meanwhile, or a disk that is read-only
	}
}

func (c *chunk) close() { c.file.Close() }
