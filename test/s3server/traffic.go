package s3server

import (
	"net/http"
	"strings"
	"sync"
)

// Kind is what a request asks for.
type Kind string

// The kinds of requests that are told apart.
const (
	ListBuckets Kind = "buckets"
	List        Kind = "list"
	Head        Kind = "head"
	Get         Kind = "get"
	Put         Kind = "put"
	Other       Kind = "other"
)

// Request is one request as the log keeps it.
type Request struct {
	Kind   Kind
	Bucket string
	Key    string // of an object; the prefix of a List
	Range  string // the Range header
	Status int
	Bytes  int64 // bytes of the answer's body
}

// Counts says how many requests of each kind were answered, and how many bytes of objects were sent.
type Counts struct {
	ListBuckets, List, Head, Get, Put, Other int
	GetBytes                                 int64
}

// Total is the number of all requests.
func (c Counts) Total() int { return c.ListBuckets + c.List + c.Head + c.Get + c.Put + c.Other }

type traffic struct {
	mu  sync.Mutex
	log []Request
}

func (t *traffic) add(r Request) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.log = append(t.log, r)
}

// Requests returns the log since the start or the last ResetLog, in the order in which the answers ended.
func (s *Server) Requests() []Request {
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	return append([]Request(nil), s.traffic.log...)
}

// ResetLog empties the log, so that the counts begin at zero.
func (s *Server) ResetLog() {
	s.traffic.mu.Lock()
	defer s.traffic.mu.Unlock()
	s.traffic.log = nil
}

// Counts sums up the log.
func (s *Server) Counts() Counts {
	var c Counts
	for _, r := range s.Requests() {
		switch r.Kind {
		case ListBuckets:
			c.ListBuckets++
		case List:
			c.List++
		case Head:
			c.Head++
		case Get:
			c.Get++
			c.GetBytes += r.Bytes
		case Put:
			c.Put++
		case Other:
			c.Other++
		}
	}
	return c
}

// classify reads off a request what it asks for.
func classify(r *http.Request) Request {
	bucket, key, _ := strings.Cut(strings.TrimLeft(r.URL.Path, "/"), "/")
	req := Request{Kind: Other, Bucket: bucket, Key: key, Range: r.Header.Get("Range")}
	q := r.URL.Query()
	switch {
	case bucket == "" && r.Method == http.MethodGet:
		req.Kind = ListBuckets
	case key == "" && r.Method == http.MethodGet && !q.Has("location") && !q.Has("versioning"):
		req.Kind, req.Key = List, q.Get("prefix")
	case key == "":
	case r.Method == http.MethodHead:
		req.Kind = Head
	case r.Method == http.MethodGet:
		req.Kind = Get
	case r.Method == http.MethodPut || r.Method == http.MethodPost:
		req.Kind = Put
	}
	return req
}
