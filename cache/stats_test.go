package cache

import (
	"context"
	"errors"
	"testing"
	"time"

	"allasfs/c4gh"
	"allasfs/objstore"
	"allasfs/objstore/storetest"
)

// want fails unless the counters are the given ones; the budget and the disk tier have tests of their own.
func (w Stats) want(t *testing.T, when string, got Stats) {
	t.Helper()
	w.Limit, w.LimitBytes, w.Disk = got.Limit, got.LimitBytes, got.Disk
	w.UsedBytes = int64(w.Used) * bufferSize
	if w != got {
		t.Errorf("%s:\n%+v, want\n%+v", when, got, w)
	}
}

func TestStatsOfRandomReads(t *testing.T) {
	f := newFixture(t, Options{})
	h := f.open(f.sealed("o", random(50, 10*c4gh.SegmentSize)))
	readAt := func(off int64, n int) {
		t.Helper()
		if _, err := read(h, off, n); err != nil {
			t.Fatal(err)
		}
	}
	readAt(3*c4gh.SegmentSize+5, 100)
	w := Stats{Reads: 1, AskedBytes: 100, ServedBytes: 100, Gets: 1, Misses: 1, Used: 1, FetchedBytes: c4gh.SealedSegmentSize}
	w.want(t, "a read", f.cache.Stats())
	readAt(3*c4gh.SegmentSize+50, 1000)
	w.Reads, w.AskedBytes, w.ServedBytes, w.Hits = 2, 1100, 1100, 1
	w.want(t, "the same segment again", f.cache.Stats())
	readAt(10*c4gh.SegmentSize-10, 5000)
	w.Reads, w.AskedBytes, w.ServedBytes, w.Gets, w.Misses, w.Used = 3, 1110, 1110, 2, 2, 2
	w.FetchedBytes *= 2
	w.want(t, "a read over the end", f.cache.Stats())
	readAt(20*c4gh.SegmentSize, 5000)
	w.Reads = 4
	w.want(t, "a read behind the end", f.cache.Stats())
	if s := f.cache.Stats(); s.LimitBytes != int64(s.Limit)*bufferSize || s.LimitBytes > defaultBudget || s.Disk != nil {
		t.Errorf("%+v", s)
	}
}

func TestStatsOfFailedAndWaitingReads(t *testing.T) {
	f := newFixture(t, Options{})
	h := f.open(f.sealed("o", random(51, 2*c4gh.SegmentSize)))
	f.fault.Set(storetest.First(1, "get", storetest.Fault{Err: objstore.ErrDenied}))
	if _, err := read(h, 0, 100); !errors.Is(err, objstore.ErrDenied) {
		t.Fatal(err)
	}
	w := Stats{Reads: 1, AskedBytes: 100, Gets: 1, Misses: 1}
	w.want(t, "a failed read", f.cache.Stats())
	f.fault.Set(func(storetest.Request) storetest.Fault { return storetest.Stall(10) })
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() {
		_, err := h.ReadAt(ctx, 0, 100)
		ended <- err
	}()
	for f.cache.Stats().Gets < 2 {
		time.Sleep(time.Millisecond)
	}
	w.Gets, w.Misses, w.Pending, w.Used = 2, 2, 1, 1
	w.want(t, "a read that waits", f.cache.Stats())
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What was fetched and not read is wasted, whether it had come when its handle was closed or not.
func TestStatsOfReadAhead(t *testing.T) {
	for _, arrived := range []bool{true, false} {
		f := newFixture(t, Options{})
		h := f.open(f.sealed("o", random(52, 16*mebibyte)))
		for off := int64(0); off < 2*mebibyte; off += mebibyte / 8 {
			if _, err := read(h, off, mebibyte/8); err != nil {
				t.Fatal(err)
			}
		}
		for arrived && f.cache.Stats().Pending > 0 {
			time.Sleep(time.Millisecond)
		}
		h.Close()
		f.cache.Close()
		s := f.cache.Stats()
		const wanted = 2 * mebibyte / c4gh.SegmentSize * c4gh.SealedSegmentSize
		if s.AheadBytes == 0 || s.FetchedBytes < wanted || s.AheadBytes > s.FetchedBytes {
			t.Errorf("fetched %d bytes, %d of them ahead", s.FetchedBytes, s.AheadBytes)
		}
		if s.WastedBytes != s.FetchedBytes-wanted || arrived && s.WastedBytes == 0 {
			t.Errorf("%d bytes wasted of %d, of which %d were wanted", s.WastedBytes, s.FetchedBytes, wanted)
		}
		if got := f.fault.Bytes(); got < s.FetchedBytes {
			t.Errorf("the store sent %d bytes, and %d were fetched", got, s.FetchedBytes)
		}
	}
}

func TestStatsOfTheDiskTier(t *testing.T) {
	f := newFixture(t, Options{})
	dir := t.TempDir()
	data := random(53, 20*c4gh.SegmentSize)
	src := f.sealed("o", data)
	var s Stats
	readAll := func(c *Cache) {
		f.readAll(c, src, data)
		s = c.Stats()
	}
	f.session(dir, readAll)
	if s.DiskHits != 0 || s.Disk == nil || s.Disk.Hits != 0 || s.FetchedBytes != 20*c4gh.SealedSegmentSize {
		t.Errorf("the first reading: %+v, disk %+v", s, s.Disk)
	}
	f.session(dir, readAll)
	if s.DiskHits != 20 || s.Disk.Hits != 20 || s.Gets != 0 || s.FetchedBytes != 0 || s.AheadBytes != 0 || s.WastedBytes != 0 {
		t.Errorf("the second reading: %+v, disk %+v", s, s.Disk)
	}
}
