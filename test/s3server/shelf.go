package s3server

import (
	"crypto/md5"
	"crypto/rand"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// object is one stored version; it never changes once it is on the shelf.
type object struct {
	etag     [16]byte
	size     int64
	modified time.Time
	meta     map[string]string
	bytes    []byte // the body, unless path is set
	path     string // the file that holds the body
	manifest bool   // listed with size 0, as Swift's large objects are
}

type bucket struct {
	owner   string
	created time.Time
	objects map[string]*object
	keys    []string // in byte order once sorted is true
	sorted  bool
	light   bool // see [Server.Light]
}

// shelf holds the buckets and their objects.
type shelf struct {
	mu      sync.Mutex
	dir     string // for bodies; empty keeps them in memory
	buckets map[string]*bucket
}

func newShelf(dir string) *shelf { return &shelf{dir: dir, buckets: map[string]*bucket{}} }

// errExists and errNoBucket are what the shelf itself can refuse.
var (
	errExists   = fmt.Errorf("s3server: bucket %w", os.ErrExist)
	errNoBucket = fmt.Errorf("s3server: no such bucket: %w", os.ErrNotExist)
)

func (s *shelf) create(name, owner string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.buckets[name] != nil {
		return errExists
	}
	s.buckets[name] = &bucket{owner: owner, created: time.Now(), objects: map[string]*object{}, sorted: true}
	return nil
}

func (s *shelf) owner(name string) (access string, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[name]
	if b == nil {
		return "", false
	}
	return b.owner, true
}

// place puts an object under a key, in the place of what was there.
func (s *shelf) place(bucketName, key string, o *object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[bucketName]
	if b == nil {
		return errNoBucket
	}
	if b.objects[key] == nil {
		b.sorted = b.sorted && (len(b.keys) == 0 || b.keys[len(b.keys)-1] < key)
		b.keys = append(b.keys, key)
	}
	b.objects[key] = o
	return nil
}

func (s *shelf) find(bucketName, key string) (*object, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[bucketName]
	if b == nil {
		return nil, errNoBucket
	}
	return b.objects[key], nil
}

func (s *shelf) remove(bucketName, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.buckets[bucketName]
	if b == nil {
		return errNoBucket
	}
	if b.objects[key] != nil {
		delete(b.objects, key)
		b.keys = slices.DeleteFunc(b.keys, func(k string) bool { return k == key })
	}
	return nil
}

// take reads a body, into memory or into a new file of the shelf's directory.
func (s *shelf) take(body io.Reader, size int64) (*object, error) {
	h := md5.New()
	o := &object{modified: time.Now()}
	var err error
	if s.dir == "" {
		o.bytes, err = io.ReadAll(io.TeeReader(body, h))
		o.size = int64(len(o.bytes))
	} else {
		o.path, o.size, err = s.spool(io.TeeReader(body, h))
	}
	if err != nil {
		return nil, err
	}
	if size >= 0 && o.size != size {
		return nil, fmt.Errorf("s3server: body of %d bytes, %d announced", o.size, size)
	}
	h.Sum(o.etag[:0])
	return o, nil
}

func (s *shelf) spool(r io.Reader) (path string, size int64, err error) {
	f, err := os.CreateTemp(s.dir, "body-*")
	if err != nil {
		return "", 0, err
	}
	size, err = io.Copy(f, r)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return f.Name(), size, err
}

// CreateBucket makes a bucket that belongs to the access key owner. Unlike the S3 request it takes any name.
func (s *Server) CreateBucket(name, owner string) error { return s.shelf.create(name, owner) }

// Put stores an object, in the place of what was there, without going through HTTP.
func (s *Server) Put(bucket, key string, body []byte) error {
	return s.shelf.place(bucket, key, &object{
		etag: md5.Sum(body), size: int64(len(body)), modified: time.Now(), bytes: body,
	})
}

// PutManifest stores an object that listings show with size 0 and the ETag of empty data, while HEAD and GET give the
// whole, as Ceph does for Swift's dynamic large objects.
func (s *Server) PutManifest(bucket, key string, body []byte) error {
	return s.shelf.place(bucket, key, &object{
		etag: md5.Sum(body), size: int64(len(body)), modified: time.Now(), bytes: body, manifest: true,
	})
}

// PutFile makes a file an object without copying or reading it; the file has to stay as it is. Its ETag is a random
// one, as the ETags of multipart uploads say nothing about the content either.
func (s *Server) PutFile(bucket, key, path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	o := &object{size: info.Size(), modified: info.ModTime(), path: path}
	rand.Read(o.etag[:])
	return s.shelf.place(bucket, key, o)
}

// Delete removes an object; one that isn't there is no error.
func (s *Server) Delete(bucket, key string) error { return s.shelf.remove(bucket, key) }

// Load makes each directory in dir a bucket of owner, with the files below it as objects.
func (s *Server) Load(dir, owner string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if err := s.CreateBucket(e.Name(), owner); err != nil {
			return err
		}
		if err := s.loadBucket(e.Name(), filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) loadBucket(bucket, dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		key, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return s.PutFile(bucket, filepath.ToSlash(key), path)
	})
}
