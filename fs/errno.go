package fs

import (
	"context"
	"errors"
	"log/slog"
	"syscall"

	"allasfs/c4gh"
	"allasfs/objstore"
)

// errnos is the table from causes to errnos. The first row that fits counts: a read that timed out while it resumed
// wraps what it met on the way as well.
var errnos = []struct {
	cause error
	errno syscall.Errno
}{
	{objstore.ErrTimeout, syscall.ETIMEDOUT},
	{objstore.ErrChanged, syscall.ESTALE},
	{objstore.ErrNotExist, syscall.ENOENT},
	{objstore.ErrDenied, syscall.EACCES},
	{objstore.ErrUnavailable, syscall.ETIMEDOUT},
	{c4gh.ErrNoKey, syscall.ENOKEY},
	{ErrHeaderElsewhere, syscall.ENOKEY},
	{c4gh.ErrSegment, syscall.EIO},
	{c4gh.ErrMalformed, syscall.EIO},
	{context.Canceled, syscall.EINTR},
}

// Errno returns what the kernel is told about err: 0 for nil, EIO for a cause that isn't in the table.
func Errno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	for _, row := range errnos {
		if errors.Is(err, row.cause) {
			return row.errno
		}
	}
	return syscall.EIO
}

// errno logs why an operation on a path failed and returns its errno. Names that don't exist and interrupted calls are
// everyday and stay out of the log.
func (m *Mount) errno(operation, path string, err error) syscall.Errno {
	errno := Errno(err)
	level := slog.LevelError
	if errno == 0 || errno == syscall.EINTR || errno == syscall.ENOENT {
		level = slog.LevelDebug
	}
	m.log.Log(context.Background(), level, operation+" failed", "path", path, "errno", errno.Error(), "cause", err)
	return errno
}
