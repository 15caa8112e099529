package cache

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"allasfs/c4gh"
	"allasfs/objstore"
	"allasfs/objstore/storetest"
)

// copies is a store that has one object under all keys.
type copies struct {
	objstore.Store
	of objstore.Version
}

func (c copies) Get(ctx context.Context, v objstore.Version, off, n int64) (io.ReadCloser, error) {
	return c.Store.Get(ctx, c.of, off, n)
}

// crowd is a number of files that are read in sequence at the same time.
type crowd struct {
	*fixture
	handles []*Handle
	data    []byte // of each of them
}

const crowdPiece = 128 << 10 // plaintext bytes of one read

// newCrowd opens n plain files, over a store that takes as long to answer as delay says.
func newCrowd(t *testing.T, n, size int, budget int64, delay time.Duration) *crowd {
	t.Helper()
	c := &crowd{fixture: newFixture(t, Options{Budget: budget}), data: random(60, size)}
	src := c.plain("one", c.data)
	c.fault.Store = copies{c.store, src.Version}
	c.fault.Set(func(storetest.Request) storetest.Fault { return storetest.Fault{Delay: delay} })
	for i := range n {
		src.Version.Key = fmt.Sprint(i)
		c.handles = append(c.handles, c.open(src))
	}
	return c
}

// step reads a piece of the i-th file.
func (c *crowd) step(i, off int) {
	got, err := read(c.handles[i], int64(off), crowdPiece)
	if err != nil || !bytes.Equal(got, window(c.data, int64(off), crowdPiece)) {
		c.t.Errorf("file %d at %d: %v", i, off, err)
	}
}

// wantOnePass fails if much was fetched twice.
func (c *crowd) wantOnePass() {
	c.t.Helper()
	pass := len(c.handles) * len(c.data)
	if got := c.fault.Bytes(); float64(got) > 1.1*float64(pass) {
		c.t.Errorf("%d bytes were fetched of %d", got, pass)
	}
}

func TestManyFilesInTurn(t *testing.T) {
	for _, n := range []int{1, 40, 100} {
		for _, budget := range []int64{64 * mebibyte, 512 * mebibyte} {
			t.Run(fmt.Sprintf("%d files in %d MiB", n, budget/mebibyte), func(t *testing.T) {
				c := newCrowd(t, n, 3*mebibyte, budget, 0)
				for off := 0; off < len(c.data); off += crowdPiece {
					for i := range n {
						c.step(i, off)
					}
				}
				c.wantOnePass()
			})
		}
	}
}

// The clock here stands still unless everybody waits for the store, so what a file takes is how often it had to wait.
func TestManyFilesAtOnce(t *testing.T) {
	const delay = 20 * time.Millisecond
	for _, n := range []int{1, 10, 100} {
		for _, budget := range []int64{64 * mebibyte, 512 * mebibyte} {
			t.Run(fmt.Sprintf("%d files in %d MiB", n, budget/mebibyte), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := newCrowd(t, n, 8*mebibyte, budget, delay)
					waits := c.waits(delay)
					slices.Sort(waits)
					least, middle, most := waits[0], waits[n/2], waits[n-1]
					t.Logf("waits for the store: %d to %d, half of the files %d at most; %d reads", least, most, middle, len(c.data)/crowdPiece)
					if most >= len(c.data)/crowdPiece {
						t.Errorf("a file was never read ahead: it waited %d times", most)
					}
					if most > 2*middle {
						t.Errorf("a file waited %d times, half of all at most %d times", most, middle)
					}
					c.wantOnePass()
				})
			})
		}
	}
}

// waits reads all files at once and returns how often each waited for the store.
func (c *crowd) waits(delay time.Duration) []int {
	var readers sync.WaitGroup
	waits, began := make([]int, len(c.handles)), time.Now()
	for i := range c.handles {
		readers.Go(func() {
			for off := 0; off < len(c.data); off += crowdPiece {
				c.step(i, off)
			}
			waits[i] = int(time.Since(began) / delay)
		})
	}
	readers.Wait()
	return waits
}

// A file that was read alone has read-ahead for all of the budget. Where its reader stops, the others get theirs.
func TestAFileThatIsNotReadOnLeavesRoom(t *testing.T) {
	c := newCrowd(t, 100, 40*mebibyte, 64*mebibyte, 0)
	for off := 0; off < 20*mebibyte; off += crowdPiece {
		c.step(0, off)
	}
	before := c.cache.Stats()
	const read = 2 * mebibyte // of each
	for off := 0; off < read; off += crowdPiece {
		for i := 1; i < 100; i++ {
			c.step(i, off)
		}
	}
	missed, all := c.cache.Stats().Misses-before.Misses, int64(99*read/c4gh.SegmentSize)
	t.Logf("%d of %d segments had to be asked for", missed, all)
	if missed > all*3/4 {
		t.Errorf("%d of %d segments weren't read ahead", missed, all)
	}
}
