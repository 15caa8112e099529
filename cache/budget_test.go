package cache

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"testing"

	"allasfs/c4gh"
	"allasfs/objstore/storetest"
)

// edited stores plaintext as an encrypted object with an edit list.
func (f *fixture) edited(key string, plaintext []byte, edits c4gh.EditList) Source {
	f.t.Helper()
	var object bytes.Buffer
	dataKey, err := c4gh.NewDataKey()
	if err != nil {
		f.t.Fatal(err)
	}
	header, err := c4gh.NewHeader(c4gh.HeaderOptions{
		Recipients: []c4gh.PublicKey{f.key.Public()}, DataKeys: []*c4gh.DataKey{dataKey}, Edits: edits,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	header.WriteTo(&object)
	buf := make([]byte, c4gh.SealedSegmentSize)
	for off := 0; off < len(plaintext); off += c4gh.SegmentSize {
		n := copy(buf[12:12+c4gh.SegmentSize], plaintext[off:])
		if err := dataKey.SealSegment(buf[:n+c4gh.SegmentOverhead]); err != nil {
			f.t.Fatal(err)
		}
		object.Write(buf[:n+c4gh.SegmentOverhead])
	}
	return f.source(key, object.Bytes())
}

// A buffer that is used again while a view shows it would be wrong bytes without an error. Returned buffers are
// poisoned, so these readers would see it.
func TestReadersNeverSeeReturnedBuffers(t *testing.T) {
	f := newFixture(t, Options{Budget: 8 * mebibyte})
	data := make([][]byte, 6)
	sources := make([]Source, len(data))
	for i := range data {
		data[i] = random(uint64(20+i), 12*mebibyte+i*1000)
		sources[i] = f.sealed(string(rune('a'+i)), data[i])
	}
	var readers sync.WaitGroup
	for id := range 16 {
		readers.Go(func() {
			r := rand.New(rand.NewPCG(uint64(id), 7))
			h := f.open(sources[id%len(sources)])
			want := data[id%len(sources)]
			off := int64(0)
			for range 60 {
				if id%2 == 0 || off >= int64(len(want)) {
					off = r.Int64N(int64(len(want)))
				}
				n := 1 + r.IntN(512<<10)
				v, err := h.ReadAt(context.Background(), off, n)
				if err != nil {
					t.Errorf("read at %d: %v", off, err)
					return
				}
				if !bytes.Equal(bytes.Join(v.Slices(), nil), window(want, off, n)) {
					t.Errorf("reader %d got wrong bytes at %d", id, off)
				}
				v.Release()
				off += int64(n)
			}
		})
	}
	readers.Wait()
}

func TestBudgetHolds(t *testing.T) {
	f := newFixture(t, Options{Budget: leastBudget})
	data := random(30, 32*mebibyte)
	h := f.open(f.sealed("o", data))
	r := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		off := r.Int64N(int64(len(data)))
		if _, err := read(h, off, 200_000); err != nil {
			t.Fatal(err)
		}
		if s := f.cache.Stats(); s.Used > s.Limit {
			t.Fatalf("%d segments are in use, %d allowed", s.Used, s.Limit)
		}
	}
}

func TestDemandIsServedBeyondTheBudget(t *testing.T) {
	f := newFixture(t, Options{Budget: leastBudget})
	data := random(31, 16*mebibyte)
	h := f.open(f.sealed("o", data))
	var views []*View
	for off := int64(0); off < int64(len(data)); off += mebibyte {
		v, err := h.ReadAt(context.Background(), off, mebibyte)
		if err != nil {
			t.Fatal(err)
		}
		views = append(views, v)
	}
	for i, v := range views {
		if !bytes.Equal(bytes.Join(v.Slices(), nil), window(data, int64(i)*mebibyte, mebibyte)) {
			t.Errorf("view %d changed", i)
		}
		v.Release()
	}
	if s := f.cache.Stats(); s.Used > s.Limit {
		t.Errorf("%d segments are in use after the views were released, %d allowed", s.Used, s.Limit)
	}
}

func TestClosedHandleGivesItsReadAheadUp(t *testing.T) {
	f := newFixture(t, Options{})
	data := random(32, 32*mebibyte)
	h := f.open(f.sealed("o", data))
	const from, length = 8 * mebibyte, 2 * mebibyte
	f.fault.Set(func(r storetest.Request) storetest.Fault {
		if r.Offset > from+length { // a guess
			return storetest.Stall(0)
		}
		return storetest.Fault{}
	})
	for off := int64(from); off < from+length; off += 128 << 10 {
		if _, err := read(h, off, 128<<10); err != nil {
			t.Fatal(err)
		}
	}
	h.Close()
	f.cache.work.Wait() // would hang if a fetch that nobody wants went on
	if s := f.cache.Stats(); s.Used > sequentialRun/c4gh.SegmentSize+2*int(leastWindow)/c4gh.SegmentSize {
		t.Errorf("%d segments are in use", s.Used)
	}
	f.fault.Set(nil)
	again := f.open(f.sealed("o", data))
	if got, err := read(again, 20*mebibyte, 100); err != nil || !bytes.Equal(got, window(data, 20*mebibyte, 100)) {
		t.Errorf("a read after the handle was closed: %v", err)
	}
}

func TestInterleavedStreamsInOneHandle(t *testing.T) {
	f := newFixture(t, Options{Budget: 64 * mebibyte})
	data := random(33, 40*mebibyte)
	h := f.open(f.sealed("o", data))
	const piece, run, streams = 128 << 10, 4 * mebibyte, 4
	for step := int64(0); step < run; step += piece {
		for part := range int64(streams) {
			off := (part*10+1)*mebibyte + step // not the beginning of the file
			got, err := read(h, off, piece)
			if err != nil || !bytes.Equal(got, window(data, off, piece)) {
				t.Fatalf("read at %d: %v", off, err)
			}
		}
	}
	s := f.cache.Stats()
	if s.Misses > streams*sequentialRun/c4gh.SegmentSize {
		t.Errorf("%d segments weren't read ahead", s.Misses)
	}
	if got, most := f.fault.Bytes(), int64(streams*2*run); got > most {
		t.Errorf("%d bytes were fetched; a guess at most doubles the %d that were read", got, streams*run)
	}
}
