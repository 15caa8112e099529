package fs

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"allasfs/objstore"
)

const (
	headersBucket = "headers-2"     // of the database; another number for another layout
	flushInterval = time.Second     // how long a header may wait for its transaction
	flushCount    = 1000            // how many may
	databaseLimit = 256 << 20       // bytes; a larger database is begun anew
	lockTimeout   = time.Second / 5 // for another mount to let go of it
)

// errDamaged says that a database isn't one, or has another layout.
var errDamaged = errors.New("damaged or of another version")

// HeaderDB remembers headers from one mount to the next, in a file of the user's, under hashes of endpoint, bucket, key,
// ETag and size. It holds what lies in the buckets in clear, and for a header a hash by which whoever has the same keys
// knows that they open it and that it has no edit list. What is damaged counts for nothing.
//
// All methods may be called from any number of goroutines, and on nil, which remembers nothing.
type HeaderDB struct {
	file     string
	db       *bolt.DB
	endpoint string
	log      *slog.Logger
	damaged  atomic.Bool // and removed
	writing  sync.Mutex  // held while a transaction waits for the disk

	mu      sync.Mutex
	waiting map[versionID][]byte
	timer   *time.Timer // runs while something waits
	closed  bool
}

// versionID stands for an object version of an endpoint.
type versionID [sha256.Size]byte

// OpenHeaderDB opens or makes the database. One process can have it open; for another one it fails. A file that is
// damaged, too large or of another version is begun anew.
func OpenHeaderDB(file, endpoint string, log *slog.Logger) (*HeaderDB, error) {
	d := &HeaderDB{file: file, endpoint: endpoint, log: log, waiting: make(map[versionID][]byte)}
	info, err := os.Stat(file)
	if err == nil && info.Size() > databaseLimit {
		err = os.Remove(file)
	}
	if err == nil || errors.Is(err, os.ErrNotExist) {
		err = d.open()
	}
	if errors.Is(err, errDamaged) {
		log.Info("header database begun anew", "file", file, "cause", err)
		if err = os.Remove(file); err == nil {
			err = d.open()
		}
	}
	if err != nil {
		return nil, fmt.Errorf("header database %s: %w", file, err)
	}
	return d, nil
}

func (d *HeaderDB) open() error {
	return protect(func() (err error) {
		d.db, err = bolt.Open(d.file, 0o600, &bolt.Options{Timeout: lockTimeout})
		if err != nil {
			return openError(err)
		}
		if err = d.db.Update(prepare); err != nil {
			d.db.Close()
		}
		return err
	})
}

// openError tells what is wrong with the file from what keeps us from it.
func openError(err error) error {
	if _, ok := errors.AsType[syscall.Errno](err); ok || errors.Is(err, bolterrors.ErrTimeout) {
		return err
	}
	return fmt.Errorf("%w: %w", errDamaged, err)
}

// prepare makes the one bucket that a database has.
func prepare(tx *bolt.Tx) error {
	if tx.Bucket([]byte(headersBucket)) != nil {
		return nil
	}
	if first, _ := tx.Cursor().First(); first != nil {
		return fmt.Errorf("%w: it has %q", errDamaged, first)
	}
	_, err := tx.CreateBucket([]byte(headersBucket))
	return err
}

// protect runs what may meet a damaged page: bbolt panics then, or reads where the file isn't mapped.
func protect(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errDamaged, p)
		}
	}()
	return f()
}

// id returns the hash that stands for a version. The parts are quoted, so that no two versions give the same text.
func (d *HeaderDB) id(v objstore.Version) versionID {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %d", d.endpoint, v.Bucket, v.Key, v.ETag, v.Size))
}

// get returns what is known of v, and whether that is anything.
func (d *HeaderDB) get(v objstore.Version, by readerID) (r headerRecord, ok bool) {
	if d == nil || d.damaged.Load() {
		return r, false
	}
	id := d.id(v)
	d.use(func() error {
		return d.db.View(func(tx *bolt.Tx) error {
			r, ok = parseRecord(id, by, tx.Bucket([]byte(headersBucket)).Get(id[:]))
			return nil
		})
	})
	return r, ok
}

// use runs a transaction. A database that turns out to be damaged isn't used again, here or by the next mount.
func (d *HeaderDB) use(transaction func() error) {
	err := protect(transaction)
	if err == nil {
		return
	}
	d.log.Warn("headers aren't remembered", "file", d.file, "cause", err)
	if errors.Is(err, errDamaged) && !d.damaged.Swap(true) {
		os.Remove(d.file)
	}
}

// put remembers what is known of v, soon.
func (d *HeaderDB) put(v objstore.Version, by readerID, r headerRecord) {
	if d == nil {
		return
	}
	id := d.id(v)
	data := r.marshal(id, by)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return
	}
	d.waiting[id] = data
	switch {
	case d.timer == nil:
		d.timer = time.AfterFunc(flushInterval, d.flush)
	case len(d.waiting) == flushCount:
		d.timer.Reset(0)
	}
}

// flush writes what waits in one transaction, because each one waits for the disk. Meanwhile more can be put.
func (d *HeaderDB) flush() {
	d.writing.Lock()
	defer d.writing.Unlock()
	d.mu.Lock()
	waiting := d.waiting
	d.waiting, d.timer = make(map[versionID][]byte), nil
	d.mu.Unlock()
	if len(waiting) == 0 || d.damaged.Load() {
		return
	}
	d.use(func() error {
		return d.db.Update(func(tx *bolt.Tx) error {
			b := tx.Bucket([]byte(headersBucket))
			for id, data := range waiting {
				if err := b.Put(id[:], data); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// Close writes what waits and closes the file.
func (d *HeaderDB) Close() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.flush()
	return d.db.Close()
}
