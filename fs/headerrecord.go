package fs

import (
	"bytes"
	"crypto/sha256"
	"slices"

	"allasfs/c4gh"
)

// headerRecord is what the database holds of an object version:
//
//	16 bytes  check: the beginning of a hash of version and header
//	16 bytes  proof: the beginning of a hash of version, reader and header; zeros if opens is false
//	n bytes   header: as it is stored, or nothing
type headerRecord struct {
	header []byte // what the object begins with; empty says that it isn't a header
	// opens says that the reader's keys open the header and see no edit list, and that the object isn't cut in its last
	// segment: the size of the plaintext follows from sizes that everybody can see.
	opens bool
}

const (
	checkSize  = 16 // bytes
	recordHead = 2 * checkSize
)

// readerID stands for a set of secret keys. It is made of public keys and kept in memory.
type readerID [sha256.Size]byte

func identify(keys []*c4gh.SecretKey) readerID {
	var all [][]byte
	for _, k := range keys {
		public := k.Public()
		all = append(all, public[:])
	}
	slices.SortFunc(all, bytes.Compare)
	return sha256.Sum256(slices.Concat(all...))
}

// checks returns what a record of the version begins with if opens is true.
func (r headerRecord) checks(id versionID, by readerID) []byte {
	check := sha256.Sum256(slices.Concat(id[:], r.header))
	proof := sha256.Sum256(slices.Concat(id[:], by[:], r.header))
	return append(check[:checkSize], proof[:checkSize]...)
}

func (r headerRecord) marshal(id versionID, by readerID) []byte {
	head := r.checks(id, by)
	if !r.opens {
		clear(head[checkSize:])
	}
	return append(head, r.header...)
}

// parseRecord returns what data says, and whether it is undamaged.
func parseRecord(id versionID, by readerID, data []byte) (r headerRecord, ok bool) {
	if len(data) < recordHead {
		return r, false
	}
	r.header = bytes.Clone(data[recordHead:])
	want := r.checks(id, by)
	r.opens = bytes.Equal(data[checkSize:recordHead], want[checkSize:])
	return r, bytes.Equal(data[:checkSize], want[:checkSize])
}
