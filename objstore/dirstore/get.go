package dirstore

import (
	"context"
	"fmt"
	"io"
	"os"
	"syscall"

	"allasfs/objstore"
)

// Get reads from the opened file and looks after each read whether it is still v; bytes that were read from a file that
// has changed are not handed out.
func (s *Store) Get(ctx context.Context, v objstore.Version, off, n int64) (io.ReadCloser, error) {
	b := &body{ctx: ctx, v: v, off: off, left: n}
	if err := b.open(s); err != nil {
		return nil, b.fail(err)
	}
	return b, nil
}

type body struct {
	ctx  context.Context // of Get
	file *os.File
	v    objstore.Version
	off  int64
	left int64
}

func (b *body) open(s *Store) error {
	root, err := s.open(b.ctx, b.v.Bucket)
	if err != nil {
		return err
	}
	defer root.Close()
	if !valid(b.v.Key) {
		return objstore.ErrNotExist
	}
	// A pipe would make a blocking open wait for its writer.
	b.file, err = root.OpenFile(b.v.Key, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return err
	}
	if err := b.start(); err != nil {
		b.file.Close()
		return err
	}
	return nil
}

func (b *body) start() error {
	if err := b.check(); err != nil {
		return err
	}
	if b.off < 0 || b.left <= 0 || b.left > b.v.Size-b.off {
		return fmt.Errorf("%d bytes are not within an object of %d bytes", b.left, b.v.Size)
	}
	return nil
}

func (b *body) check() error {
	info, err := b.file.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return objstore.ErrNotExist
	case object(b.v.Bucket, b.v.Key, info).Version != b.v:
		return objstore.ErrChanged
	}
	return nil
}

func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.ctx.Err() != nil:
		return 0, b.fail(context.Cause(b.ctx))
	case b.left == 0:
		return 0, io.EOF
	}
	n, err := b.file.ReadAt(p[:min(int64(len(p)), b.left)], b.off)
	if changed := b.check(); changed != nil {
		return 0, b.fail(changed)
	}
	b.off += int64(n)
	b.left -= int64(n)
	switch {
	case err == nil || n > 0:
		return n, nil
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return 0, b.fail(err)
}

func (b *body) fail(err error) error {
	return &objstore.Error{Op: "get", Bucket: b.v.Bucket, Key: b.v.Key, Offset: b.off, Err: explain(err)}
}

// Close closes the file.
func (b *body) Close() error {
	b.file.Close() // it was only read from
	return nil
}
