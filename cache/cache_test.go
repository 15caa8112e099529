package cache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"allasfs/c4gh"
	"allasfs/objstore"
	"allasfs/objstore/storetest"
)

func TestReadAtBoundaries(t *testing.T) {
	const n = c4gh.SegmentSize
	for _, size := range []int{0, 1, n - 1, n, n + 1, 2 * n, 2*n + 500} {
		f := newFixture(t, Options{})
		data := random(1, size)
		for name, src := range map[string]Source{"sealed": f.sealed("s", data), "plain": f.plain("p", data)} {
			h := f.open(src)
			if h.Size() != int64(size) {
				t.Errorf("%s, %d bytes: Size is %d", name, size, h.Size())
			}
			for _, off := range []int64{0, 1, n - 1, n, n + 1, int64(size), int64(size) + 1, 1 << 40} {
				for _, length := range []int{0, 1, n - 1, n, n + 1, 3 * n} {
					got, err := read(h, off, length)
					if err != nil {
						t.Fatalf("%s, %d bytes, [%d, +%d): %v", name, size, off, length, err)
					}
					if !bytes.Equal(got, window(data, off, length)) {
						t.Errorf("%s, %d bytes, [%d, +%d): wrong bytes", name, size, off, length)
					}
				}
			}
		}
	}
}

func TestEditListScattersOneRead(t *testing.T) {
	f := newFixture(t, Options{Budget: leastBudget})
	data := random(2, 100*c4gh.SegmentSize)
	var edits c4gh.EditList
	var want []byte
	for off := 0; off+30000 <= len(data); off += 30000 {
		edits = append(edits, 29990, 10)
		want = append(want, data[off+29990:off+30000]...)
	}
	src := f.edited("e", data, edits)
	h := f.open(src)
	got, err := read(h, 0, len(want)+100)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("a read that touches more segments than a view may hold is wrong")
	}
	if f.cache.Stats().Used > f.cache.limit {
		t.Errorf("the read holds %d segments of %d", f.cache.Stats().Used, f.cache.limit)
	}
}

func TestRandomReadFetchesItsSegmentsOnly(t *testing.T) {
	f := newFixture(t, Options{})
	data := random(3, 64*c4gh.SegmentSize)
	h := f.open(f.sealed("o", data))
	touched := make(map[int64]bool)
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		off := r.Int64N(int64(len(data)))
		got, err := read(h, off, 4096)
		if err != nil || !bytes.Equal(got, window(data, off, 4096)) {
			t.Fatalf("read at %d: %v", off, err)
		}
		for i := off / c4gh.SegmentSize; i <= (off+4095)/c4gh.SegmentSize && i < 64; i++ {
			touched[i] = true
		}
	}
	if want := int64(len(touched) * c4gh.SealedSegmentSize); f.fault.Bytes() != want {
		t.Errorf("%d bytes were fetched, the reads touch %d", f.fault.Bytes(), want)
	}
	if s := f.cache.Stats(); s.AheadGets != 0 {
		t.Errorf("random reads made %d guesses", s.AheadGets)
	}
}

// A region that is read in pieces costs one GET once the handle has seen how much is read at a jump.
func TestRegionsCostOneRequest(t *testing.T) {
	tests := []struct {
		region, piece int64
		requests      float64 // for each region, at most
		bytes         float64 // for each byte of it, at most
	}{
		{256 << 10, 128 << 10, 1.1, 3},
		{256 << 10, 32 << 10, 1.1, 3},
		{1 << 20, 128 << 10, 2.1, 3},
		{4 << 20, 1 << 20, 10, 2.5},
	}
	data := random(14, 92*mebibyte)
	for _, test := range tests {
		t.Run(fmt.Sprintf("%d in %d", test.region, test.piece), func(t *testing.T) {
			f := newFixture(t, Options{Budget: 64 * mebibyte})
			h := f.open(f.plain("o", data))
			const regions = 12
			before := 0
			for i := range int64(regions) {
				if i == 2 { // two jumps are made without experience
					before = f.fault.Count("get")
				}
				from := (i * 5 % regions) * 8 * mebibyte // never near the last one
				for off := from; off < from+test.region; off += test.piece {
					got, err := read(h, off, int(test.piece))
					if err != nil || !bytes.Equal(got, window(data, off, int(test.piece))) {
						t.Fatalf("read at %d: %v", off, err)
					}
				}
			}
			f.cache.Close()
			if n := float64(f.fault.Count("get")-before) / (regions - 2); n > test.requests {
				t.Errorf("%.2f GETs for a region", n)
			}
			if n := float64(f.fault.Bytes()) / float64(regions*test.region); n > test.bytes {
				t.Errorf("%.2f bytes fetched for each of a region", n)
			}
		})
	}
}

// Whoever comes from the beginning of a file will go on: the window is the whole one before many round trips are over.
// In the middle it may be a region.
func TestBeginningsEarnMore(t *testing.T) {
	data := random(15, 40*mebibyte)
	for _, test := range []struct {
		name  string
		from  int64
		edits c4gh.EditList
		ahead int64 // what is fetched in bytes, at most, and at least half of it
	}{
		{"beginning", 0, nil, 10 * mebibyte},
		{"beginning of what an edit list keeps", 0, c4gh.EditList{12345, 30 * mebibyte}, 10 * mebibyte},
		{"middle", 4 * mebibyte, nil, 3 * mebibyte},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t, Options{})
			h := f.open(f.edited("o", data, test.edits))
			if _, err := read(h, test.from, mebibyte); err != nil {
				t.Fatal(err)
			}
			for f.cache.Stats().Pending > 0 {
				time.Sleep(time.Millisecond)
			}
			if n := f.fault.Bytes(); n > test.ahead || n < test.ahead/2 {
				t.Errorf("%d bytes were fetched, %d are expected at most", n, test.ahead)
			}
		})
	}
}

func TestSequentialReadFetchesOnce(t *testing.T) {
	for _, step := range []int{4096, 100_000, 128 << 10, mebibyte} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			f := newFixture(t, Options{Budget: 16 * mebibyte})
			data := random(4, 20*mebibyte+123)
			src := f.sealed("o", data)
			h := f.open(src)
			for off := int64(0); off < int64(len(data)); off += int64(step) {
				got, err := read(h, off, step)
				if err != nil || !bytes.Equal(got, window(data, off, step)) {
					t.Fatalf("read at %d: %v", off, err)
				}
			}
			body := src.Version.Size - src.HeaderSize
			if f.fault.Bytes() != body {
				t.Errorf("%d bytes were fetched of %d", f.fault.Bytes(), body)
			}
			if s := f.cache.Stats(); s.AheadGets < 8 || s.Unused != 0 {
				t.Errorf("read-ahead didn't run or was in vain: %+v", s)
			}
			f.usedIsLittle(t)
		})
	}
}

// usedIsLittle checks that a stream gives back what it has passed.
func (f *fixture) usedIsLittle(t *testing.T) {
	t.Helper()
	if s := f.cache.Stats(); s.Used > 2*sequentialRun/c4gh.SegmentSize {
		t.Errorf("%d segments are kept after a sequential read", s.Used)
	}
}

// The kernel's read-ahead sends its requests in parallel, so they come in any order.
func TestParallelOutOfOrderReadsFetchOnce(t *testing.T) {
	f := newFixture(t, Options{Budget: 64 * mebibyte})
	data := random(5, 32*mebibyte)
	src := f.sealed("o", data)
	h := f.open(src)
	const piece = 128 << 10
	offsets := make(chan int64)
	go func() {
		defer close(offsets)
		for base := int64(0); base < int64(len(data)); base += 4 * piece {
			for _, i := range []int64{2, 0, 3, 1} {
				offsets <- base + i*piece
			}
		}
	}()
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for off := range offsets {
				if got, err := read(h, off, piece); err != nil || !bytes.Equal(got, window(data, off, piece)) {
					t.Errorf("read at %d: %v", off, err)
				}
			}
		})
	}
	readers.Wait()
	if body := src.Version.Size - src.HeaderSize; f.fault.Bytes() != body {
		t.Errorf("%d bytes were fetched of %d", f.fault.Bytes(), body)
	}
	if s := f.cache.Stats(); s.AheadGets == 0 {
		t.Error("nothing was read ahead")
	}
}

func TestOneFetchForAllWhoWait(t *testing.T) {
	f := newFixture(t, Options{})
	data := random(6, 3*c4gh.SegmentSize)
	src := f.sealed("o", data)
	begun, release := make(chan struct{}, 1), make(chan struct{})
	f.fault.Set(func(storetest.Request) storetest.Fault {
		begun <- struct{}{}
		<-release
		return storetest.Fault{}
	})
	var readers sync.WaitGroup
	for range 20 {
		readers.Go(func() {
			h := f.open(src)
			if got, err := read(h, 10, 2*c4gh.SegmentSize); err != nil || !bytes.Equal(got, window(data, 10, 2*c4gh.SegmentSize)) {
				t.Errorf("read: %v", err)
			}
		})
	}
	<-begun
	close(release)
	readers.Wait()
	if n := f.fault.Count("get"); n != 1 {
		t.Errorf("%d GETs for one range", n)
	}
}

func TestSegmentsAreHandedOverAsTheyOpen(t *testing.T) {
	f := newFixture(t, Options{})
	data := random(7, 8*c4gh.SegmentSize)
	src := f.sealed("o", data)
	f.fault.Set(func(storetest.Request) storetest.Fault { return storetest.Stall(3 * c4gh.SealedSegmentSize) })
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	whole := make(chan error)
	h := f.open(src)
	go func() {
		_, err := h.ReadAt(ctx, 0, len(data))
		whole <- err
	}()
	for f.fault.Count("get") == 0 {
		time.Sleep(time.Millisecond)
	}
	got, err := read(h, 0, 3*c4gh.SegmentSize) // arrives although the GET never ends
	if err != nil || !bytes.Equal(got, data[:3*c4gh.SegmentSize]) {
		t.Errorf("the first segments of a stalled GET: %v", err)
	}
	cancel()
	if err := <-whole; !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted read: %v", err)
	}
}

func TestInterruptedReadDoesNotBreakOthers(t *testing.T) {
	f := newFixture(t, Options{})
	data := random(8, 2*c4gh.SegmentSize)
	src := f.sealed("o", data)
	release := make(chan struct{})
	begun := make(chan struct{}, 1)
	f.fault.Set(func(storetest.Request) storetest.Fault {
		begun <- struct{}{}
		<-release
		return storetest.Fault{}
	})
	h := f.open(src)
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan error)
	go func() {
		_, err := h.ReadAt(ctx, 0, 100)
		first <- err
	}()
	<-begun
	second := make(chan error)
	go func() {
		got, err := read(h, 0, 100)
		if err == nil && !bytes.Equal(got, data[:100]) {
			err = errors.New("wrong bytes")
		}
		second <- err
	}()
	for f.cache.Stats().Waits == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted read: %v", err)
	}
	close(release)
	if err := <-second; err != nil {
		t.Errorf("the other read: %v", err)
	}
	if n := f.fault.Count("get"); n != 1 {
		t.Errorf("%d GETs", n)
	}
}

func TestFailuresAreNotKept(t *testing.T) {
	f := newFixture(t, Options{})
	data := random(9, 4*c4gh.SegmentSize)
	h := f.open(f.sealed("o", data))
	for _, cause := range []error{objstore.ErrDenied, objstore.ErrTimeout, objstore.ErrNotExist} {
		f.fault.Set(func(storetest.Request) storetest.Fault { return storetest.Fault{Err: cause} })
		if _, err := read(h, 0, len(data)); !errors.Is(err, cause) {
			t.Errorf("read: %v, want %v", err, cause)
		}
	}
	f.fault.Set(nil)
	if got, err := read(h, 0, len(data)); err != nil || !bytes.Equal(got, data) {
		t.Errorf("the read after the failures: %v", err)
	}
}

func TestBrokenBodyFailsWhatDidNotArrive(t *testing.T) {
	f := newFixture(t, Options{})
	data := random(10, 4*c4gh.SegmentSize)
	h := f.open(f.sealed("o", data))
	f.fault.Set(func(storetest.Request) storetest.Fault { return storetest.Reset(2*c4gh.SealedSegmentSize + 7) })
	if _, err := read(h, 0, len(data)); !errors.Is(err, storetest.ErrReset) {
		t.Errorf("read: %v", err)
	}
	f.fault.Set(nil)
	if got, err := read(h, 0, len(data)); err != nil || !bytes.Equal(got, data) {
		t.Errorf("the next read: %v", err)
	}
	if want := int64(4*c4gh.SealedSegmentSize + 7); f.fault.Bytes() != want {
		t.Errorf("%d bytes were fetched instead of %d: what arrived counts", f.fault.Bytes(), want)
	}
}

func TestChangedObject(t *testing.T) {
	f := newFixture(t, Options{})
	data := random(11, 2*c4gh.SegmentSize)
	src := f.sealed("o", data)
	h := f.open(src)
	if _, err := read(h, 0, 10); err != nil {
		t.Fatal(err)
	}
	f.change(src.Version)
	if _, err := read(h, c4gh.SegmentSize, 10); !errors.Is(err, objstore.ErrChanged) {
		t.Errorf("read of a replaced object: %v", err)
	}
	if got, err := read(h, 0, 10); err != nil || !bytes.Equal(got, data[:10]) {
		t.Errorf("what is in memory of the old version: %v", err)
	}
}

func TestFlippedByteFailsItsSegment(t *testing.T) {
	f := newFixture(t, Options{})
	data := random(12, 3*c4gh.SegmentSize)
	var object bytes.Buffer
	o := c4gh.EncryptOptions{Recipients: []c4gh.PublicKey{f.key.Public()}}
	if _, err := c4gh.Encrypt(&object, bytes.NewReader(data), o); err != nil {
		t.Fatal(err)
	}
	b := object.Bytes()
	b[len(b)-c4gh.SealedSegmentSize-1000] ^= 1 // in the second segment
	h := f.open(f.source("o", b))
	for i, want := range []error{nil, c4gh.ErrSegment, nil} {
		got, err := read(h, int64(i*c4gh.SegmentSize), c4gh.SegmentSize)
		if !errors.Is(err, want) {
			t.Errorf("segment %d: %v, want %v", i, err, want)
		}
		if want == nil && !bytes.Equal(got, window(data, int64(i*c4gh.SegmentSize), c4gh.SegmentSize)) {
			t.Errorf("segment %d: wrong bytes", i)
		}
	}
}

func TestClosedCache(t *testing.T) {
	f := newFixture(t, Options{})
	src := f.sealed("o", random(13, 1000))
	h := f.open(src)
	v, err := h.ReadAt(context.Background(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	f.cache.Close()
	if !bytes.Equal(bytes.Join(v.Slices(), nil), random(13, 1000)) {
		t.Error("a view changed when the cache was closed")
	}
	v.Release()
	if _, err := read(h, 0, 10); !errors.Is(err, ErrClosed) {
		t.Errorf("read of a closed cache: %v", err)
	}
	if _, err := f.cache.Open(src); !errors.Is(err, ErrClosed) {
		t.Errorf("open of a closed cache: %v", err)
	}
}
