package s3store_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"allasfs/objstore"
	"allasfs/objstore/s3store"
	"allasfs/objstore/storetest"
	"allasfs/test/s3server"
)

func open(t *testing.T, url string) *s3store.Store {
	t.Helper()
	return openAs(t, s3store.Credentials{AccessKeyID: "access", SecretAccessKey: "secret", Endpoint: url})
}

func openAs(t *testing.T, c s3store.Credentials) *s3store.Store {
	t.Helper()
	store, err := s3store.New(t.Context(), s3store.Options{Credentials: c})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// server starts an S3 server that checks signatures.
func server(t *testing.T) *s3server.Server {
	t.Helper()
	s, err := s3server.Start(s3server.Config{Keys: []s3server.Key{{Access: "access", Secret: "secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestSuite(t *testing.T) {
	t.Run("Full", func(t *testing.T) { runSuite(t, func(*s3server.Server, string) error { return nil }) })
	t.Run("Light", func(t *testing.T) { runSuite(t, (*s3server.Server).Light) })
}

// runSuite runs the suite against servers; prepare is called for each new bucket.
func runSuite(t *testing.T, prepare func(s *s3server.Server, bucket string) error) {
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		s := server(t)
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		return storetest.Fixture{
			Store:      open(t, s.URL()),
			MakeBucket: func(bucket string) { must(errors.Join(s.CreateBucket(bucket, "access"), prepare(s, bucket))) },
			Put:        func(bucket, key string, data []byte) { must(s.Put(bucket, key, data)) },
		}
	})
}

func content(n int) []byte {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(i % 251)
	}
	return data
}

// serve starts a web server that answers every request with handler.
func serve(t *testing.T, handler http.HandlerFunc) string {
	web := httptest.NewServer(handler)
	t.Cleanup(web.Close)
	return web.URL
}

// version is of an object with the given size, in any bucket.
func version(size int64) objstore.Version {
	return objstore.Version{Bucket: "b", Key: "k", ETag: "v", Size: size}
}

// One connection serves requests that follow each other, also after a body whose small rest was left unread.
func TestConnectionReuse(t *testing.T) {
	const size = 100_000
	from := map[string]bool{}
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		from[r.RemoteAddr] = true
		answer(w, `"v"`, 0, size, size)
		w.Write(content(size))
	})
	store := open(t, url)
	for _, read := range []int64{size, size - 1, size - 64<<10, size} {
		body, err := store.Get(t.Context(), version(size), 0, size)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, body, read); err != nil {
			t.Fatal(err)
		}
		if err := body.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(from) != 1 {
		t.Errorf("%d connections, want 1", len(from))
	}
}

// Close doesn't wait for a small rest that doesn't come.
func TestCloseStalled(t *testing.T) {
	const size = 1000
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		answer(w, `"v"`, 0, size, size)
		w.Write(content(size / 2))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	body, err := open(t, url).Get(t.Context(), version(size), 0, size)
	if err != nil {
		t.Fatal(err)
	}
	if err := body.Close(); err != nil {
		t.Fatal(err)
	}
}

// What is abandoned isn't fetched: the server can't send all of a large body to a reader who has closed it.
func TestCloseStopsTransfer(t *testing.T) {
	const size = 256 << 20
	sent := make(chan int, 1)
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		answer(w, `"v"`, 0, size, size)
		block, total := make([]byte, 1<<20), 0
		for total < size {
			n, err := w.Write(block)
			total += n
			if err != nil {
				break
			}
		}
		sent <- total
	})
	body, err := open(t, url).Get(t.Context(), version(size), 0, size)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, body, 1<<20); err != nil {
		t.Fatal(err)
	}
	body.Close()
	if n := <-sent; n > size/4 {
		t.Errorf("%d bytes sent after a Close at 1 MiB", n)
	}
}

// A prefix that a server repeats on the next page is listed once.
func TestRepeatedPrefix(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		truncated, prefixes := true, []string{"a%2B/", "b/"}
		if r.FormValue("continuation-token") == "2:x" {
			truncated, prefixes = false, []string{"b/", "c/"}
		}
		fmt.Fprintf(w, "<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>%v</IsTruncated>", truncated)
		for _, p := range prefixes {
			fmt.Fprintf(w, "<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>", p)
		}
		fmt.Fprint(w, "<NextContinuationToken>2:x</NextContinuationToken></ListBucketResult>")
	})
	store := open(t, url)
	first, err := store.List(t.Context(), "b", objstore.ListOptions{Delimiter: "/"})
	if err != nil {
		t.Fatal(err)
	}
	second, err := store.List(t.Context(), "b", objstore.ListOptions{Delimiter: "/", Token: first.Next})
	if err != nil {
		t.Fatal(err)
	}
	if got := append(first.Prefixes, second.Prefixes...); !slices.Equal(got, []string{"a+/", "b/", "c/"}) || second.Next != "" {
		t.Errorf("%q, next %q", got, second.Next)
	}
}

func TestBadToken(t *testing.T) {
	s := server(t)
	if err := s.CreateBucket("b", "access"); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{"x", "7:short", "-1:x", ":", "99999999999999999999:"} {
		_, err := open(t, s.URL()).List(t.Context(), "b", objstore.ListOptions{Token: token})
		if err == nil || !strings.Contains(err.Error(), "token") {
			t.Errorf("token %q: %v", token, err)
		}
	}
}

// Ceph lists a Swift manifest with the ETag of nothing and its own size; the contract says 0.
func TestListedManifest(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>slo</Key><Size>412</Size>
			<ETag>"d41d8cd98f00b204e9800998ecf8427e"</ETag></Contents></ListBucketResult>`)
	})
	page, err := open(t, url).List(t.Context(), "b", objstore.ListOptions{})
	if err != nil || len(page.Objects) != 1 || page.Objects[0].Size != 0 {
		t.Errorf("%+v, %v", page, err)
	}
}

func head(t *testing.T, s objstore.Store, bucket, key string) objstore.Version {
	t.Helper()
	o, err := s.Head(t.Context(), bucket, key)
	if err != nil {
		t.Fatal(err)
	}
	return o.Version
}

// answer begins a 206 with n bytes at off.
func answer(w http.ResponseWriter, etag string, off, n, size int64) {
	h := w.Header()
	h.Set("ETag", etag)
	h.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, size))
	h.Set("Content-Length", fmt.Sprint(n))
	w.WriteHeader(http.StatusPartialContent)
}

func read(t *testing.T, s objstore.Store, v objstore.Version, off, n int64) ([]byte, error) {
	body, err := s.Get(t.Context(), v, off, n)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}
