package objstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"time"
)

// Answer is the body of one GET over a network, held to what [Store.Get] promises: exactly Left bytes, and an error
// that names the object and the offset for anything else. One goroutine at a time uses it.
type Answer struct {
	Context context.Context    // of Get
	Cancel  context.CancelFunc // ends the request
	Body    io.ReadCloser      // as the transport has it
	Version Version
	Offset  int64 // of the next byte, as stored
	Left    int64 // bytes still to come
	closed  bool
}

var _ io.ReadCloser = (*Answer)(nil)

// Read returns the next bytes. What happens on the way is [ErrUnavailable]: asking for the rest again may help.
func (a *Answer) Read(p []byte) (int, error) {
	switch {
	case a.closed:
		return 0, fs.ErrClosed
	case a.Left == 0:
		return 0, io.EOF
	case a.Context.Err() != nil: // the transport may take a moment to notice
		return 0, a.fail(context.Cause(a.Context))
	}
	n, err := a.Body.Read(p[:min(int64(len(p)), a.Left)])
	a.Offset += int64(n)
	a.Left -= int64(n)
	switch {
	case err == nil, err == io.EOF && a.Left == 0:
		return n, err
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	if a.Context.Err() != nil {
		return n, a.fail(context.Cause(a.Context))
	}
	return n, a.fail(Unavailable(err))
}

func (a *Answer) fail(err error) error {
	return &Error{Op: "get", Bucket: a.Version.Bucket, Key: a.Version.Key, Offset: a.Offset, Err: err}
}

const (
	drainBytes = 64 << 10               // this much is read to the end, so that the connection can be used again
	drainTime  = 100 * time.Millisecond // but no longer than this
)

// Close ends the GET.
func (a *Answer) Close() error {
	if a.closed {
		return nil
	}
	a.closed = true
	defer a.Cancel()
	if a.Left <= drainBytes {
		patience := time.AfterFunc(drainTime, a.Cancel)
		defer patience.Stop()
		io.Copy(io.Discard, io.LimitReader(a.Body, a.Left+1)) // one more, to see the end
	} else {
		a.Cancel()
	}
	a.Body.Close() // what it says of an abandoned answer is of no use to anybody
	return nil
}

// Unavailable returns an [ErrUnavailable] that says what the network's err was, without wrapping it: a timeout of the
// network's is a context.DeadlineExceeded to errors.Is, and nobody shall take it for the end of the caller's context.
func Unavailable(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: the connection was closed too early (%w)", ErrUnavailable, io.ErrUnexpectedEOF)
	}
	if e, ok := errors.AsType[*net.DNSError](err); ok && e.IsNotFound {
		return fmt.Errorf("%w: no such host: %s", ErrUnavailable, e.Name)
	}
	return fmt.Errorf("%w: %v", ErrUnavailable, err)
}
