package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// stored is a chunk file as trim sees it.
type stored struct {
	path string
	size int64 // disk space in bytes; a sparse file takes less than its length
	used time.Time
}

// tight tells whether the chunks are to be measured again. Others may write into the same directory, so a process uses
// at most half of what it saw to be free before it looks again. The caller holds t.mu.
func (t *Tier) tight() bool { return t.written > max((t.o.Limit-t.measured)/2, t.o.Limit/64) }

// trim measures all chunks and, if they come near the limit, removes those used longest ago.
func (t *Tier) trim() error {
	chunks, total, err := t.measure()
	if err != nil {
		return err
	}
	removed := int64(0)
	if total > t.o.Limit-t.o.Limit/16 {
		slices.SortFunc(chunks, func(a, b stored) int { return a.used.Compare(b.used) })
		for _, c := range chunks {
			if total <= t.o.Limit-t.o.Limit/8 {
				break
			}
			if err := os.Remove(c.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			total -= c.size
			removed++
		}
		t.chunks.Purge() // or the space of what is open isn't given back
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.measured, t.written = total, 0
	t.stats.Evicted += removed
	return nil
}

// measure returns all chunks and the disk space that they take. What vanishes meanwhile was removed by another process.
func (t *Tier) measure() (chunks []stored, total int64, err error) {
	err = filepath.WalkDir(t.o.Dir, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || err == nil && entry.IsDir() {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		size := space(info)
		chunks = append(chunks, stored{path, size, info.ModTime()})
		total += size
		return nil
	})
	return chunks, total, err
}
