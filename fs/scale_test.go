package fs

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"testing"
	"time"

	"allasfs/objstore"
)

// vast is a store with one bucket of n objects or prefixes, made up as they are listed.
type vast struct {
	objstore.Store
	n        int
	prefixes bool
}

const vastPage = 1000

func (v vast) key(i int) string { return fmt.Sprintf("sample_%08d_R1.fastq.gz.c4gh", i) }

func (v vast) List(_ context.Context, bucket string, o objstore.ListOptions) (page objstore.Page, err error) {
	from, _ := strconv.Atoi(o.Token)
	for i := from; i < min(from+vastPage, v.n); i++ {
		if v.prefixes {
			page.Prefixes = append(page.Prefixes, v.key(i)+"/")
			continue
		}
		page.Objects = append(page.Objects, objstore.Object{
			Version:  objstore.Version{Bucket: bucket, Key: v.key(i), ETag: fmt.Sprintf("%032x", i), Size: 1 << 30},
			Modified: time.Unix(1_700_000_000, 0),
		})
	}
	if from+vastPage < v.n {
		page.Next = strconv.Itoa(from + vastPage)
	}
	return page, nil
}

func TestMemoryOfVastDirectories(t *testing.T) {
	for name, store := range map[string]vast{
		"Objects":     {n: 500_000},
		"Directories": {n: 100_000, prefixes: true},
	} {
		t.Run(name, func(t *testing.T) { measureListing(t, store) })
	}
}

func measureListing(t *testing.T, store vast) {
	const most = 300 // bytes an entry
	tree := treeOver(t, store, TreeOptions{})
	before := heap()
	l := tree.List(Place{Bucket: "b"})
	for i := range store.n {
		if e, err := l.At(context.Background(), i); err != nil || e == nil {
			t.Fatalf("entry %d: %v, %v", i, e, err)
		}
	}
	if e, err := l.At(context.Background(), store.n); err != nil || e != nil {
		t.Fatalf("behind the last entry: %v, %v", e, err)
	}
	if used := (heap() - before) / int64(store.n); used > most {
		t.Errorf("a listing takes %d bytes an entry, at most %d are allowed", used, most)
	} else {
		t.Logf("%d bytes an entry", used)
	}
	runtime.KeepAlive(l)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
