package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"allasfs/c4gh"
	"allasfs/fs"
	"allasfs/objstore"
)

// storedObject is a file or an object of a store, as it is stored.
type storedObject struct {
	io.ReaderAt
	size   int64 // bytes
	nonces int64 // how many segments may be asked for their nonces
	close  func() error
}

// Looking at a nonce costs a read of a file, or a request.
const (
	fileNonces   = 1 << 14 // the first GiB
	objectNonces = 2
)

const nonceSize = 12 // bytes, at the start of every segment

// openStored opens what NAME on the command line means: a file, file:///FILE or s3://BUCKET/KEY.
func (f *storeFlags) openStored(ctx context.Context, name string) (*storedObject, error) {
	if strings.HasPrefix(name, "s3://") {
		return f.openObject(ctx, name)
	}
	return openFile(strings.TrimPrefix(name, "file://"))
}

func openFile(name string) (*storedObject, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a file", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return &storedObject{ReaderAt: file, size: info.Size(), nonces: fileNonces, close: file.Close}, nil
}

// openObject finds an object by its key, or by the name that a mount shows it under, without the suffix.
func (f *storeFlags) openObject(ctx context.Context, name string) (*storedObject, error) {
	src, err := parseSource(name)
	if err != nil {
		return nil, err
	}
	if src.place.Prefix == "" {
		return nil, hint(fmt.Errorf("%s is not an object", name), "name an object as s3://BUCKET/KEY; 'allasfs ls' lists them")
	}
	store, err := f.open(ctx, src, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	object, err := store.Head(ctx, src.place.Bucket, src.place.Prefix)
	if errors.Is(err, objstore.ErrNotExist) && !errors.Is(err, objstore.ErrNoBucket) {
		if encrypted, second := store.Head(ctx, src.place.Bucket, src.place.Prefix+fs.Suffix); second == nil {
			object, err = encrypted, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, shortCause(err))
	}
	at := &versionReader{ctx: ctx, store: store, version: object.Version}
	return &storedObject{ReaderAt: at, size: object.Size, nonces: objectNonces, close: func() error { return nil }}, nil
}

// versionReader reads an object version, with one request for each read.
type versionReader struct {
	ctx     context.Context
	store   objstore.Store
	version objstore.Version
}

// ReadAt implements io.ReaderAt.
func (r *versionReader) ReadAt(p []byte, off int64) (int, error) {
	n := min(int64(len(p)), r.version.Size-off)
	if n <= 0 {
		return 0, io.EOF
	}
	body, err := r.store.Get(r.ctx, r.version, off, n)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	got, err := io.ReadFull(body, p[:n])
	if err == nil && n < int64(len(p)) {
		err = io.EOF
	}
	return got, err
}

// repeatsNonce looks for two segments that follow each other and have the same nonce.
func (o *storedObject) repeatsNonce(header int64) (bool, error) {
	var before, nonce [nonceSize]byte
	for i := range o.nonces {
		at := header + i*c4gh.SealedSegmentSize
		if at+nonceSize > o.size {
			return false, nil
		}
		if _, err := o.ReadAt(nonce[:], at); err != nil && err != io.EOF {
			return false, err
		}
		if i > 0 && bytes.Equal(nonce[:], before[:]) {
			return true, nil
		}
		before = nonce
	}
	return false, nil
}
