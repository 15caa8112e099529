// Package lights3 is an S3 server that does as little as it can, so that a benchmark measures the reader and not the
// store: it sends files by sendfile, checks no signature, and keeps nothing but counters. It can be slow on purpose: a
// time to the first byte, and a rate for each connection.
//
// It speaks what mounts that read need: HEAD and GET of objects with Range, If-Match and ETag, and listings in both
// versions. Source: Amazon Simple Storage Service API Reference, version 2006-03-01.
package lights3

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"
)

// Server shows the directories in a directory as buckets and the files below them as objects. A file whose name is
// taken for an object isn't to be changed while the server runs.
type Server struct {
	root  string
	shape atomic.Pointer[Shape]

	requests atomic.Int64
	gets     atomic.Int64
	bytes    atomic.Int64
	busy     atomic.Int64
}

// Shape is how slow the server is. The zero value is as fast as it can be.
type Shape struct {
	FirstByte time.Duration // from the request to the first byte of the answer
	Rate      int64         // bytes a second on each connection; 0 for no bound
}

// Counters are what the server has answered since it was last asked to forget.
type Counters struct {
	Requests int64 // of any kind
	Gets     int64 // of objects
	Bytes    int64 // of object bodies, as many as were handed to the kernel
	Busy     int64 // requests that are being answered now; not reset
}

// New returns a server over the buckets in root.
func New(root string) *Server {
	s := &Server{root: root}
	s.shape.Store(&Shape{})
	return s
}

// Serve answers on l until it is closed.
func (s *Server) Serve(l net.Listener) error {
	server := &http.Server{Handler: s}
	return server.Serve(&listener{l, s})
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if what, ok := strings.CutPrefix(r.URL.Path, controlPath); ok {
		s.control(w, r, what)
		return
	}
	s.requests.Add(1)
	s.busy.Add(1)
	defer s.busy.Add(-1)
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refuse(w, http.StatusMethodNotAllowed, "MethodNotAllowed")
		return
	}
	time.Sleep(s.shape.Load().FirstByte)
	bucket, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case bucket == "":
		s.listBuckets(w)
	case key == "":
		s.listObjects(w, r, bucket)
	default:
		s.object(w, r, bucket, key)
	}
}

// object answers HEAD and GET of an object.
func (s *Server) object(w http.ResponseWriter, r *http.Request, bucket, key string) {
	path := filepath.Join(s.root, filepath.FromSlash(bucket+"/"+key))
	if !filepath.IsLocal(bucket+"/"+key) || strings.HasSuffix(key, "/") {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	f, err := os.Open(path)
	if err != nil {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		refuse(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	h := w.Header()
	h.Set("ETag", etag(bucket, key, st))
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Accept-Ranges", "bytes")
	if r.Method == http.MethodHead {
		http.ServeContent(w, r, "", st.ModTime(), f)
		return
	}
	s.gets.Add(1)
	http.ServeContent(&counted{w, &s.bytes}, r, "", st.ModTime(), f) // Range and If-Match are its business
}

// counted counts the bytes of a body without hiding that w can send a file.
type counted struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (c *counted) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// ReadFrom implements [io.ReaderFrom].
func (c *counted) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(c.ResponseWriter, r)
	c.n.Add(n)
	return n, err
}

// etag looks like that of an object uploaded in parts, as large ones are: nobody can take it for an MD5 of the body.
func etag(bucket, key string, st os.FileInfo) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s %d %d", bucket, key, st.Size(), st.ModTime().UnixNano()))
	return `"` + hex.EncodeToString(sum[:16]) + `-2"`
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>%s</Code></Error>", code)
}
