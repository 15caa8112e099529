package s3store_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"allasfs/objstore"
	"allasfs/objstore/s3store"
)

// refuse answers as S3 does.
func refuse(w http.ResponseWriter, code string) {
	w.WriteHeader(http.StatusForbidden)
	fmt.Fprintf(w, `<?xml version="1.0"?><Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Code>%s</Code></Error>`, code)
}

// A wrong clock costs one request more, once.
func TestGetWithAWrongClock(t *testing.T) {
	const wrong = 3 * time.Hour
	requests := 0
	s := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		now := time.Now().Add(wrong)
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		sent, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil || now.Sub(sent).Abs() > 15*time.Minute {
			refuse(w, "RequestTimeTooSkewed")
			return
		}
		answer(w, `"v"`, 0, 10, 100)
		w.Write(make([]byte, 10))
	}))
	for want := 2; want <= 4; want++ {
		if _, err := read(t, s, version(100), 0, 10); err != nil || requests != want {
			t.Errorf("%v after %d requests, want %d", err, requests, want)
		}
	}
}

// A store that keeps refusing the time isn't asked for ever.
func TestGetWithAClockThatCannotBeRight(t *testing.T) {
	requests := 0
	s := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		refuse(w, "RequestTimeTooSkewed")
	}))
	if _, err := read(t, s, version(100), 0, 10); !errors.Is(err, objstore.ErrDenied) || !strings.Contains(err.Error(), "clock") || requests != 2 {
		t.Errorf("%v after %d requests", err, requests)
	}
}

// A refusal that breaks off may get better.
func TestGetWithARefusalThatIsCut(t *testing.T) {
	s := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		refuse(w, "AccessDenied")
	}))
	if _, err := read(t, s, version(100), 0, 10); !errors.Is(err, objstore.ErrUnavailable) || errors.Is(err, objstore.ErrDenied) {
		t.Errorf("%v", err)
	}
}

// GETs renew credentials as the other requests do.
func TestGetWithKeysThatWereRefused(t *testing.T) {
	for _, c := range []struct {
		code, renewed string
		requests      int
		err           error
	}{
		{"ExpiredToken", "new", 2, nil},
		{"InvalidAccessKeyId", "new", 2, nil},
		{"ExpiredToken", "old", 1, objstore.ErrDenied},
		{"AccessDenied", "new", 1, objstore.ErrDenied},
	} {
		requests := 0
		url := serve(t, func(w http.ResponseWriter, r *http.Request) {
			requests++
			if !strings.Contains(r.Header.Get("Authorization"), "Credential=new/") {
				refuse(w, c.code)
				return
			}
			answer(w, `"v"`, 0, 10, 100)
			w.Write(make([]byte, 10))
		})
		keys := s3store.Credentials{AccessKeyID: "old", SecretAccessKey: "S", Endpoint: url}
		s, err := s3store.New(t.Context(), s3store.Options{Credentials: keys,
			Renew: func(context.Context) (s3store.Credentials, error) {
				keys := keys
				keys.AccessKeyID = c.renewed
				return keys, nil
			}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := read(t, s, version(100), 0, 10); !errors.Is(err, c.err) || requests != c.requests {
			t.Errorf("%s, %s: %v after %d requests, want %v after %d", c.code, c.renewed, err, requests, c.err, c.requests)
		}
	}
}
