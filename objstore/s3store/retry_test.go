package s3store_test

import (
	"bytes"
	"testing"
	"time"

	"allasfs/objstore"
	"allasfs/test/s3server"
)

// What objstore.Retry is to mend, on real connections.
func TestRetry(t *testing.T) {
	const size = 1 << 20
	s := server(t)
	if err := s.CreateBucket("b", "access"); err != nil {
		t.Fatal(err)
	}
	if err := s.Put("b", "k", content(size)); err != nil {
		t.Fatal(err)
	}
	store := objstore.Retry(open(t, s.URL()),
		objstore.RetryOptions{StallTimeout: 200 * time.Millisecond, FirstWait: time.Millisecond})
	v := head(t, store, "b", "k")
	for name, fault := range map[string]s3server.Fault{
		"overloaded": {Kind: s3server.Get, Times: 3, Status: 503, Code: "SlowDown"},
		"reset":      {Kind: s3server.Get, Times: 3, Reset: true, After: size / 5},
		"stall":      {Kind: s3server.Get, Times: 3, Stall: true, After: size / 5},
		"no answer":  {Kind: s3server.Get, Times: 1, Delay: time.Minute},
	} {
		s.ResetLog()
		remove := s.Fail(fault)
		got, err := read(t, store, v, 0, size)
		if err != nil || !bytes.Equal(got, content(size)) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if n := s.Counts().Get; n != fault.Times+1 {
			t.Errorf("%s: %d requests, want %d", name, n, fault.Times+1)
		}
		remove()
	}
}
