// Package storetest holds the conformance suite that every store passes ([Run]), a store in memory for tests ([Memory])
// and one that injects faults and counts requests ([Faults]).
package storetest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"allasfs/objstore"
)

// Fixture is one store under test, empty, and the way in which the suite fills it.
type Fixture struct {
	Store objstore.Store
	// MakeBucket makes an empty bucket.
	MakeBucket func(bucket string)
	// Put makes an object in a bucket, or replaces it.
	Put func(bucket, key string, data []byte)
	// CanHold says whether the store can hold keys with this name at all; nil means all of them.
	CanHold func(key string) bool
}

// bucket is where the suite keeps its objects.
const bucket = "suite"

// Run checks a store against the contract of [objstore.Store]. It calls fixture once for each test, in which the
// fixture's own cleanup is registered.
func Run(t *testing.T, fixture func(*testing.T) Fixture) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, Fixture)
	}{
		{"Buckets", testBuckets},
		{"Head", testHead},
		{"Ranges", testRanges},
		{"NotExist", testNotExist},
		{"Changed", testChanged},
		{"ChangedMeanwhile", testChangedMeanwhile},
		{"CloseEarly", testCloseEarly},
		{"Context", testContext},
		{"Concurrent", testConcurrent},
		{"ListEverything", testListEverything},
		{"ListPrefixes", testListPrefixes},
		{"ListStartAfter", testListStartAfter},
		{"ListEmpty", testListEmpty},
		{"ListOddKeys", testListOddKeys},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := fixture(t)
			f.MakeBucket(bucket)
			test.run(t, f)
		})
	}
}

// pattern returns n bytes that differ from their neighbours and from what another seed gives.
func pattern(n int, seed byte) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i%251) + seed
	}
	return data
}

func (f Fixture) put(t *testing.T, key string, data []byte) objstore.Version {
	t.Helper()
	f.Put(bucket, key, data)
	o, err := f.Store.Head(t.Context(), bucket, key)
	if err != nil {
		t.Fatal(err)
	}
	return o.Version
}

func (f Fixture) get(ctx context.Context, v objstore.Version, off, n int64) ([]byte, error) {
	body, err := f.Store.Get(ctx, v, off, n)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(body)
	return data, errors.Join(err, body.Close())
}

// checkError checks the cause of err, and that it names what was asked for.
func checkError(t *testing.T, err, want error, op, bucket, key string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", op, err, want)
		return
	}
	e, ok := errors.AsType[*objstore.Error](err)
	if !ok || e.Op != op || e.Bucket != bucket || e.Key != key {
		t.Errorf("%s: error %#v, want one that names %s/%s", op, e, bucket, key)
	}
}

func testBuckets(t *testing.T, f Fixture) {
	for _, name := range []string{"zebra", "a.b", "a-b", "middle"} {
		f.MakeBucket(name)
	}
	found, err := f.Store.Buckets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, b := range found {
		names = append(names, b.Name)
	}
	checkStrings(t, "buckets", names, []string{"a-b", "a.b", "middle", bucket, "zebra"})
}

func testHead(t *testing.T, f Fixture) {
	for _, size := range []int{0, 1, 100_000} {
		f.Put(bucket, "dir/object", pattern(size, 0))
		o, err := f.Store.Head(t.Context(), bucket, "dir/object")
		if err != nil {
			t.Fatal(err)
		}
		if o.Bucket != bucket || o.Key != "dir/object" || o.Size != int64(size) || o.ETag == "" || o.Modified.IsZero() {
			t.Errorf("object of %d bytes: %+v", size, o)
		}
		page, err := f.Store.List(t.Context(), bucket, objstore.ListOptions{})
		if err != nil || len(page.Objects) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		if page.Objects[0].Version != o.Version {
			t.Errorf("listed as %+v, but Head says %+v", page.Objects[0].Version, o.Version)
		}
	}
}

func testRanges(t *testing.T, f Fixture) {
	const size = 200_000
	data := pattern(size, 0)
	v := f.put(t, "object", data)
	for _, r := range []struct{ off, n int64 }{
		{0, size}, {0, 1}, {1, 1}, {0, size - 1}, {1, size - 1}, {size - 1, 1}, {size - 2, 1}, {size - 2, 2},
		{65535, 1}, {65536, 1}, {65535, 2}, {65564, 65564}, {100_000, 100_000},
	} {
		got, err := f.get(t.Context(), v, r.off, r.n)
		if err != nil || !bytes.Equal(got, data[r.off:r.off+r.n]) {
			t.Errorf("%d bytes at %d: got %d, right: %v, error %v", r.n, r.off, len(got),
				bytes.Equal(got, data[r.off:r.off+r.n]), err)
		}
	}
	for _, r := range []struct{ off, n int64 }{{0, size + 1}, {size, 1}, {-1, 1}, {0, 0}, {0, -1}, {1, size}} {
		if got, err := f.get(t.Context(), v, r.off, r.n); err == nil {
			t.Errorf("%d bytes at %d: got %d bytes without an error", r.n, r.off, len(got))
		}
	}
}

func testNotExist(t *testing.T, f Fixture) {
	v := f.put(t, "dir/object", pattern(10, 0))
	for _, key := range []string{"none", "dir", "dir/object/below", "dir/objec", "dir/object2", ""} {
		_, err := f.Store.Head(t.Context(), bucket, key)
		checkError(t, err, objstore.ErrNotExist, "head", bucket, key)
		w := v
		w.Key = key
		_, err = f.Store.Get(t.Context(), w, 0, 10)
		checkError(t, err, objstore.ErrNotExist, "get", bucket, key)
	}
	for _, other := range []string{"no-such-bucket", ""} {
		_, err := f.Store.List(t.Context(), other, objstore.ListOptions{Prefix: "p"})
		checkError(t, err, objstore.ErrNoBucket, "list", other, "p")
		_, err = f.Store.Head(t.Context(), other, "dir/object")
		checkError(t, err, objstore.ErrNotExist, "head", other, "dir/object")
		w := v
		w.Bucket = other
		_, err = f.Store.Get(t.Context(), w, 0, 10)
		checkError(t, err, objstore.ErrNotExist, "get", other, "dir/object")
	}
}

func testChanged(t *testing.T, f Fixture) {
	old := f.put(t, "object", pattern(1000, 0))
	for _, size := range []int{1000, 10, 2000} {
		now := f.put(t, "object", pattern(size, 7))
		if now == old {
			t.Fatalf("the same version %+v for other bytes", now)
		}
		_, err := f.get(t.Context(), old, 0, 1000)
		checkError(t, err, objstore.ErrChanged, "get", bucket, "object")
		_, err = f.get(t.Context(), old, 999, 1)
		checkError(t, err, objstore.ErrChanged, "get", bucket, "object")
		got, err := f.get(t.Context(), now, 0, now.Size)
		if err != nil || !bytes.Equal(got, pattern(size, 7)) {
			t.Errorf("new version: %d bytes, error %v", len(got), err)
		}
	}
}

// testChangedMeanwhile replaces the object under an open body: the old bytes or ErrChanged, and no other bytes.
func testChangedMeanwhile(t *testing.T, f Fixture) {
	const size = 1 << 20
	for _, newSize := range []int{size, size / 2} {
		data := pattern(size, 0)
		v := f.put(t, "object", data)
		body, err := f.Store.Get(t.Context(), v, 0, size)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 1000)
		if _, err := io.ReadFull(body, got); err != nil {
			t.Fatal(err)
		}
		f.put(t, "object", pattern(newSize, 7))
		rest, err := io.ReadAll(body)
		got = append(got, rest...)
		if !bytes.Equal(got, data[:len(got)]) {
			t.Error("bytes of another version")
		}
		if err == nil && len(got) != size || err != nil && !errors.Is(err, objstore.ErrChanged) {
			t.Errorf("%d bytes, then %v", len(got), err)
		}
		body.Close()
	}
}
