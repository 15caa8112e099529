package s3server

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

var (
	ann = Key{"ANN", "ann-secret"}
	bob = Key{"BOB", "bob-secret"}
)

func start(t *testing.T, c Config) *Server {
	t.Helper()
	c.Keys = []Key{ann, bob}
	s, err := Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, b := range []struct{ name, owner string }{{"reads", ann.Access}, {"Other_Bucket", bob.Access}} {
		if err := s.CreateBucket(b.name, b.owner); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// send signs a request as k and returns the answer with an unread body.
func send(t *testing.T, s *Server, k Key, method, path string, header ...string) (*http.Response, error) {
	t.Helper()
	const emptySHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Amz-Content-Sha256", emptySHA256)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	cred := aws.Credentials{AccessKeyID: k.Access, SecretAccessKey: k.Secret}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := signer.SignHTTP(t.Context(), cred, r, emptySHA256, "s3", "regionOne", time.Now()); err != nil {
		t.Fatal(err)
	}
	return http.DefaultClient.Do(r)
}

func get(t *testing.T, s *Server, k Key, method, path string, header ...string) (int, []byte, http.Header) {
	t.Helper()
	resp, err := send(t, s, k, method, path, header...)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body, resp.Header
}

func put(t *testing.T, s *Server, bucket, key string, body []byte) {
	t.Helper()
	if err := s.Put(bucket, key, body); err != nil {
		t.Fatal(err)
	}
}

func TestStatus(t *testing.T) {
	s := start(t, Config{})
	put(t, s, "reads", "a b/ö+.c4gh", []byte("hello"))
	put(t, s, "Other_Bucket", "x", []byte("x"))
	put(t, s, "reads", "\xff x", []byte("bytes"))
	_, _, h := get(t, s, ann, "HEAD", "/reads/a%20b/%C3%B6%2B.c4gh")
	etag := h.Get("ETag")
	for _, c := range []struct {
		name, method, path string
		key                Key
		header             []string
		status             int
	}{
		{"object", "GET", "/reads/a%20b/%C3%B6%2B.c4gh", ann, nil, 200},
		{"range", "GET", "/reads/a%20b/%C3%B6%2B.c4gh", ann, []string{"Range", "bytes=1-2"}, 206},
		{"range behind the end", "GET", "/reads/a%20b/%C3%B6%2B.c4gh", ann, []string{"Range", "bytes=5-6"}, 416},
		{"same version", "GET", "/reads/a%20b/%C3%B6%2B.c4gh", ann, []string{"If-Match", etag}, 200},
		{"another version", "GET", "/reads/a%20b/%C3%B6%2B.c4gh", ann, []string{"If-Match", `"0"`}, 412},
		{"no object", "GET", "/reads/none", ann, nil, 404},
		{"no bucket", "GET", "/none?list-type=2", ann, nil, 404},
		{"wrong secret", "GET", "/reads?list-type=2", Key{ann.Access, "guess"}, nil, 403},
		{"unknown key", "GET", "/reads?list-type=2", Key{"EVE", "eve"}, nil, 403},
		{"not the owner, list", "GET", "/reads?list-type=2", bob, nil, 403},
		{"not the owner, object", "GET", "/reads/a%20b/%C3%B6%2B.c4gh", bob, nil, 403},
		{"upper case bucket", "GET", "/Other_Bucket/x", bob, nil, 200},
		{"key that isn't UTF-8", "GET", "/reads/%FF%20x", ann, []string{"Range", "bytes=1-2"}, 206},
		{"key that isn't UTF-8, wrong secret", "GET", "/reads/%FF%20x", Key{ann.Access, "guess"}, nil, 403},
		{"key that isn't UTF-8, unknown key", "GET", "/reads/%FF%20x", Key{"EVE", "eve"}, nil, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			if status, body, _ := get(t, s, c.key, c.method, c.path, c.header...); status != c.status {
				t.Errorf("status %d, want %d: %s", status, c.status, body)
			}
		})
	}
}

func TestListBucketsShowsOwnBucketsOnly(t *testing.T) {
	s := start(t, Config{})
	_, body, _ := get(t, s, ann, "GET", "/")
	if !bytes.Contains(body, []byte("<Name>reads</Name>")) || bytes.Contains(body, []byte("Other_Bucket")) {
		t.Errorf("buckets of ann: %s", body)
	}
}

type listing struct {
	IsTruncated           bool
	NextContinuationToken string
	Contents              []struct {
		Key  string
		Size int64
	}
	CommonPrefixes []struct{ Prefix string }
}

// pages lists a bucket page by page and returns the entries of each.
func pages(t *testing.T, s *Server, query string) (all [][]string) {
	t.Helper()
	for token := ""; ; {
		q := "/reads?list-type=2&" + query
		if token != "" {
			q += "&continuation-token=" + url.QueryEscape(token)
		}
		status, body, _ := get(t, s, ann, "GET", q)
		var l listing
		if err := xml.Unmarshal(body, &l); err != nil || status != 200 {
			t.Fatalf("status %d, %v: %s", status, err, body)
		}
		var page []string
		for _, o := range l.Contents {
			page = append(page, o.Key)
		}
		for _, p := range l.CommonPrefixes {
			page = append(page, p.Prefix)
		}
		all = append(all, page)
		if !l.IsTruncated {
			return all
		}
		token = l.NextContinuationToken
	}
}

func TestListing(t *testing.T) {
	s := start(t, Config{})
	for _, k := range []string{"z", "a/2", "a/1", "a", "a-b", "B", "//odd", "c/d/e", "a/"} {
		put(t, s, "reads", k, nil)
	}
	for _, c := range []struct{ query, want string }{
		{"", "[[//odd B a a-b a/ a/1 a/2 c/d/e z]]"},
		{"max-keys=4", "[[//odd B a a-b] [a/ a/1 a/2 c/d/e] [z]]"},
		{"delimiter=/", "[[B a a-b z / a/ c/]]"},
		{"delimiter=/&max-keys=2", "[[B /] [a a-b] [a/ c/] [z]]"},
		{"delimiter=/&max-keys=1", "[[/] [B] [a] [a-b] [a/] [c/] [z]]"},
		{"delimiter=/&prefix=a/", "[[a/ a/1 a/2]]"},
		{"delimiter=/&prefix=a/&max-keys=1", "[[a/] [a/1] [a/2]]"},
		{"delimiter=/&prefix=c", "[[c/]]"},
		{"prefix=a&start-after=a/1", "[[a/2]]"},
		{"prefix=nothing", "[[]]"},
	} {
		if got := fmt.Sprint(pages(t, s, c.query)); got != c.want {
			t.Errorf("%q: %s, want %s", c.query, got, c.want)
		}
	}
}

func TestBodies(t *testing.T) {
	for name, dir := range map[string]string{"memory": "", "files": t.TempDir()} {
		t.Run(name, func(t *testing.T) {
			s := start(t, Config{Dir: dir})
			want := bytes.Repeat([]byte("0123456789"), 20000)
			path := filepath.Join(t.TempDir(), "body")
			if err := os.WriteFile(path, want, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := s.PutFile("reads", "file", path); err != nil {
				t.Fatal(err)
			}
			put(t, s, "reads", "bytes", want)
			o, err := s.shelf.take(bytes.NewReader(want), int64(len(want)))
			if err != nil || s.shelf.place("reads", "taken", o) != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"file", "bytes", "taken"} {
				if _, got, _ := get(t, s, ann, "GET", "/reads/"+key); !bytes.Equal(got, want) {
					t.Errorf("%s: whole body differs, %d bytes", key, len(got))
				}
				_, got, h := get(t, s, ann, "GET", "/reads/"+key, "Range", "bytes=65535-131072")
				if !bytes.Equal(got, want[65535:131073]) || h.Get("Content-Range") != "bytes 65535-131072/200000" {
					t.Errorf("%s: range differs, %d bytes, %s", key, len(got), h.Get("Content-Range"))
				}
			}
		})
	}
}

func TestReplaceChangesETag(t *testing.T) {
	s := start(t, Config{})
	put(t, s, "reads", "k", []byte("one"))
	_, _, h1 := get(t, s, ann, "HEAD", "/reads/k")
	put(t, s, "reads", "k", []byte("two"))
	_, body, h2 := get(t, s, ann, "GET", "/reads/k")
	if h1.Get("ETag") == h2.Get("ETag") || string(body) != "two" {
		t.Errorf("ETags %s and %s, body %q", h1.Get("ETag"), h2.Get("ETag"), body)
	}
	if err := s.Delete("reads", "k"); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := get(t, s, ann, "HEAD", "/reads/k"); status != 404 {
		t.Errorf("after Delete: status %d", status)
	}
}

func TestManifestIsListedEmpty(t *testing.T) {
	s := start(t, Config{})
	if err := s.PutManifest("reads", "m", []byte("whole")); err != nil {
		t.Fatal(err)
	}
	_, list, _ := get(t, s, ann, "GET", "/reads?list-type=2")
	_, body, _ := get(t, s, ann, "GET", "/reads/m")
	if !bytes.Contains(list, []byte("<Size>0</Size>")) || string(body) != "whole" {
		t.Errorf("listing %s, body %q", list, body)
	}
}

func TestCounts(t *testing.T) {
	s := start(t, Config{})
	put(t, s, "reads", "k", []byte("12345"))
	get(t, s, ann, "GET", "/")
	get(t, s, ann, "GET", "/reads?list-type=2&prefix=k")
	get(t, s, ann, "HEAD", "/reads/k")
	get(t, s, ann, "GET", "/reads/k")
	get(t, s, ann, "GET", "/reads/k", "Range", "bytes=1-2")
	want := Counts{ListBuckets: 1, List: 1, Head: 1, Get: 2, GetBytes: 7}
	// The log is written when an answer has ended, which the client may see a moment before.
	for i := 0; s.Counts() != want && i < 100; i++ {
		time.Sleep(10 * time.Millisecond)
	}
	if got := s.Counts(); got != want || got.Total() != 5 {
		t.Errorf("counts %+v, want %+v", got, want)
	}
	s.ResetLog()
	if got := s.Counts(); got != (Counts{}) {
		t.Errorf("after ResetLog: %+v", got)
	}
}

func TestFaultStatus(t *testing.T) {
	s := start(t, Config{})
	put(t, s, "reads", "k", []byte("12345"))
	remove := s.Fail(Fault{Kind: Get, Bucket: "reads", Key: "k", Status: 503, Code: "SlowDown", Times: 2})
	for i, want := range []int{503, 503, 200} {
		if status, _, _ := get(t, s, ann, "GET", "/reads/k"); status != want {
			t.Errorf("request %d: status %d, want %d", i, status, want)
		}
	}
	remove() // of a rule that is used up: nothing happens
	remove = s.Fail(Fault{Key: "k", Status: 403})
	if status, _, _ := get(t, s, ann, "HEAD", "/reads/k"); status != 403 {
		t.Errorf("status %d, want 403", status)
	}
	remove()
	if status, _, _ := get(t, s, ann, "HEAD", "/reads/k"); status != 200 {
		t.Errorf("after remove: status %d", status)
	}
}

func TestFaultReset(t *testing.T) {
	s := start(t, Config{})
	put(t, s, "reads", "k", bytes.Repeat([]byte("x"), 1<<20))
	s.Fail(Fault{Kind: Get, Reset: true, After: 100_000, Times: 1})
	resp, err := send(t, s, ann, "GET", "/reads/k")
	var n int64
	if err == nil {
		n, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	// A reset may throw away what the client hasn't read yet.
	if !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.ErrUnexpectedEOF) || n > 100_000 {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if _, body, _ := get(t, s, ann, "GET", "/reads/k"); len(body) != 1<<20 {
		t.Errorf("next GET: %d bytes", len(body))
	}
}

func TestFaultEnd(t *testing.T) {
	s := start(t, Config{})
	put(t, s, "reads", "k", bytes.Repeat([]byte("x"), 1<<20))
	s.Fail(Fault{Kind: Get, End: true, After: 100_000, Times: 1})
	resp, err := send(t, s, ann, "GET", "/reads/k")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if n, err := io.Copy(io.Discard, resp.Body); err != io.ErrUnexpectedEOF || n != 100_000 {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

func TestFaultPause(t *testing.T) {
	s := start(t, Config{})
	put(t, s, "reads", "k", []byte("0123456789"))
	const pause = 20 * time.Millisecond
	s.Fail(Fault{Kind: Get, Pause: pause, After: 4, Times: 1})
	begin := time.Now()
	if status, body, _ := get(t, s, ann, "GET", "/reads/k"); status != 200 || string(body) != "0123456789" {
		t.Errorf("status %d, %q", status, body)
	}
	if took := time.Since(begin); took < pause {
		t.Errorf("a body with a pause of %v took %v", pause, took)
	}
}

func TestFailBy(t *testing.T) {
	s := start(t, Config{})
	put(t, s, "reads", "k", []byte("12345"))
	s.Fail(Fault{Status: 403, Times: 1})
	n := 0
	s.FailBy(func(r Request) *Fault {
		if n++; r.Key == "k" && n == 1 {
			return &Fault{Status: 503}
		}
		return nil
	})
	for i, want := range []int{403, 503, 200} {
		if status, _, _ := get(t, s, ann, "GET", "/reads/k"); status != want {
			t.Errorf("request %d: status %d, want %d", i, status, want)
		}
	}
	s.FailBy(nil)
	if status, _, _ := get(t, s, ann, "GET", "/reads/k"); status != 200 || n != 2 {
		t.Errorf("status %d; the rule was asked %d times", status, n)
	}
}

func TestFaultStall(t *testing.T) {
	s := start(t, Config{})
	put(t, s, "reads", "k", []byte("0123456789"))
	s.Fail(Fault{Kind: Get, Stall: true, After: 4, Times: 1})
	resp, err := send(t, s, ann, "GET", "/reads/k")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	buf := make([]byte, 4)
	if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != "0123" {
		t.Fatalf("before the stall: %q, %v", buf, err)
	}
	stalled := make(chan error, 1)
	go func() {
		_, err := resp.Body.Read(buf)
		stalled <- err
	}()
	select {
	case err := <-stalled:
		t.Fatalf("a stalled body went on: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	s.http.Close()
	if err := <-stalled; err == nil {
		t.Error("the body ended well though the server went away")
	}
}

func TestDelayEndsWithTheClient(t *testing.T) {
	s := start(t, Config{})
	s.Fail(Fault{Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	r, _ := http.NewRequestWithContext(ctx, "GET", s.URL(), nil)
	if _, err := http.DefaultClient.Do(r); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "cohort", "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cohort", "sub", "f"), []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, Config{})
	if err := s.Load(dir, ann.Access); err != nil {
		t.Fatal(err)
	}
	if _, body, _ := get(t, s, ann, "GET", "/cohort/sub/f"); string(body) != "text" {
		t.Errorf("body %q", body)
	}
}

func TestManyPages(t *testing.T) {
	s := start(t, Config{})
	const n = 10_007 // a prime, so that the keys below come once each and in no order
	for i := range n {
		put(t, s, "reads", fmt.Sprintf("%05d", i*7919%n), nil)
	}
	all := slices.Concat(pages(t, s, "")...)
	if len(all) != n || !slices.IsSorted(all) || len(slices.Compact(all)) != n {
		t.Errorf("%d keys, sorted: %v", len(all), slices.IsSorted(all))
	}
}
