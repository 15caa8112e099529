package objstore

import (
	"context"
	"io"
	"io/fs"
	"time"
)

// resumingBody is the bytes [off, end) of v that are still to come, from as many GETs as it takes.
type resumingBody struct {
	ctx      context.Context // of Get: it governs the body as well
	r        *retrying
	v        Version
	off, end int64

	body   io.ReadCloser           // of the GET under way, nil between two
	cancel context.CancelCauseFunc // ends that GET
	get    context.Context         // what cancel ends
	stall  *time.Timer             // calls cancel when it runs out; it runs while we wait for bytes

	broken error // why the last GET ended, until the next one is tried
	err    error // what every Read returns from now on
}

func (b *resumingBody) begin() *tries {
	return b.r.begin(Error{Op: "get", Bucket: b.v.Bucket, Key: b.v.Key, Offset: b.off})
}

func (b *resumingBody) Read(p []byte) (int, error) {
	switch {
	case b.off == b.end:
		return 0, io.EOF
	case b.err != nil:
		return 0, b.err
	case len(p) == 0:
		return 0, nil
	}
	t := b.begin()
	for {
		n, err := b.once(p, t.left(b.r.o.StallTimeout))
		if err == nil {
			return n, nil
		}
		if b.err = t.again(b.ctx, err); b.err != nil {
			return 0, b.err
		}
		b.broken = nil
	}
}

// once reads from the GET under way, or from a new one unless the last one's end is still to be told. Bytes come
// without an error: the error that came with them is told next time.
func (b *resumingBody) once(p []byte, limit time.Duration) (int, error) {
	if b.broken == nil && b.body == nil {
		b.broken = b.open(limit)
	}
	if b.broken != nil {
		return 0, b.broken
	}
	b.stall.Reset(limit)
	n, err := b.body.Read(p[:min(int64(len(p)), b.end-b.off)])
	b.stall.Stop()
	b.off += int64(n)
	if err != nil {
		b.drop(err)
	}
	if n > 0 {
		return n, nil
	}
	return 0, b.broken
}

// open asks for the rest; the answer has to come within limit.
func (b *resumingBody) open(limit time.Duration) error {
	get, cancel := context.WithCancelCause(b.ctx)
	stall := time.AfterFunc(limit, func() { cancel(errSilent) })
	body, err := b.r.store.Get(get, b.v, b.off, b.end-b.off)
	stall.Stop()
	if err != nil {
		if context.Cause(get) == errSilent {
			err = errSilent
		}
		cancel(nil)
		return err
	}
	b.body, b.get, b.cancel, b.stall = body, get, cancel, stall
	return nil
}

// drop ends the GET under way, which ended with err.
func (b *resumingBody) drop(err error) {
	switch {
	case context.Cause(b.get) == errSilent:
		err = errSilent
	case err == io.EOF && b.off < b.end:
		err = io.ErrUnexpectedEOF
	}
	if err != io.EOF {
		b.cancel(nil) // first, so that nobody tries to save what is left of the connection
	}
	b.release()
	b.broken = err
}

func (b *resumingBody) release() error {
	b.stall.Stop()
	err := b.body.Close()
	b.cancel(nil)
	b.body = nil
	return err
}

// Close ends the GET under way. It may be called more than once.
func (b *resumingBody) Close() error {
	if b.err == nil {
		b.err = fs.ErrClosed
	}
	if b.body == nil {
		return nil
	}
	return b.release()
}
