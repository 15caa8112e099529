package lights3

import (
	"cmp"
	"encoding/xml"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

type bucketList struct {
	XMLName xml.Name `xml:"ListAllMyBucketsResult"`
	NS      string   `xml:"xmlns,attr"`
	Owner   owner
	Buckets []bucketEntry `xml:"Buckets>Bucket"`
}

type owner struct{ ID, DisplayName string }

type bucketEntry struct{ Name, CreationDate string }

type objectList struct {
	XMLName               xml.Name `xml:"ListBucketResult"`
	NS                    string   `xml:"xmlns,attr"`
	Name                  string
	Prefix                string
	Delimiter             string `xml:",omitempty"`
	Marker                string
	NextMarker            string `xml:",omitempty"`
	NextContinuationToken string `xml:",omitempty"`
	EncodingType          string `xml:",omitempty"`
	KeyCount              int
	MaxKeys               int
	IsTruncated           bool
	Contents              []objectEntry
	CommonPrefixes        []prefixEntry
}

type objectEntry struct {
	Key          string
	LastModified string
	ETag         string
	Size         int64
	StorageClass string
}

type prefixEntry struct{ Prefix string }

func (s *Server) listBuckets(w http.ResponseWriter) {
	out := bucketList{NS: namespace, Owner: owner{"bench", "bench"}}
	entries, err := os.ReadDir(s.root)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "InternalError")
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			out.Buckets = append(out.Buckets, bucketEntry{e.Name(), stamp(time.Unix(0, 0))})
		}
	}
	answer(w, out)
}

func (s *Server) listObjects(w http.ResponseWriter, r *http.Request, bucket string) {
	if st, err := os.Stat(filepath.Join(s.root, bucket)); err != nil || !st.IsDir() {
		refuse(w, http.StatusNotFound, "NoSuchBucket")
		return
	}
	q := r.URL.Query()
	if q.Has("location") {
		answer(w, struct {
			XMLName xml.Name `xml:"LocationConstraint"`
		}{})
		return
	}
	all, err := s.walk(bucket, q.Get("prefix"))
	if err != nil {
		refuse(w, http.StatusInternalServerError, "InternalError")
		return
	}
	answer(w, page(bucket, q, all))
}

// walk returns the objects of a bucket whose keys begin with prefix, in the order of their keys.
func (s *Server) walk(bucket, prefix string) (all []objectEntry, err error) {
	root := filepath.Join(s.root, bucket)
	top := filepath.Join(root, filepath.FromSlash(path.Dir("/"+prefix))) // nothing outside of it begins with prefix
	err = filepath.WalkDir(top, func(file string, e os.DirEntry, err error) error {
		if file == top && errors.Is(err, os.ErrNotExist) {
			return nil // there is no such directory, and nothing begins with prefix
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		st, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		key := filepath.ToSlash(rel)
		if err == nil && strings.HasPrefix(key, prefix) {
			all = append(all, objectEntry{key, stamp(st.ModTime()), etag(bucket, key, st), st.Size(), "STANDARD"})
		}
		return err
	})
	slices.SortFunc(all, func(a, b objectEntry) int { return cmp.Compare(a.Key, b.Key) })
	return all, err
}

// page cuts a listing as the query asks for.
func page(bucket string, q url.Values, all []objectEntry) objectList {
	out := objectList{
		NS: namespace, Name: bucket, Prefix: q.Get("prefix"), Delimiter: q.Get("delimiter"), Marker: q.Get("marker"),
		EncodingType: q.Get("encoding-type"), MaxKeys: 1000,
	}
	if n, err := strconv.Atoi(q.Get("max-keys")); err == nil && n >= 0 {
		out.MaxKeys = min(n, out.MaxKeys)
	}
	after := max(q.Get("marker"), q.Get("continuation-token"), q.Get("start-after"))
	last := ""
	for _, o := range all {
		name, isPrefix := commonPrefix(o.Key, out.Prefix, out.Delimiter)
		if name <= after || isPrefix && name == last {
			continue
		}
		if out.KeyCount == out.MaxKeys {
			out.IsTruncated, out.NextMarker, out.NextContinuationToken = true, last, last
			break
		}
		out.KeyCount, last = out.KeyCount+1, name
		if isPrefix {
			out.CommonPrefixes = append(out.CommonPrefixes, prefixEntry{name})
		} else {
			out.Contents = append(out.Contents, o)
		}
	}
	return out
}

// commonPrefix returns what a listing with the delimiter shows for a key.
func commonPrefix(key, prefix, delimiter string) (name string, isPrefix bool) {
	if delimiter != "" {
		if head, _, found := strings.Cut(key[len(prefix):], delimiter); found {
			return prefix + head + delimiter, true
		}
	}
	return key, false
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/xml")
	w.Write([]byte(xml.Header))
	xml.NewEncoder(w).Encode(v)
}
