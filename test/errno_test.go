package test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"allasfs/test/s3server"
)

// wantErrno fails unless err is the errno; 0 stands for no error.
func wantErrno(t *testing.T, what string, err error, want syscall.Errno) {
	t.Helper()
	if want == 0 && err != nil || want != 0 && !errors.Is(err, want) {
		t.Errorf("%s: %v, want %q", what, err, want.Error())
	}
}

// wantLogged fails unless the mount's log has a line with the errno and all of the words.
func wantLogged(t *testing.T, m *mountedFS, errno syscall.Errno, words ...string) {
	t.Helper()
	words = append(words, errno.Error())
	eventually(t, fmt.Sprintf("a line of the log with all of %q", words), func() bool {
		for line := range strings.Lines(m.log.String()) {
			if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(line, w) }) {
				return true
			}
		}
		return false
	})
}

// readAt reads n bytes of a file of the mount at an offset.
func (m *mountedFS) readAt(name string, off int64, n int) ([]byte, error) {
	f, err := os.Open(m.path(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, n)
	got, err := f.ReadAt(buf, off)
	if err == io.EOF {
		err = nil
	}
	return buf[:got], err
}

// wantSize fails unless stat gives the size.
func wantSize(t *testing.T, m *mountedFS, name string, size int64) {
	t.Helper()
	if info, err := os.Stat(m.path(name)); err != nil || info.Size() != size {
		t.Errorf("stat %s: %v, %v, want %d bytes", name, info, err, size)
	}
}

// wantListed fails unless the directory lists the name.
func wantListed(t *testing.T, m *mountedFS, dir, name string) {
	t.Helper()
	d, err := os.Open(m.path(dir))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil || !strings.Contains("/"+strings.Join(names, "/")+"/", "/"+name+"/") {
		t.Errorf("%s lists %q, %v; want %s among them", dir, names, err, name)
	}
}

func TestENOENT(t *testing.T) {
	l := newLab(t)
	l.putEncrypted("gone.c4gh", []byte("soon"))
	m := l.mount("--list-ttl", "0s")
	_, err := os.Stat(m.path("never"))
	wantErrno(t, "stat of a name that isn't there", err, syscall.ENOENT)
	wantSize(t, m, "gone", 4)
	if err := l.server.Delete(bucket, "gone.c4gh"); err != nil {
		t.Fatal(err)
	}
	command{env: m.env}.must(t, program(), "refresh", m.dir)
	_, err = os.Open(m.path("gone"))
	wantErrno(t, "open of a deleted object", err, syscall.ENOENT)
}

func TestEACCES(t *testing.T) {
	l := newLab(t)
	l.putEncrypted("secret.c4gh", content(1, 100))
	l.put("plain", content(2, 100))
	l.bucket("bobs", 1)
	m := mount(t, l.account(0).environ(t), "--sk", l.key.secret)
	for _, key := range []string{"secret.c4gh", "plain"} {
		t.Cleanup(l.server.Fail(s3server.Fault{Kind: s3server.Get, Key: key, Status: 403, Code: "AccessDenied"}))
	}
	wantListed(t, m, bucket, "secret")
	_, err := os.Stat(m.path("reads/secret"))
	wantErrno(t, "stat of an object that is refused", err, syscall.EACCES)
	wantLogged(t, m, syscall.EACCES, "reads/secret.c4gh", "access denied")
	_, err = m.readAt("reads/plain", 0, 10)
	wantErrno(t, "read of a plain object that is refused", err, syscall.EACCES)
	wantLogged(t, m, syscall.EACCES, "reads/plain", "access denied")
	_, err = os.ReadDir(m.path("bobs"))
	wantErrno(t, "listing of a bucket of others", err, syscall.EACCES)
}

func TestENOKEY(t *testing.T) {
	l := newLab(t)
	plain := content(3, 200_000)
	l.put("others.c4gh", encrypt(t, plain, newKey(t)))
	whole := encrypt(t, plain, l.key)
	l.put("headerless.c4gh", whole[headerSize(t, whole):])
	l.put("text.c4gh", []byte("this is not an encrypted object at all"))
	m := l.mount()
	for _, name := range []string{"others", "headerless", "text"} {
		_, err := os.Open(m.path(name))
		wantErrno(t, "open of "+name, err, syscall.ENOKEY)
		wantLogged(t, m, syscall.ENOKEY, "/"+name)
		problem := make([]byte, 1000)
		if n, err := unix.Getxattr(m.path(name), "user.allasfs.problem", problem); err != nil || n == 0 {
			t.Errorf("%s: the reason isn't told: %v", name, err)
		}
	}
	wantSize(t, m, "others", int64(len(plain)))
	wantSize(t, m, "headerless", int64(len(plain)))
}

func TestEIO(t *testing.T) {
	const segment, stored = 65536, 65564
	l := newLab(t)
	plain := content(4, 4*segment+1000)
	whole := encrypt(t, plain, l.key)
	header := headerSize(t, whole)
	broken := bytes.Clone(whole)
	broken[header+stored+100] ^= 1
	l.put("broken.c4gh", broken)
	l.put("cut.c4gh", whole[:header+2*stored+5000])
	l.put("tail.c4gh", whole[:header+2*stored+20])
	l.put("version.c4gh", append([]byte("crypt4gh\x02"), whole[9:]...))
	l.put("cutheader.c4gh", whole[:header-10])
	m := l.mount()

	_, err := m.readAt("broken", segment+5, 10)
	wantErrno(t, "read of a segment with a wrong byte", err, syscall.EIO)
	wantLogged(t, m, syscall.EIO, "broken")
	for _, off := range []int64{0, 2 * segment, 4 * segment} {
		got, err := m.readAt("broken", off, 1000)
		if err != nil || !bytes.Equal(got, plain[off:off+1000]) {
			t.Errorf("read at %d, in another segment: %d bytes, %v", off, len(got), err)
		}
	}
	_, err = m.readAt("cut", 2*segment, 10)
	wantErrno(t, "read of a segment that is cut", err, syscall.EIO)
	for _, name := range []string{"tail", "version", "cutheader"} {
		_, err := os.Stat(m.path(name))
		wantErrno(t, "stat of "+name, err, syscall.EIO)
		wantLogged(t, m, syscall.EIO, name)
		wantListed(t, m, ".", name)
	}
}

func TestESTALE(t *testing.T) {
	l := newLab(t)
	old, fresh := content(5, 8<<20), content(6, 8<<20)
	l.putEncrypted("x.c4gh", old)
	m := l.mount()
	f, err := os.Open(m.path("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 100)
	if _, err := f.ReadAt(buf, 0); err != nil || !bytes.Equal(buf, old[:100]) {
		t.Fatalf("before the object is replaced: %v", err)
	}
	l.putEncrypted("x.c4gh", fresh)
	_, err = f.ReadAt(buf, 7<<20)
	wantErrno(t, "read of an object that was replaced", err, syscall.ESTALE)
	wantLogged(t, m, syscall.ESTALE, "x")
	command{env: m.env}.must(t, program(), "refresh", m.dir)
	if got := m.read("x"); !bytes.Equal(got, fresh) {
		t.Error("opened anew, the file isn't the new object")
	}
}

func TestETIMEDOUT(t *testing.T) {
	l := newLab(t)
	plain := content(7, 3<<20)
	l.putEncrypted("x.c4gh", plain)
	m := l.mount("--timeout", "1s")
	wantSize(t, m, "x", int64(len(plain)))
	for i, f := range []s3server.Fault{
		{Kind: s3server.Get, Stall: true, After: 1000},
		{Kind: s3server.Get, Delay: time.Hour},
		{Kind: s3server.Get, Status: 503, Code: "SlowDown"},
	} {
		remove := l.server.Fail(f)
		begin := time.Now()
		_, err := m.readAt("x", int64(i)<<20, 100)
		wantErrno(t, fmt.Sprintf("read with %+v", f), err, syscall.ETIMEDOUT)
		if took := time.Since(begin); took > patience {
			t.Errorf("%+v: took %v", f, took)
		}
		remove()
	}
	wantLogged(t, m, syscall.ETIMEDOUT, "x")
	// Nothing of it sticks.
	if got := m.read("x"); !bytes.Equal(got, plain) {
		t.Error("wrong bytes once the store answers again")
	}
}

// TestTransientFaults: what gets better with another try isn't an error.
func TestTransientFaults(t *testing.T) {
	for name, f := range map[string]s3server.Fault{
		"reset":     {Kind: s3server.Get, Reset: true, After: 500_000, Times: 3},
		"SlowDown":  {Kind: s3server.Get, Status: 503, Code: "SlowDown", Times: 2},
		"error 500": {Kind: s3server.Get, Status: 500, Code: "InternalError", Times: 1},
		"list":      {Kind: s3server.List, Status: 503, Code: "SlowDown", Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			plain := content(8, 5<<20)
			l.putEncrypted("x.c4gh", plain)
			l.server.Fail(f)
			if got := l.mount().read("x"); !bytes.Equal(got, plain) {
				t.Error("wrong bytes")
			}
		})
	}
}

// TestEINTR: a reader that is killed while it waits is gone at once, and others aren't disturbed.
func TestEINTR(t *testing.T) {
	l := newLab(t)
	plain := content(9, 1<<20)
	l.putEncrypted("x.c4gh", plain)
	m := l.mount("--timeout", "30s")
	wantSize(t, m, "x", int64(len(plain)))
	l.server.ResetLog()
	remove := l.server.Fail(s3server.Fault{Kind: s3server.Get, Delay: 3 * time.Second})
	defer remove()

	victim := exec.Command("cat", m.path("x"))
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	other := make(chan []byte, 1)
	go func() {
		data, _ := os.ReadFile(m.path("x"))
		other <- data
	}()
	time.Sleep(500 * time.Millisecond) // both wait for the store now
	begin := time.Now()
	victim.Process.Kill()
	victim.Wait()
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("a killed reader needed %v to end", took)
	}
	if got := <-other; !bytes.Equal(got, plain) {
		t.Errorf("another reader got %d bytes, or wrong ones", len(got))
	}
}

func TestEROFS(t *testing.T) {
	l := newLab(t)
	l.putEncrypted("dir/x.c4gh", []byte("text"))
	m := l.mount()
	x, dir := m.path("dir/x"), m.path("dir")
	for what, do := range map[string]func() error{
		"write":    func() error { return closeIfOpen(os.OpenFile(x, os.O_WRONLY, 0)) },
		"append":   func() error { return closeIfOpen(os.OpenFile(x, os.O_RDWR|os.O_APPEND, 0)) },
		"create":   func() error { return closeIfOpen(os.Create(m.path("dir/new"))) },
		"truncate": func() error { return os.Truncate(x, 1) },
		"remove":   func() error { return os.Remove(x) },
		"rename":   func() error { return os.Rename(x, m.path("dir/y")) },
		"link":     func() error { return os.Link(x, m.path("dir/y")) },
		"symlink":  func() error { return os.Symlink("x", m.path("dir/y")) },
		"mkdir":    func() error { return os.Mkdir(m.path("new"), 0o700) },
		"rmdir":    func() error { return unix.Rmdir(dir) },
		"chmod":    func() error { return os.Chmod(x, 0o644) },
		"chown":    func() error { return os.Chown(x, 1, 1) },
		"times":    func() error { return os.Chtimes(x, time.Now(), time.Now()) },
		"setxattr": func() error { return unix.Setxattr(x, "user.x", []byte("y"), 0) },
	} {
		wantErrno(t, what, do(), syscall.EROFS)
	}
	if got := m.read("dir/x"); string(got) != "text" {
		t.Errorf("afterwards: %q", got)
	}
}

func closeIfOpen(f *os.File, err error) error {
	if err == nil {
		f.Close()
	}
	return err
}
