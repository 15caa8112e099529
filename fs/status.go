package fs

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"allasfs/cache"
	"allasfs/objstore"
)

// Status is what a mount has done since it was made. It names no object.
type Status struct {
	Begun         time.Time        `json:"begun"`
	OpenFiles     int64            `json:"open_files"`
	ResidentBytes int64            `json:"resident_bytes"` // memory that the mount's process takes
	Cache         cache.Stats      `json:"cache"`
	Store         objstore.Traffic `json:"store"`
	Errors        []Failures       `json:"errors"` // every cause once
}

// Failures counts the operations that failed for one cause.
type Failures struct {
	Cause string `json:"cause"`
	Errno string `json:"errno"` // what programs were told: "ESTALE"
	Count int64  `json:"count"`
}

// Status returns the counters as they are now. Any number of goroutines may call it.
func (m *Mount) Status() Status {
	s := Status{
		Begun: m.begun, OpenFiles: m.openFiles.Load(), ResidentBytes: resident(),
		Cache: m.cache.Stats(), Store: m.options.Meter.Snapshot(),
	}
	for i, r := range errnos {
		s.Errors = append(s.Errors, Failures{r.name, unix.ErrnoName(r.errno), m.failures[i].Load()})
	}
	return s
}

// resident returns the memory that this process takes in bytes, 0 where that can't be found out: statm in proc(5).
func resident() int64 {
	data, err := os.ReadFile("/proc/self/statm")
	var size, pages int64
	if err == nil {
		_, err = fmt.Sscan(string(data), &size, &pages)
	}
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// statusCommand is the ioctl on a directory that answers with the mount's status as JSON; the result is its length. The
// kernel copies as many bytes as the command says, so that has direction and size: _IOR('A', 2, char[statusSize]) in
// asm-generic/ioctl.h. The size has 14 bits.
const (
	statusSize    = 12 << 10 // bytes; some 6 KiB are the most that counters can take
	statusCommand = 2<<30 | statusSize<<16 | 'A'<<8 | 2
)

// answerStatus writes the status as JSON and returns its length.
func (m *Mount) answerStatus(out []byte) (int32, syscall.Errno) {
	data, err := json.Marshal(m.Status())
	if err != nil || len(data) > len(out) {
		m.log.Error("status failed", "bytes", len(data), "cause", err)
		return 0, syscall.EIO
	}
	return int32(copy(out, data)), 0
}

// ReadStatus asks the mount that a directory is in for its status. The error is ENOTTY where the directory belongs to
// another file system; some give EINVAL or ENOSYS.
func ReadStatus(directory *os.File) (Status, error) {
	var s Status
	buf := make([]byte, statusSize)
	n, _, errno := unix.Syscall(unix.SYS_IOCTL, directory.Fd(), statusCommand, uintptr(unsafe.Pointer(&buf[0])))
	runtime.KeepAlive(directory)
	if errno != 0 {
		return s, os.NewSyscallError("ioctl", errno)
	}
	if n > statusSize {
		return s, fmt.Errorf("a status of %d bytes", n)
	}
	err := json.Unmarshal(buf[:n], &s)
	return s, err
}
