package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"allasfs/objstore"
)

// mint makes credentials that last for an hour, each time others.
type mint struct {
	asked atomic.Int64
	err   error
	slow  time.Duration
}

func (m *mint) make(ctx context.Context) (Credentials, error) {
	n := m.asked.Add(1)
	select {
	case <-time.After(m.slow):
	case <-ctx.Done():
		return Credentials{}, ctx.Err()
	}
	return Credentials{AccessKeyID: fmt.Sprint("A", n), SecretAccessKey: "S", Expires: time.Now().Add(time.Hour)}, m.err
}

func access(t *testing.T, w *wallet) string {
	t.Helper()
	c, err := w.Retrieve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return c.AccessKeyID
}

func TestRenewedBeforeExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{}
		first, _ := m.make(t.Context())
		w := newWallet(first, m.make)
		for _, c := range []struct {
			wait time.Duration
			want string
		}{
			{0, "A1"}, {time.Hour - renewAhead - time.Nanosecond, "A1"}, {time.Nanosecond, "A2"}, {0, "A2"}, {54 * time.Minute, "A2"},
			{time.Minute, "A3"}, {3 * time.Hour, "A4"},
		} {
			time.Sleep(c.wait)
			if got := access(t, w); got != c.want {
				t.Errorf("%v later: %s, want %s", c.wait, got, c.want)
			}
		}
	})
}

// Keys that can't be renewed stay in use, and nobody is asked in every request.
func TestRenewalFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{}
		first, _ := m.make(t.Context())
		m.err = errors.New("out of order")
		w := newWallet(first, m.make)
		time.Sleep(time.Hour - renewAhead)
		for range 600 { // ten minutes: five before the end and five behind
			if got := access(t, w); got != "A1" {
				t.Fatalf("got %s", got)
			}
			time.Sleep(time.Second)
		}
		if n := m.asked.Load() - 1; n != 10 {
			t.Errorf("asked %d times in ten minutes, want 10", n)
		}
		m.err = nil
		time.Sleep(renewPause)
		if got := access(t, w); got == "A1" {
			t.Error("still the old ones")
		}
	})
}

// While one request waits for new credentials, the others go on with the old ones.
func TestNobodyElseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{}
		first, _ := m.make(t.Context())
		m.slow = 10 * time.Second
		w := newWallet(first, m.make)
		time.Sleep(time.Hour - renewAhead)
		begun := time.Now()
		var wg sync.WaitGroup
		var old, renewed atomic.Int64
		for range 20 {
			wg.Go(func() {
				switch c, _ := w.Retrieve(t.Context()); {
				case c.AccessKeyID == "A1" && time.Since(begun) == 0:
					old.Add(1)
				case c.AccessKeyID == "A2" && time.Since(begun) == m.slow:
					renewed.Add(1)
				}
			})
		}
		wg.Wait()
		if old.Load() != 19 || renewed.Load() != 1 || m.asked.Load() != 2 {
			t.Errorf("%d went on, %d waited, asked %d times", old.Load(), renewed.Load(), m.asked.Load()-1)
		}
	})
}

// A request that ends while it waits spoils nothing for the next one.
func TestRenewingRequestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &mint{}
		first, _ := m.make(t.Context())
		m.slow = 10 * time.Second
		w := newWallet(first, m.make)
		time.Sleep(time.Hour - renewAhead)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		w.Retrieve(ctx)
		if got := access(t, w); got != "A3" {
			t.Errorf("got %s", got)
		}
	})
}

func TestKeysForAnotherStoreAreNotTaken(t *testing.T) {
	w := newWallet(Credentials{AccessKeyID: "A", SecretAccessKey: "S", Endpoint: "https://one.example"},
		func(context.Context) (Credentials, error) {
			return Credentials{AccessKeyID: "B", SecretAccessKey: "S", Endpoint: "https://two.example"}, nil
		})
	if w.replace(t.Context(), w.now()) || access(t, w) != "A" {
		t.Error("they were taken")
	}
}

// refusing is a store that takes one access key only.
func refusing(t *testing.T, code, good string) (url string, requests *atomic.Int64) {
	requests = &atomic.Int64{}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		switch {
		case strings.Contains(r.Header.Get("Authorization"), "Credential="+good+"/"):
			w.Header().Set("ETag", `"e"`)
			fmt.Fprint(w, "<ListAllMyBucketsResult><Buckets></Buckets></ListAllMyBucketsResult>")
		default:
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
		}
	}))
	t.Cleanup(h.Close)
	return h.URL, requests
}

func TestRefusedKeysAreRenewed(t *testing.T) {
	for _, c := range []struct {
		code     string
		renewed  string
		requests int64
		asked    int64
		err      error
	}{
		{"ExpiredToken", "new", 2, 1, nil},
		{"InvalidAccessKeyId", "new", 2, 1, nil},
		{"ExpiredToken", "old", 1, 1, objstore.ErrDenied},
		{"AccessDenied", "new", 1, 0, objstore.ErrDenied},
	} {
		url, requests := refusing(t, c.code, "new")
		var asked atomic.Int64
		store, err := New(t.Context(), Options{
			Credentials: Credentials{AccessKeyID: "old", SecretAccessKey: "S", Endpoint: url},
			Renew: func(context.Context) (Credentials, error) {
				asked.Add(1)
				return Credentials{AccessKeyID: c.renewed, SecretAccessKey: "S", Endpoint: url}, nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = store.Buckets(t.Context())
		if !errors.Is(err, c.err) || requests.Load() != c.requests || asked.Load() != c.asked {
			t.Errorf("%s, %s: %v, %d requests, asked %d times", c.code, c.renewed, err, requests.Load(), asked.Load())
		}
		if c.err == nil {
			continue
		}
		store.Buckets(t.Context())
		if asked.Load() != c.asked {
			t.Errorf("%s, %s: asked again at once", c.code, c.renewed)
		}
	}
}

// The answer to HEAD doesn't say why.
func TestRefusedHeadRenews(t *testing.T) {
	url, requests := refusing(t, "", "new")
	store, err := New(t.Context(), Options{
		Credentials: Credentials{AccessKeyID: "old", SecretAccessKey: "S", Endpoint: url},
		Renew: func(context.Context) (Credentials, error) {
			return Credentials{AccessKeyID: "new", SecretAccessKey: "S", Endpoint: url}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Head(t.Context(), "bucket", "key"); err != nil || requests.Load() != 2 {
		t.Errorf("%v after %d requests", err, requests.Load())
	}
}
