package s3server

import (
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// A light bucket is for tests about times, in which the server must cost little beside what it serves. It is read by
// GET, HEAD and ListObjectsV2, written by Put and its like; what it doesn't know is answered like in any other bucket.

// Light has the server answer for a bucket by itself from now on: signatures aren't verified then. Owners, faults and
// the log are as ever.
func (s *Server) Light(bucket string) error {
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	b := s.shelf.buckets[bucket]
	if b == nil {
		return errNoBucket
	}
	b.light = true
	return nil
}

// isLight tells whether a request is one that is answered here.
func (s *Server) isLight(r Request, q url.Values) bool {
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	b := s.shelf.buckets[r.Bucket]
	if b == nil || !b.light {
		return false
	}
	return r.Kind == Get || r.Kind == Head || r.Kind == List && q.Get("encoding-type") == "url"
}

func (s *Server) serveLight(w http.ResponseWriter, r *http.Request, req Request) {
	if req.Kind == List {
		s.listLight(w, req.Bucket, r.URL.Query())
		return
	}
	o, err := s.shelf.find(req.Bucket, req.Key)
	if err != nil || o == nil {
		writeError(w, http.StatusNotFound, "NoSuchKey")
		return
	}
	etag := `"` + hex.EncodeToString(o.etag[:]) + `"`
	if match := r.Header.Get("If-Match"); match != "" && match != etag {
		writeError(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	w.Header().Set("ETag", etag)
	w.Header().Set("Last-Modified", o.modified.UTC().Format(http.TimeFormat))
	off, n, status := int64(0), o.size, http.StatusOK
	if req.Range != "" {
		status = http.StatusPartialContent
		if off, n = within(req.Range, o.size); n == 0 {
			writeError(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			return
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", off, off+n-1, o.size))
	}
	w.Header().Set("Content-Length", strconv.FormatInt(n, 10))
	w.WriteHeader(status)
	if req.Kind == Get {
		o.sendTo(w, off, n)
	}
}

// sendTo sends n bytes of the body. What goes wrong shows as a body that is too short.
func (o *object) sendTo(w io.Writer, off, n int64) {
	body, err := o.open(off, n)
	if err != nil {
		return
	}
	defer body.Close()
	io.Copy(w, body)
}

// within returns where "bytes=FIRST-LAST" lies in an object, no bytes where it doesn't.
func within(header string, size int64) (off, n int64) {
	var last int64
	if _, err := fmt.Sscanf(header, "bytes=%d-%d", &off, &last); err != nil || off < 0 || last < off || off >= size {
		return 0, 0
	}
	return off, min(last+1, size) - off
}

// listLight writes a page; the token is the last key or prefix on it, escaped because XML can't hold every key.
func (s *Server) listLight(w http.ResponseWriter, bucket string, q url.Values) {
	limit, err := strconv.Atoi(q.Get("max-keys"))
	if err != nil || limit > 1000 {
		limit = 1000
	}
	after := q.Get("start-after")
	if token := q.Get("continuation-token"); token != "" {
		after, _ = url.QueryUnescape(token)
	}
	s.shelf.mu.Lock()
	entries, more := s.shelf.buckets[bucket].list(q.Get("prefix"), q.Get("delimiter"), after, limit)
	s.shelf.mu.Unlock()
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`)
	fmt.Fprintf(&b, "<EncodingType>url</EncodingType><IsTruncated>%t</IsTruncated>", more)
	if more {
		fmt.Fprintf(&b, "<NextContinuationToken>%s</NextContinuationToken>", url.QueryEscape(entries[len(entries)-1].name))
	}
	for _, e := range entries {
		e.writeTo(&b)
	}
	b.WriteString("</ListBucketResult>")
	w.Header().Set("Content-Type", "application/xml")
	io.WriteString(w, b.String())
}

func (e entry) writeTo(b *strings.Builder) {
	name := url.QueryEscape(e.name)
	if e.object == nil {
		b.WriteString("<CommonPrefixes><Prefix>" + name + "</Prefix></CommonPrefixes>")
		return
	}
	c := content(e)
	b.WriteString("<Contents><Key>" + name + "</Key><LastModified>" + c.LastModified.UTC().Format("2006-01-02T15:04:05.000Z") +
		"</LastModified><ETag>" + strings.ReplaceAll(c.ETag, `"`, "&quot;") + "</ETag><Size>" + strconv.FormatInt(c.Size, 10) +
		"</Size><StorageClass>STANDARD</StorageClass></Contents>")
}
