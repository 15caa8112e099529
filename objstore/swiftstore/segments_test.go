package swiftstore_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"allasfs/objstore"
	"allasfs/objstore/swiftstore"
)

// manifest answers for a dynamic large object of others as Ceph does: HEAD tells what it is, and GET is refused.
func (s *swift) manifest(w http.ResponseWriter, r *http.Request) {
	bucket, prefix, _ := strings.Cut(s.segments, "/")
	page, err := s.List(r.Context(), bucket, objstore.ListOptions{Prefix: prefix})
	if err != nil {
		refuse(w, err)
		return
	}
	size, etags := int64(0), ""
	for _, o := range page.Objects {
		size, etags = size+o.Size, etags+o.ETag
	}
	sum := md5.Sum([]byte(etags))
	w.Header().Set("Etag", `"`+hex.EncodeToString(sum[:])+`"`)
	w.Header().Set("Last-Modified", time.Unix(1e9, 0).UTC().Format(http.TimeFormat))
	w.Header().Set("X-Object-Manifest", s.segments)
	w.Header().Set("Content-Length", fmt.Sprint(size))
	if r.Method != http.MethodHead {
		http.Error(w, "AccessDenied", http.StatusUnauthorized)
	}
}

// withManifest is a store with an object of some segments, and what is in them.
func withManifest(t *testing.T) (*swift, *swiftstore.Store, objstore.Version, []byte) {
	t.Helper()
	s := start(t)
	var data []byte
	for i := range 12 { // more than a page of the server's
		part := bytes.Repeat([]byte{byte('a' + i)}, 1000*(i%3))
		s.Put("segments", fmt.Sprintf("dlo/%02d", i), part)
		data = append(data, part...)
	}
	s.segments = "segments/dlo/"
	store := s.open(t)
	object, err := store.Head(t.Context(), "large", "dlo")
	if err != nil || object.Size != int64(len(data)) {
		t.Fatalf("%+v, %v", object, err)
	}
	return s, store, object.Version, data
}

func TestSegmentsAreJoined(t *testing.T) {
	s, store, v, data := withManifest(t)
	size := v.Size
	for i, r := range [][2]int64{{0, size}, {0, 1}, {size - 1, 1}, {999, 2}, {1000, 2000}, {500, size - 501}, {2999, 1}} {
		before := s.requests.Load()
		body, err := store.Get(t.Context(), v, r[0], r[1])
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, r[1]+1)
		n := 0
		for err == nil {
			var m int
			m, err = body.Read(got[n:min(n+777, len(got))])
			n += m
		}
		if !bytes.Equal(got[:n], data[r[0]:r[0]+r[1]]) {
			t.Errorf("%v: %d bytes, %v", r, n, err)
		}
		if err := errors.Join(body.Close(), body.Close()); err != nil {
			t.Error(err)
		}
		if asked := s.requests.Load() - before; i > 0 && asked > 8 {
			t.Errorf("%v: %d requests", r, asked)
		}
	}
	body, err := store.Get(t.Context(), v, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	body.Close()
	if n, err := body.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("Read after Close: %d bytes, %v", n, err)
	}
}

func TestSegmentsThatArentThere(t *testing.T) {
	s, store, v, data := withManifest(t)
	body, err := store.Get(t.Context(), v, 0, v.Size)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	s.Delete("segments", "dlo/05")
	var got bytes.Buffer
	_, err = got.ReadFrom(body)
	if !errors.Is(err, objstore.ErrIncomplete) || !strings.Contains(err.Error(), "get large/dlo at byte ") || !strings.Contains(err.Error(), "segment segments/dlo/05") {
		t.Errorf("a segment that is gone: %v", err)
	}
	if !bytes.Equal(got.Bytes(), data[:got.Len()]) {
		t.Error("wrong bytes before it")
	}
}
