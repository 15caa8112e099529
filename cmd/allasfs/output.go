package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// outputs are the files that a command is writing. They get their names when they are complete; until then each one
// lies hidden beside its place, so that nothing is ever mistaken for a whole file. Any number of goroutines may use it.
type outputs struct {
	mu         sync.Mutex
	unfinished map[string]bool // hidden names
}

// output is one of the files. It is for one goroutine, and ends with commit or discard.
type output struct {
	*os.File
	owner *outputs
	name  string
	force bool
	// direct is set for what isn't a regular file, like /dev/null or a named pipe: it is written at once.
	direct bool
}

// create begins a file. Without force it has to be a new one.
func (o *outputs) create(name string, mode fs.FileMode, force bool) (*output, error) {
	if err := checkTarget(name, force); err != nil {
		return nil, err
	}
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		return &output{File: file, owner: o, name: name, direct: true}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	file, err := hiddenFile(name, mode)
	if err != nil {
		return nil, err
	}
	if o.unfinished == nil {
		o.unfinished = map[string]bool{}
	}
	o.unfinished[file.Name()] = true
	return &output{File: file, owner: o, name: name, force: force}, nil
}

// checkTarget tells early what commit would find late.
func checkTarget(name string, force bool) error {
	info, err := os.Lstat(name)
	switch {
	case err != nil:
		return nil // creating it will tell, if need be
	case info.IsDir():
		return fmt.Errorf("%s is a directory", name)
	case force || info.Mode()&(fs.ModeDevice|fs.ModeNamedPipe) != 0:
		return nil
	}
	return errExists(name)
}

func errExists(name string) error {
	return hint(fmt.Errorf("%s: %w", name, fs.ErrExist), "existing files are replaced only with --force")
}

// hiddenFile makes a new file beside name. The mode is subject to the umask.
func hiddenFile(name string, mode fs.FileMode) (*os.File, error) {
	for i := 0; ; i++ {
		hidden := filepath.Join(filepath.Dir(name), fmt.Sprintf(".allasfs-%d-%d.part", os.Getpid(), i))
		file, err := os.OpenFile(hidden, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
		if !errors.Is(err, fs.ErrExist) {
			return file, err
		}
	}
}

// commit gives the complete file its name.
func (f *output) commit() error {
	if f.direct {
		return f.Close()
	}
	if err := f.Close(); err != nil {
		f.discard()
		return err
	}
	f.owner.mu.Lock()
	defer f.owner.mu.Unlock()
	hidden := f.File.Name()
	if err := rename(hidden, f.name, f.force); err != nil {
		os.Remove(hidden)
		delete(f.owner.unfinished, hidden)
		return err
	}
	delete(f.owner.unfinished, hidden)
	return nil
}

// rename is os.Rename, but without force it doesn't replace a file.
func rename(from, to string, force bool) error {
	if force {
		return os.Rename(from, to)
	}
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	switch err {
	case nil:
		return nil
	case unix.EEXIST:
		return errExists(to)
	case unix.EINVAL, unix.ENOSYS, unix.ENOTSUP: // a file system that can't; the moment in between has to be lived with
		if err := checkTarget(to, false); err != nil {
			return err
		}
		return os.Rename(from, to)
	}
	return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
}

// discard drops the file. After commit it does nothing.
func (f *output) discard() {
	f.Close()
	if f.direct {
		return
	}
	f.owner.mu.Lock()
	defer f.owner.mu.Unlock()
	if hidden := f.File.Name(); f.owner.unfinished[hidden] {
		os.Remove(hidden)
		delete(f.owner.unfinished, hidden)
	}
}

// abandon drops all unfinished files and lets no other begin or get its name: it is for a process about to end.
func (o *outputs) abandon() {
	o.mu.Lock()
	for hidden := range o.unfinished {
		os.Remove(hidden)
	}
}

// write begins a file and writes all of it; the caller commits.
func (o *outputs) write(name string, mode fs.FileMode, force bool, data []byte) (*output, error) {
	f, err := o.create(name, mode, force)
	if err != nil {
		return nil, err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err != nil {
		f.discard()
		return nil, err
	}
	return f, nil
}
