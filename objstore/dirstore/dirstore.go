// Package dirstore is a store in a local directory: its sub-directories are buckets, the files below them objects. The
// key of an object is its path in the bucket, with slashes.
//
// What isn't a file or a directory doesn't exist here. Symbolic links count as what they lead to when that is a file
// in the same bucket, and don't exist otherwise. An empty directory is the object "dir/" of size 0, as S3's users mark
// empty directories. Keys that no file can have, with a component that is empty, "." or "..", don't exist.
//
// The ETag of a file is made of its modification time in nanoseconds, its size and its inode. A file that is written in
// place twice within one tick of the file system's clock (4 ms at most on Linux) may keep its ETag; one that is
// replaced by another doesn't.
package dirstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"allasfs/objstore"
)

// Store is a local directory.
type Store struct {
	root  *os.Root
	walks walks
}

var _ objstore.Store = (*Store)(nil)

// New returns a store for a directory, which has to exist. The directory stays open until [Store.Close].
func New(dir string) (*Store, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &Store{root: root}, nil
}

// Close lets go of the directory.
func (s *Store) Close() error { return s.root.Close() }

// Buckets lists the sub-directories.
func (s *Store) Buckets(ctx context.Context) ([]objstore.Bucket, error) {
	fail := func(err error) ([]objstore.Bucket, error) {
		return nil, &objstore.Error{Op: "buckets", Err: explain(err)}
	}
	if ctx.Err() != nil {
		return fail(context.Cause(ctx))
	}
	entries, err := readDir(s.root, ".")
	if err != nil {
		return fail(err)
	}
	var all []objstore.Bucket
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if info, err := s.root.Lstat(e.Name()); err == nil { // else it is gone already
			all = append(all, objstore.Bucket{Name: e.Name(), Created: info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b objstore.Bucket) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// Head returns the current version of an object.
func (s *Store) Head(ctx context.Context, bucket, key string) (objstore.Object, error) {
	o, err := s.head(ctx, bucket, key)
	if err != nil {
		return objstore.Object{}, &objstore.Error{Op: "head", Bucket: bucket, Key: key, Err: explain(err)}
	}
	return o, nil
}

func (s *Store) head(ctx context.Context, bucket, key string) (objstore.Object, error) {
	root, err := s.open(ctx, bucket)
	if err != nil {
		return objstore.Object{}, err
	}
	defer root.Close()
	if dir, ok := strings.CutSuffix(key, "/"); ok {
		return marker(root, bucket, dir)
	}
	if !valid(key) {
		return objstore.Object{}, objstore.ErrNotExist
	}
	info, err := root.Stat(key)
	if err != nil {
		return objstore.Object{}, err
	}
	if !info.Mode().IsRegular() {
		return objstore.Object{}, objstore.ErrNotExist
	}
	return object(bucket, key, info), nil
}

// marker is the object that stands for an empty directory.
func marker(root *os.Root, bucket, dir string) (objstore.Object, error) {
	if !valid(dir) {
		return objstore.Object{}, objstore.ErrNotExist
	}
	info, err := root.Lstat(dir)
	if err != nil {
		return objstore.Object{}, err
	}
	if !info.IsDir() {
		return objstore.Object{}, objstore.ErrNotExist
	}
	if entries, err := readDir(root, dir); err != nil || len(entries) > 0 {
		return objstore.Object{}, cmp.Or(err, objstore.ErrNotExist)
	}
	return object(bucket, dir+"/", info), nil
}

// open opens a bucket.
func (s *Store) open(ctx context.Context, bucket string) (*os.Root, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if !valid(bucket) || strings.Contains(bucket, "/") {
		return nil, objstore.ErrNoBucket
	}
	info, err := s.root.Lstat(bucket)
	if err == nil && info.IsDir() {
		return s.root.OpenRoot(bucket)
	}
	if err == nil || missing(err) {
		return nil, objstore.ErrNoBucket
	}
	return nil, err
}

// valid says whether a file can have this path in a bucket. Unlike fs.ValidPath it takes names that aren't UTF-8, as
// old file systems hold them.
func valid(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return true
}

func object(bucket, key string, info fs.FileInfo) objstore.Object {
	size := info.Size()
	if info.IsDir() {
		size = 0
	}
	etag := fmt.Sprintf("%x-%x-%x", info.ModTime().UnixNano(), size, inode(info))
	return objstore.Object{
		Version:  objstore.Version{Bucket: bucket, Key: key, ETag: etag, Size: size},
		Modified: info.ModTime(),
	}
}

// explain turns an error of the file system into one of the contract's.
func explain(err error) error {
	switch {
	case errors.Is(err, objstore.ErrNotExist), errors.Is(err, objstore.ErrChanged):
		return err
	case missing(err):
		return objstore.ErrNotExist
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w", objstore.ErrDenied, bare(err))
	}
	return bare(err)
}

// missing says whether err means that there is nothing by this name: no file, no name that a file can have, or a link
// to somewhere else, which os.Root refuses by itself and so without a number of the system's.
func missing(err error) bool {
	for _, e := range []error{syscall.ENOENT, syscall.ENOTDIR, syscall.ENAMETOOLONG, syscall.EINVAL, syscall.ELOOP} {
		if errors.Is(err, e) {
			return true
		}
	}
	path, ok := errors.AsType[*fs.PathError](err)
	if !ok {
		return false
	}
	_, system := errors.AsType[syscall.Errno](path)
	return !system && !errors.Is(err, fs.ErrClosed)
}

// bare takes the path off, which the error that wraps it names as bucket and key.
func bare(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
