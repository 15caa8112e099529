package test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// peakMemory returns the most memory that a process has had resident, in bytes.
func peakMemory(t *testing.T, pid int) int64 {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// TestMemory reads 4 GiB end to end with a small cache.
func TestMemory(t *testing.T) {
	const size, seed, limit = 4 << 30, 4, (64 + 128) << 20
	l := newLab(t)
	path := filepath.Join(t.TempDir(), "large")
	out, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	encryptTo(t, out, stream(seed, size), l.key)
	l.putFile("large.c4gh", path)
	m := l.mount("--cache-size", "64MiB")
	f, err := os.Open(m.path("large"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := equalStreams(f, stream(seed, size)); err != nil {
		t.Error(err)
	}
	peak := peakMemory(t, m.cmd.Process.Pid)
	t.Logf("peak: %d MiB", peak>>20)
	if peak >= limit {
		t.Errorf("%d MiB were resident, the limit is %d MiB", peak>>20, limit>>20)
	}
}

// TestMemoryOfManyFiles reads 200 files at once, in pieces of all sizes.
func TestMemoryOfManyFiles(t *testing.T) {
	const files, size, cache = 200, 8<<20 + 5, 64 << 20
	l := newLab(t)
	plain, path := content(5, size), filepath.Join(t.TempDir(), "object")
	write(t, path, encrypt(t, plain, l.key))
	for i := range files {
		l.putFile(fmt.Sprintf("%d.c4gh", i), path) // each is a version of its own
	}
	m := l.mount("--cache-size", fmt.Sprint(cache))
	var readers errgroup.Group
	for i := range files {
		readers.Go(func() error {
			f, err := os.OpenFile(m.path(fmt.Sprint(i)), os.O_RDONLY|unix.O_DIRECT, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			pieces := struct{ io.Reader }{io.NewSectionReader(f, 0, size)}
			got, err := io.ReadAll(bufio.NewReaderSize(pieces, 4096*(1+i)))
			if err == nil && !bytes.Equal(got, plain) {
				err = fmt.Errorf("%d: wrong bytes", i)
			}
			return err
		})
	}
	if err := readers.Wait(); err != nil {
		t.Error(err)
	}
	peak := peakMemory(t, m.cmd.Process.Pid)
	t.Logf("peak: %d MiB", peak>>20)
	if peak > cache+150<<20 {
		t.Errorf("%d MiB were resident, with a cache of %d MiB", peak>>20, cache>>20)
	}
}

// equalStreams compares two streams to their end.
func equalStreams(a, b io.Reader) error {
	bufA, bufB := make([]byte, 1<<20), make([]byte, 1<<20)
	for off := int64(0); ; {
		nA, errA := io.ReadFull(a, bufA)
		nB, errB := io.ReadFull(b, bufB)
		if errA != errB || !bytes.Equal(bufA[:nA], bufB[:nB]) {
			return fmt.Errorf("streams differ behind byte %d: %d and %d bytes, %v and %v", off, nA, nB, errA, errB)
		}
		off += int64(nA)
		if errA != nil {
			if errA == io.EOF || errA == io.ErrUnexpectedEOF {
				return nil
			}
			return errA
		}
	}
}
