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
// wraps what it met on the way as well. The last row fits always. The names are for counters.
var errnos = [...]struct {
	name  string
	cause error
	errno syscall.Errno
}{
	{"timeout", objstore.ErrTimeout, syscall.ETIMEDOUT},
	{"changed", objstore.ErrChanged, syscall.ESTALE},
	{"incomplete", objstore.ErrIncomplete, syscall.EIO},
	{"not_exist", objstore.ErrNotExist, syscall.ENOENT},
	{"denied", objstore.ErrDenied, syscall.EACCES},
	{"unavailable", objstore.ErrUnavailable, syscall.ETIMEDOUT},
	{"no_key", c4gh.ErrNoKey, syscall.ENOKEY},
	{"header_elsewhere", ErrHeaderElsewhere, syscall.ENOKEY},
	{"not_authentic", c4gh.ErrSegment, syscall.EIO},
	{"malformed", c4gh.ErrMalformed, syscall.EIO},
	{"interrupted", context.Canceled, syscall.EINTR},
	{"other", nil, syscall.EIO},
}

// row returns the row of errnos that err belongs to.
func row(err error) int {
	for i, r := range errnos {
		if errors.Is(err, r.cause) {
			return i
		}
	}
	return len(errnos) - 1
}

// Errno returns what the kernel is told about err: 0 for nil, EIO for a cause that isn't in the table.
func Errno(err error) syscall.Errno {
	if err == nil {
		return 0
	}
	return errnos[row(err)].errno
}

// errno logs and counts why an operation on a path failed and returns its errno. Names that don't exist and
// interrupted calls are everyday and stay out of the log.
func (m *Mount) errno(operation, path string, err error) syscall.Errno {
	errno := Errno(err)
	level := slog.LevelError
	if errno == 0 || errno == syscall.EINTR || errno == syscall.ENOENT {
		level = slog.LevelDebug
	}
	m.log.Log(context.Background(), level, operation+" failed", "path", path, "errno", errno.Error(), "cause", err)
	m.failures[row(err)].Add(1)
	return errno
}
