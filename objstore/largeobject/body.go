package largeobject

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"allasfs/objstore"
)

// body reads one segment after the other, from off to end in bytes of the object.
type body struct {
	ctx      context.Context // of Get
	joiner   *Joiner
	v        objstore.Version
	segments []segment
	off, end int64
	part     segment       // that is being read
	answer   io.ReadCloser // of it
	left     int64         // of it
}

// next opens the segment that off is in.
func (b *body) next() error {
	i, _ := slices.BinarySearchFunc(b.segments, b.off, func(s segment, off int64) int {
		if s.off+s.Size <= off {
			return -1
		}
		return 1
	})
	if i == len(b.segments) {
		return fmt.Errorf("%w: no segment has byte %d", objstore.ErrChanged, b.off)
	}
	part := b.segments[i]
	left := min(part.off+part.Size, b.end) - b.off
	answer, err := b.joiner.store.Get(b.ctx, part.Version, b.off-part.off, left)
	if err != nil {
		return b.joiner.judge(b.ctx, b.v, part, err)
	}
	b.part, b.answer, b.left = part, answer, left
	return nil
}

func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.answer == nil:
		return 0, fs.ErrClosed
	case b.off == b.end:
		return 0, io.EOF
	case b.left == 0:
		b.answer.Close()
		if err := b.next(); err != nil {
			return 0, b.fail(err)
		}
	}
	n, err := b.answer.Read(p)
	b.off += int64(n)
	b.left -= int64(n)
	switch {
	case err == nil, err == io.EOF && b.off == b.end:
		return n, err
	case err == io.EOF && b.left == 0:
		return n, nil
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, b.fail(&Error{b.part.Bucket, b.part.Key, cause(err)})
}

// fail names the object, whatever names the segment.
func (b *body) fail(err error) error {
	if _, ok := errors.AsType[*Error](err); !ok {
		err = cause(err)
	}
	return &objstore.Error{Op: "get", Bucket: b.v.Bucket, Key: b.v.Key, Offset: b.off, Err: err}
}

// Close ends the GET under way.
func (b *body) Close() error {
	if b.answer != nil {
		b.answer.Close()
		b.answer = nil
	}
	return nil
}
