package soak

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// access is a way to get at the bytes of an opened file.
type access struct {
	name string
	flag int // for open, beside O_RDONLY
	mmap bool
}

func accesses() []access {
	return []access{{name: "read"}, {name: "O_DIRECT", flag: unix.O_DIRECT}, {name: "mmap", mmap: true}}
}

// opened is a file that was opened for one of the accesses.
type opened struct {
	io.ReaderAt
	file    *os.File
	mapping []byte
}

// open opens a file of the given size. What it returns is to be closed in any case.
func (a access) open(path string, size int64) (*opened, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|a.flag, 0)
	o := &opened{ReaderAt: f, file: f}
	if err != nil {
		return o, err
	}
	if err := o.checkSize(size); err != nil || !a.mmap {
		return o, err
	}
	if o.mapping, err = unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED); err != nil {
		return o, fmt.Errorf("mmap %s: %w", path, err)
	}
	o.ReaderAt = mapped{bytes.NewReader(o.mapping)}
	return o, nil
}

func (o *opened) checkSize(size int64) error {
	info, err := o.file.Stat()
	if err == nil && info.Size() != size {
		err = fmt.Errorf("%s has %d bytes instead of %d", o.file.Name(), info.Size(), size)
	}
	return err
}

// drop tells the kernel to forget what it has of the file, in so far as nobody has it mapped.
func (o *opened) drop() error { return unix.Fadvise(int(o.file.Fd()), 0, 0, unix.FADV_DONTNEED) }

func (o *opened) close() {
	unix.Munmap(o.mapping) // where there is none, it is refused
	o.file.Close()
}

// mapped reads memory that the kernel fills in from a file. A page that can't be had is an error and not the end of the
// process.
type mapped struct{ *bytes.Reader }

func (m mapped) ReadAt(p []byte, off int64) (n int, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a mapped page can't be read: %v", r)
		}
	}()
	return m.Reader.ReadAt(p, off)
}
