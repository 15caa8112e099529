package swiftstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"allasfs/objstore"
	"allasfs/objstore/storetest"
	"allasfs/objstore/swiftstore"
)

const account = "/swift/v1/AUTH_0d0d"

// swift is an object server of one account over a store in memory.
type swift struct {
	storetest.Memory
	url string

	segments string // where those of large/dlo are, in BUCKET/PREFIX; empty for none

	mu       sync.Mutex
	token    string // the one that is good
	requests atomic.Int64
}

func start(t *testing.T) *swift {
	t.Helper()
	s := &swift{token: "token-do-not-show"}
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	s.url = h.URL + account
	return s
}

func (s *swift) login() swiftstore.Login {
	s.mu.Lock()
	defer s.mu.Unlock()
	return swiftstore.Login{URL: s.url, Token: s.token}
}

func (s *swift) revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

func (s *swift) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	path, ok := strings.CutPrefix(r.URL.Path, account)
	if !ok || r.Header.Get("X-Auth-Token") != s.login().Token {
		http.Error(w, "AccessDenied", http.StatusUnauthorized)
		return
	}
	bucket, key, inside := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case bucket == "":
		s.buckets(w, r)
	case s.segments != "" && bucket == "large":
		s.manifest(w, r)
	case !inside:
		s.list(w, r, bucket)
	default:
		s.object(w, r, bucket, key)
	}
}

func refuse(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, objstore.ErrNotExist):
		http.Error(w, "NoSuchKey", http.StatusNotFound)
	case errors.Is(err, objstore.ErrChanged):
		http.Error(w, "PreconditionFailed", http.StatusPreconditionFailed)
	default:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

type line map[string]any

func (s *swift) buckets(w http.ResponseWriter, r *http.Request) {
	all, _ := s.Buckets(r.Context())
	lines := []line{}
	for _, b := range all {
		if b.Name > r.FormValue("marker") && len(lines) < 2 {
			lines = append(lines, line{"name": b.Name, "count": 1, "bytes": 1})
		}
	}
	json.NewEncoder(w).Encode(lines)
}

// list may give fewer entries than it is asked for, as Ceph may.
func (s *swift) list(w http.ResponseWriter, r *http.Request, bucket string) {
	limit, _ := strconv.Atoi(r.FormValue("limit"))
	page, err := s.List(r.Context(), bucket, objstore.ListOptions{
		Prefix: r.FormValue("prefix"), Delimiter: r.FormValue("delimiter"), Token: r.FormValue("marker"), Max: min(limit, 7),
	})
	if err != nil {
		refuse(w, err)
		return
	}
	lines := []line{}
	for _, o := range page.Objects {
		lines = append(lines, line{"name": o.Key, "hash": o.ETag, "bytes": o.Size,
			"last_modified": o.Modified.UTC().Format("2006-01-02T15:04:05.000Z")})
	}
	for _, p := range page.Prefixes {
		if p != "/" { // which Ceph leaves out
			lines = append(lines, line{"subdir": p})
		}
	}
	json.NewEncoder(w).Encode(lines)
}

func (s *swift) object(w http.ResponseWriter, r *http.Request, bucket, key string) {
	o, err := s.Head(r.Context(), bucket, key)
	if err != nil {
		refuse(w, err)
		return
	}
	if match := r.Header.Get("If-Match"); match != "" && match != `"`+o.ETag+`"` {
		refuse(w, objstore.ErrChanged)
		return
	}
	h := w.Header()
	h.Set("Etag", o.ETag)
	h.Set("Last-Modified", o.Modified.UTC().Format(http.TimeFormat))
	off, end := int64(0), o.Size-1
	status := http.StatusOK
	if text := r.Header.Get("Range"); text != "" {
		fmt.Sscanf(text, "bytes=%d-%d", &off, &end)
		if off >= o.Size {
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return
		}
		end, status = min(end, o.Size-1), http.StatusPartialContent
		h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, end, o.Size))
	}
	h.Set("Content-Length", fmt.Sprint(end-off+1))
	w.WriteHeader(status)
	if r.Method == http.MethodHead || end < off {
		return
	}
	body, err := s.Get(r.Context(), o.Version, off, end-off+1)
	if err == nil {
		io.Copy(w, body)
	}
}

func open(t *testing.T, o swiftstore.Options) *swiftstore.Store {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	return swiftstore.New(ctx, o)
}

func (s *swift) open(t *testing.T) *swiftstore.Store {
	return open(t, swiftstore.Options{Login: func(context.Context) (swiftstore.Login, error) { return s.login(), nil }})
}

func TestSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		s := start(t)
		return storetest.Fixture{
			Store: s.open(t), MakeBucket: s.MakeBucket,
			Put: func(bucket, key string, data []byte) { s.Put(bucket, key, data) },
		}
	})
}

// answering is a store whose every answer is the same.
func answering(t *testing.T, answer http.HandlerFunc) *swiftstore.Store {
	t.Helper()
	h := httptest.NewServer(answer)
	t.Cleanup(h.Close)
	return open(t, swiftstore.Options{Login: func(context.Context) (swiftstore.Login, error) {
		return swiftstore.Login{URL: h.URL, Token: "secret"}, nil
	}})
}

func TestAnswers(t *testing.T) {
	for status, want := range map[int]error{
		401: objstore.ErrDenied, 403: objstore.ErrDenied, 404: objstore.ErrNotExist, 412: objstore.ErrChanged, 416: objstore.ErrChanged,
		408: objstore.ErrUnavailable, 429: objstore.ErrUnavailable, 498: objstore.ErrUnavailable, 500: objstore.ErrUnavailable,
		503: objstore.ErrUnavailable, 400: nil, 302: nil, 507: objstore.ErrUnavailable,
	} {
		store := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://elsewhere.invalid/")
			w.WriteHeader(status)
		})
		_, head := store.Head(t.Context(), "b", "k")
		_, get := store.Get(t.Context(), objstore.Version{Bucket: "b", Key: "k", ETag: "e", Size: 10}, 0, 1)
		_, list := store.List(t.Context(), "b", objstore.ListOptions{})
		for op, err := range map[string]error{"head": head, "get": get, "list": list} {
			e, ok := errors.AsType[*objstore.Error](err)
			if !ok || e.Op != op || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), strconv.Itoa(status)) {
				t.Errorf("%s, %d: %v, want %v", op, status, err, want)
			}
			for _, is := range []error{objstore.ErrDenied, objstore.ErrNotExist, objstore.ErrChanged, objstore.ErrUnavailable} {
				if want == nil && errors.Is(err, is) {
					t.Errorf("%s, %d: %v", op, status, err)
				}
			}
		}
	}
}

// Answers that aren't what was asked for are never taken for it.
func TestWrongAnswers(t *testing.T) {
	v := objstore.Version{Bucket: "b", Key: "k", ETag: "e", Size: 10}
	for name, h := range map[string]http.Header{
		"other ETag":  {"Etag": {"f"}, "Content-Range": {"bytes 2-5/10"}, "Content-Length": {"4"}},
		"no ETag":     {"Content-Range": {"bytes 2-5/10"}, "Content-Length": {"4"}},
		"other range": {"Etag": {"e"}, "Content-Range": {"bytes 3-6/10"}, "Content-Length": {"4"}},
		"other size":  {"Etag": {"e"}, "Content-Range": {"bytes 2-5/11"}, "Content-Length": {"4"}},
		"no range":    {"Etag": {"e"}, "Content-Length": {"4"}},
		"a manifest":  {"Etag": {"e"}, "Content-Range": {"bytes 2-5/10"}, "Content-Length": {"4"}, "X-Static-Large-Object": {"True"}, "Last-Modified": {time.Now().UTC().Format(http.TimeFormat)}},
		"no length":   {"Etag": {"e"}, "Content-Range": {"bytes 2-5/10"}},
	} {
		store := answering(t, func(w http.ResponseWriter, _ *http.Request) {
			for name, values := range h {
				w.Header()[name] = values
			}
			w.WriteHeader(http.StatusPartialContent)
			w.(http.Flusher).Flush()
			io.WriteString(w, "2345")
		})
		if _, err := store.Get(t.Context(), v, 2, 4); !errors.Is(err, objstore.ErrChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, text := range map[string]string{
		"not UTF-8": "[{\"name\": \"\xff\", \"hash\": \"e\", \"bytes\": 1, \"last_modified\": \"2026-01-02T03:04:05.678900\"}]", "not JSON": "<html>",
		"cut": `[{"name": "a"`, "no name": `[{}]`, "no time": `[{"name": "a", "hash": "e", "bytes": 1}]`,
		"no ETag": `[{"name": "a", "bytes": 1, "last_modified": "2026-01-02T03:04:05.678900"}]`,
	} {
		store := answering(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) })
		if page, err := store.List(t.Context(), "b", objstore.ListOptions{}); err == nil {
			t.Errorf("%s: %+v", name, page)
		}
	}
}

// A body that is cut isn't a short one.
func TestCutBody(t *testing.T) {
	store := answering(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Etag", "e")
		w.Header().Set("Content-Range", "bytes 0-9/10")
		w.Header().Set("Content-Length", "10")
		w.WriteHeader(http.StatusPartialContent)
		io.WriteString(w, "0123")
	})
	body, err := store.Get(t.Context(), objstore.Version{Bucket: "b", Key: "k", ETag: "e", Size: 10}, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if string(data) != "0123" || !errors.Is(err, objstore.ErrUnavailable) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%q, %v", data, err)
	}
}

// A listing that repeats itself isn't followed for ever.
func TestListingThatDoesntGetOn(t *testing.T) {
	store := answering(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `[{"name": "a"}, {"name": "b"}]`) })
	if all, err := store.Buckets(t.Context()); err == nil {
		t.Errorf("%v", all)
	}
	entry := `[{"name": "b", "hash": "e", "bytes": 1, "last_modified": "2026-01-02T03:04:05.678900"}]`
	store = answering(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, entry) })
	if page, err := store.List(t.Context(), "b", objstore.ListOptions{Token: "b"}); err == nil {
		t.Errorf("%+v", page)
	}
	store = answering(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `[{"subdir": "a/"}]`) })
	page, err := store.List(t.Context(), "b", objstore.ListOptions{Delimiter: "/", Token: "a/"})
	if err != nil || page.Next != "" || len(page.Prefixes) > 0 {
		t.Errorf("%+v, %v", page, err)
	}
}

// Swift's own listings have times without a zone, and manifests have sizes that aren't the object's.
func TestListedObjects(t *testing.T) {
	store := answering(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("marker") != "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		io.WriteString(w, `[{"name": "a", "hash": "e", "bytes": 7, "last_modified": "2026-01-02T03:04:05.678900"},
			{"name": "b", "hash": "d41d8cd98f00b204e9800998ecf8427e", "bytes": 327, "last_modified": "2026-01-02T03:04:05.678Z"}]`)
	})
	page, err := store.List(t.Context(), "b", objstore.ListOptions{})
	if err != nil || len(page.Objects) != 2 || page.Objects[0].Size != 7 || page.Objects[1].Size != 0 {
		t.Fatalf("%+v, %v", page, err)
	}
	if want := time.Date(2026, 1, 2, 3, 4, 5, 678900000, time.UTC); !page.Objects[0].Modified.Equal(want) {
		t.Errorf("%v, want %v", page.Objects[0].Modified, want)
	}
	if last, err := store.List(t.Context(), "b", objstore.ListOptions{Token: page.Next}); err != nil || last.Next != "" || len(last.Objects) > 0 {
		t.Errorf("%+v, %v", last, err)
	}
}

// A token that is good no longer is replaced, and a login that fails isn't repeated for every request.
func TestLogins(t *testing.T) {
	s := start(t)
	s.Put("b", "k", []byte("x"))
	var logins atomic.Int64
	old := s.login()
	store := open(t, swiftstore.Options{Login: func(context.Context) (swiftstore.Login, error) {
		if logins.Add(1) == 1 {
			return old, nil
		}
		return s.login(), nil
	}})
	for range 3 {
		if _, err := store.Head(t.Context(), "b", "k"); err != nil || logins.Load() != 1 {
			t.Fatalf("%d logins, %v", logins.Load(), err)
		}
	}
	s.revoke("another")
	for range 3 {
		if _, err := store.Head(t.Context(), "b", "k"); !errors.Is(err, objstore.ErrDenied) || logins.Load() != 1 {
			t.Errorf("%d logins within a minute, %v", logins.Load(), err)
		}
	}
	swiftstore.LetTimePass(store)
	if _, err := store.Head(t.Context(), "b", "k"); err != nil || logins.Load() != 2 {
		t.Errorf("%d logins a minute later, %v", logins.Load(), err)
	}
	store = open(t, swiftstore.Options{Login: func(context.Context) (swiftstore.Login, error) {
		logins.Add(1)
		return swiftstore.Login{}, errors.New("wrong password")
	}})
	for range 3 {
		if _, err := store.Head(t.Context(), "b", "k"); err == nil || !strings.Contains(err.Error(), "wrong password") {
			t.Error(err)
		}
	}
	if logins.Load() != 3 {
		t.Errorf("%d logins, want two that work and one that doesn't", logins.Load())
	}
}

// A token is replaced shortly before it expires.
func TestLoginIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var logins int
		store := swiftstore.New(ctx, swiftstore.Options{Login: func(context.Context) (swiftstore.Login, error) {
			logins++
			return swiftstore.Login{URL: "http://127.0.0.1:1", Token: fmt.Sprint(logins), Expires: time.Now().Add(time.Hour)}, nil
		}})
		for _, c := range []struct {
			wait time.Duration
			want int
		}{{0, 1}, {50 * time.Minute, 1}, {6 * time.Minute, 2}, {time.Minute, 2}, {2 * time.Hour, 3}} {
			time.Sleep(c.wait)
			if token, err := swiftstore.Token(ctx, store); err != nil || token != fmt.Sprint(c.want) {
				t.Errorf("token %s, %v", token, err)
			}
			if logins != c.want {
				t.Errorf("after another %v: %d logins, want %d", c.wait, logins, c.want)
			}
		}
	})
}

func TestTokenDoesntShow(t *testing.T) {
	s := start(t)
	var log strings.Builder
	login := s.login()
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "login", login)
	store := s.open(t)
	s.revoke("another")
	_, err := store.Head(t.Context(), "b", "k")
	for _, text := range []string{log.String(), fmt.Sprintf("%v %+v %#v %v", login, login, login, &login), fmt.Sprint(err)} {
		if strings.Contains(text, "do-not-show") {
			t.Errorf("shows the token: %s", text)
		}
	}
}

// Plain http to another machine would show the token to whoever listens.
func TestPlainHTTP(t *testing.T) {
	store := open(t, swiftstore.Options{Login: func(context.Context) (swiftstore.Login, error) {
		return swiftstore.Login{URL: "http://swift.invalid/v1/AUTH_x", Token: "secret"}, nil
	}})
	if _, err := store.Head(t.Context(), "b", "k"); err == nil || !strings.Contains(err.Error(), "isn't encrypted") {
		t.Error(err)
	}
}
