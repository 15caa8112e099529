package fs

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"allasfs/objstore"
)

const (
	headersBucket = "headers-1"     // of the database; another number for another layout
	flushInterval = time.Second     // how long a header may wait for its transaction
	flushCount    = 1000            // how many may
	databaseLimit = 256 << 20       // bytes; a larger database is begun anew
	lockTimeout   = time.Second / 5 // for another mount to let go of it
)

// HeaderDB remembers headers from one mount to the next, in a file of the user's. It holds what lies in the buckets in
// clear and nothing else, under hashes of endpoint, bucket, key, ETag and size. All methods may be called from any
// number of goroutines, and on nil, which remembers nothing.
type HeaderDB struct {
	db       *bolt.DB
	endpoint string
	log      *slog.Logger

	mu      sync.Mutex
	waiting map[[sha256.Size]byte][]byte
	timer   *time.Timer // runs while something waits
	closed  bool
}

// OpenHeaderDB opens or makes the database. One process can have it open; for another one it fails.
func OpenHeaderDB(file, endpoint string, log *slog.Logger) (*HeaderDB, error) {
	if info, err := os.Stat(file); err == nil && info.Size() > databaseLimit {
		if err := os.Remove(file); err != nil {
			return nil, err
		}
	}
	db, err := bolt.Open(file, 0o600, &bolt.Options{Timeout: lockTimeout})
	if err != nil {
		return nil, fmt.Errorf("header database %s: %w", file, err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists([]byte(headersBucket))
		return err
	})
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("header database %s: %w", file, err)
	}
	return &HeaderDB{db: db, endpoint: endpoint, log: log, waiting: make(map[[sha256.Size]byte][]byte)}, nil
}

// id returns the hash that stands for a version. The parts are quoted, so that no two versions give the same text.
func (d *HeaderDB) id(v objstore.Version) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %d", d.endpoint, v.Bucket, v.Key, v.ETag, v.Size))
}

// get returns the header of v, or nil.
func (d *HeaderDB) get(v objstore.Version) (header []byte) {
	if d == nil {
		return nil
	}
	id := d.id(v)
	err := d.db.View(func(tx *bolt.Tx) error {
		header = append(header, tx.Bucket([]byte(headersBucket)).Get(id[:])...)
		return nil
	})
	if err != nil {
		d.log.Debug("header database not read", "cause", err)
	}
	return header
}

// put remembers the header of v, soon.
func (d *HeaderDB) put(v objstore.Version, header []byte) {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.waiting[d.id(v)] = header
	switch {
	case d.timer == nil:
		d.timer = time.AfterFunc(flushInterval, d.flush)
	case len(d.waiting) == flushCount:
		d.timer.Reset(0)
	}
}

// flush writes what waits in one transaction, because each one waits for the disk.
func (d *HeaderDB) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.waiting) == 0 {
		return
	}
	err := d.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte(headersBucket))
		for id, header := range d.waiting {
			if err := b.Put(id[:], header); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.log.Warn("headers not remembered", "cause", err)
	}
	clear(d.waiting)
	d.timer = nil
}

// Close writes what waits and closes the file.
func (d *HeaderDB) Close() error {
	if d == nil {
		return nil
	}
	d.flush()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	return d.db.Close()
}
