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

// vast is a store with one bucket of n objects, made up as they are listed.
type vast struct {
	objstore.Store
	n int
}

const vastPage = 1000

func (v vast) key(i int) string { return fmt.Sprintf("sample_%08d_R1.fastq.gz.c4gh", i) }

func (v vast) List(_ context.Context, bucket string, o objstore.ListOptions) (page objstore.Page, err error) {
	from, _ := strconv.Atoi(o.Token)
	for i := from; i < min(from+vastPage, v.n); i++ {
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

func TestMemoryOfAVastDirectory(t *testing.T) {
	const n, most = 500_000, 300 // bytes an entry
	tree := treeOver(t, vast{n: n}, TreeOptions{})
	before := heap()
	l := tree.List(Place{Bucket: "b"})
	for i := range n {
		if e, err := l.At(context.Background(), i); err != nil || e == nil {
			t.Fatalf("entry %d: %v, %v", i, e, err)
		}
	}
	if e, err := l.At(context.Background(), n); err != nil || e != nil {
		t.Fatalf("behind the last entry: %v, %v", e, err)
	}
	if used := (heap() - before) / n; used > most {
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
