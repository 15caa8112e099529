package test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const diskObject = 12<<20 + 345 // plaintext bytes

// reading mounts with a cache on disk, reads the object in it, unmounts, and returns the object bytes that the server
// sent.
func (l *lab) reading(want []byte, flags ...string) int64 {
	l.t.Helper()
	l.server.ResetLog()
	m := l.mount(flags...)
	if got := m.read("big"); !bytes.Equal(got, want) {
		l.t.Error("wrong bytes")
	}
	m.end()
	return l.server.Counts().GetBytes
}

// few is more than a header and less than a segment.
const few = 10_000

func TestDiskCacheSurvives(t *testing.T) {
	l := newLab(t)
	plain := content(50, diskObject)
	l.putEncrypted("big.c4gh", plain)
	dir := filepath.Join(t.TempDir(), "cache")
	if got := l.reading(plain, "--disk-cache", dir); got < diskObject {
		t.Errorf("the first reading fetched %d bytes", got)
	}
	if got := l.reading(plain, "--disk-cache", dir); got > few {
		t.Errorf("after a restart %d bytes were fetched", got)
	}
	for _, file := range filesBelow(t, dir) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, plain[1000:1040]) {
			t.Errorf("%s holds plaintext", file)
		}
		data[len(data)/2] ^= 1
		write(t, file, data)
	}
	if got := l.reading(plain, "--disk-cache", dir); got < few || got > diskObject/2 {
		t.Errorf("with a byte flipped in each file, %d bytes were fetched", got)
	}
}

func filesBelow(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files below %s: %v", len(files), dir, err)
	}
	return files
}

func TestDiskCacheAfterKill(t *testing.T) {
	l := newLab(t)
	plain := content(51, diskObject)
	l.putEncrypted("big.c4gh", plain)
	dir := filepath.Join(t.TempDir(), "cache")
	for range 5 {
		m := l.mount("--disk-cache", dir)
		f, err := os.Open(m.path("big"))
		if err != nil {
			t.Fatal(err)
		}
		part := make([]byte, 5<<20)
		if _, err := f.ReadAt(part, 0); err != nil || !bytes.Equal(part, plain[:len(part)]) {
			t.Errorf("wrong bytes, %v", err)
		}
		m.cmd.Process.Kill()
		<-m.exited
		m.over = true
		f.Close()
		if r := (command{env: m.env}).run(t, program(), "umount", m.dir); r.status != 0 {
			t.Fatalf("umount of the dead mount: %s", r.stderr)
		}
	}
	if got := l.reading(plain, "--disk-cache", dir); got > diskObject {
		t.Errorf("%d bytes were fetched, though part is on disk", got)
	}
}

func TestDiskCacheIsShared(t *testing.T) {
	l := newLab(t)
	plain := content(52, diskObject)
	l.putEncrypted("big.c4gh", plain)
	dir := filepath.Join(t.TempDir(), "cache")
	first, second := l.mount("--disk-cache", dir), l.mount("--disk-cache", dir)
	if !bytes.Equal(first.read("big"), plain) {
		t.Error("wrong bytes in the first mount")
	}
	eventually(t, "the first mount's writing", func() bool { return space(t, dir) >= diskObject })
	l.server.ResetLog()
	if !bytes.Equal(second.read("big"), plain) {
		t.Error("wrong bytes in the second mount")
	}
	if got := l.server.Counts().GetBytes; got > few {
		t.Errorf("the second mount fetched %d bytes", got)
	}
}

// space returns the disk space of the files below dir in bytes.
func space(t *testing.T, dir string) (total int64) {
	for _, file := range filesBelow(t, dir) {
		var st syscall.Stat_t
		if err := syscall.Stat(file, &st); err != nil {
			t.Fatal(err)
		}
		total += st.Blocks * 512
	}
	return total
}

func TestDiskCacheStaysInItsLimit(t *testing.T) {
	l := newLab(t)
	dir := filepath.Join(t.TempDir(), "cache")
	m := l.mount("--disk-cache", dir, "--disk-cache-size", "40MiB")
	for i, name := range []string{"a", "b", "c", "d", "e", "f"} {
		plain := content(uint64(60+i), diskObject)
		l.putEncrypted(name+".c4gh", plain)
		if !bytes.Equal(m.read(name), plain) {
			t.Errorf("%s: wrong bytes", name)
		}
	}
	m.end()
	if got := space(t, dir); got > 40<<20 {
		t.Errorf("the cache takes %d bytes, 40 MiB are allowed", got)
	}
}

// Disks that are full or can't be written to are small file systems of their own.
func TestDiskCacheOnADiskThatTakesNothing(t *testing.T) {
	l := newLab(t)
	plain := content(53, diskObject)
	l.putEncrypted("big.c4gh", plain)
	full := tmpfs(t, "size=4m")
	l.reading(plain, "--disk-cache", full)
	if got := l.reading(plain, "--disk-cache", full); got < few {
		t.Errorf("12 MiB were kept on a disk of 4 MiB; only %d bytes were fetched", got)
	}
	readOnly := tmpfs(t, "size=40m")
	l.reading(plain, "--disk-cache", readOnly)
	asRoot(t, "mount", "-o", "remount,ro", readOnly)
	if got := l.reading(plain, "--disk-cache", readOnly); got > few {
		t.Errorf("%d bytes were fetched, though all is on the read-only disk", got)
	}
}

// tmpfs mounts a file system in memory for the time of the test.
func tmpfs(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	asRoot(t, "mount", "-t", "tmpfs", "-o", options+",mode=0777", "tmpfs", dir)
	t.Cleanup(func() { asRoot(t, "umount", dir) })
	return dir
}

// asRoot runs a program with the rights that mounting takes.
func asRoot(t *testing.T, args ...string) {
	t.Helper()
	if os.Getuid() != 0 {
		args = append([]string{"sudo", "-n"}, args...)
	}
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
