// Package s3server is an S3 server in the test's own process: signatures are checked, If-Match and Range are honoured,
// buckets have owners, every request is counted, and faults can be asked for.
//
// The protocol is the library gofakes3's. What lies beneath it (storage, listing) and in front of it (owners, log,
// faults) is here. Bodies are held in memory, or as files so that objects of many gigabytes cost no memory.
package s3server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/rclone/gofakes3"
)

// Key is a pair of credentials. A bucket belongs to the access key that made it; other keys get 403.
type Key struct{ Access, Secret string }

// Config says how a server is set up. The zero value is a server in memory on a free port of 127.0.0.1 with one key.
type Config struct {
	// Addr is where the server listens; empty means 127.0.0.1:0.
	Addr string
	// Dir is where the bodies of objects are kept as files; empty keeps them in memory.
	Dir string
	// Keys are the credentials that are accepted; none means one pair of the server's choice.
	Keys []Key
}

// Server is a running S3 server. Its methods may be called from any goroutine.
type Server struct {
	keys     []Key
	shelf    *shelf
	traffic  traffic
	faults   faults
	inner    http.Handler
	unsigned http.Handler // doesn't look at signatures
	http     *http.Server
	lis      net.Listener
	done     chan struct{}
}

type connKey struct{}
type accessKey struct{}

// Start starts a server. The caller closes it.
func Start(c Config) (*Server, error) {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	if len(c.Keys) == 0 {
		c.Keys = []Key{{Access: "TESTACCESSKEY0000001", Secret: "test-secret-key-000000000000000000000001"}}
	}
	lis, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return nil, fmt.Errorf("s3server: %w", err)
	}
	s := &Server{keys: c.Keys, shelf: newShelf(c.Dir), lis: lis, done: make(chan struct{})}
	pairs := map[string]string{}
	for _, k := range c.Keys {
		pairs[k.Access] = k.Secret
	}
	s.inner = gofakes3.New(&backend{s.shelf}, gofakes3.WithV4Auth(pairs)).Server()
	s.unsigned = gofakes3.New(&backend{s.shelf}).Server()
	s.http = &http.Server{
		Handler:           http.HandlerFunc(s.serve),
		ReadHeaderTimeout: time.Minute,
		ConnContext:       func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	go func() {
		defer close(s.done)
		if err := s.http.Serve(lis); !errors.Is(err, http.ErrServerClosed) {
			panic(fmt.Sprintf("s3server: %v", err))
		}
	}()
	return s, nil
}

// URL is the server's endpoint.
func (s *Server) URL() string { return "http://" + s.lis.Addr().String() }

// Key returns the i-th pair of credentials.
func (s *Server) Key(i int) Key { return s.keys[i] }

// Close stops the server and cuts every connection.
func (s *Server) Close() {
	s.http.Close()
	<-s.done
}

// serve is in front of the protocol: it knows who asks, logs, injects faults and keeps strangers out of buckets.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	req := classify(r)
	who := accessOf(r)
	out := &response{ResponseWriter: w}
	f := s.faults.take(req)
	begin(r.Context(), out, f)
	// The log has the request even when the handler panics to cut the connection.
	defer func() {
		req.Status, req.Bytes = out.status, out.sent
		s.traffic.add(req)
	}()
	owner, known := s.shelf.owner(req.Bucket)
	switch {
	case f != nil && f.Status != 0:
		writeError(out, f.Status, f.Code)
	case known && owner != who:
		writeError(out, http.StatusForbidden, "AccessDenied")
	case s.isLight(req, r.URL.Query()):
		s.serveLight(out, r, req)
	case !utf8.ValidString(r.URL.Path):
		s.serveBytes(out, r.WithContext(context.WithValue(r.Context(), accessKey{}, who)))
	default:
		s.inner.ServeHTTP(out, r.WithContext(context.WithValue(r.Context(), accessKey{}, who)))
	}
	if out.cut {
		out.cutConn()
	}
}

// accessOf returns the access key that a request names in its signature. The protocol layer verifies the signature.
func accessOf(r *http.Request) string {
	if _, after, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		access, _, _ := strings.Cut(after, "/")
		return access
	}
	access, _, _ := strings.Cut(r.URL.Query().Get("X-Amz-Credential"), "/")
	return access
}

func writeError(w http.ResponseWriter, status int, code string) {
	if code == "" {
		code = strings.ReplaceAll(http.StatusText(status), " ", "")
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	fmt.Fprintf(w, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>%s</Code><Message>%s</Message></Error>", code,
		http.StatusText(status))
}
