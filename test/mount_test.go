package test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"allasfs/test/s3server"
)

// How long things may take that usually take some milliseconds.
const patience = 20 * time.Second

// lab is an S3 server with one bucket and a key that opens what is encrypted for it.
type lab struct {
	t      *testing.T
	server *s3server.Server
	key    keyPair
}

const bucket = "reads"

// newLab starts a server, with bodies in files so that the size of objects costs no memory.
func newLab(t *testing.T) *lab {
	t.Helper()
	keys := []s3server.Key{{Access: "ANN", Secret: "ann-s3-secret-do-not-show"}, {Access: "BOB", Secret: "bob-s3-secret"}}
	s, err := s3server.Start(s3server.Config{Dir: t.TempDir(), Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	l := &lab{t: t, server: s, key: newKey(t)}
	l.bucket(bucket, 0)
	return l
}

// bucket makes a bucket for the i-th owner.
func (l *lab) bucket(name string, owner int) {
	l.t.Helper()
	if err := l.server.CreateBucket(name, l.server.Key(owner).Access); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) account(i int) account {
	k := l.server.Key(i)
	return account{l.server.URL(), k.Access, k.Secret}
}

// put stores an object as it is.
func (l *lab) put(key string, body []byte) {
	l.t.Helper()
	if err := l.server.Put(bucket, key, body); err != nil {
		l.t.Fatal(err)
	}
}

// putEncrypted stores plaintext encrypted for the lab's key.
func (l *lab) putEncrypted(key string, plaintext []byte) {
	l.t.Helper()
	l.put(key, encrypt(l.t, plaintext, l.key))
}

// putFile makes a file an object.
func (l *lab) putFile(key, path string) {
	l.t.Helper()
	if err := l.server.PutFile(bucket, key, path); err != nil {
		l.t.Fatal(err)
	}
}

// putTree encrypts the files below a directory into the bucket, their names below prefix and with .c4gh behind.
func (l *lab) putTree(dir, prefix string) {
	l.t.Helper()
	store := l.t.TempDir()
	n := 0
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		n++
		encrypted := filepath.Join(store, fmt.Sprint(n))
		l.encryptFile(path, encrypted)
		l.putFile(prefix+filepath.ToSlash(rel)+".c4gh", encrypted)
		return nil
	})
	if err != nil {
		l.t.Fatal(err)
	}
}

// encryptFile encrypts a file for the lab's key.
func (l *lab) encryptFile(src, dst string) {
	l.t.Helper()
	in, err := os.Open(src)
	if err != nil {
		l.t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(dst)
	if err != nil {
		l.t.Fatal(err)
	}
	encryptTo(l.t, out, in, l.key)
	if err := out.Close(); err != nil {
		l.t.Fatal(err)
	}
}

// mount mounts the lab's bucket with its key.
func (l *lab) mount(flags ...string) *mountedFS {
	l.t.Helper()
	return mount(l.t, l.account(0).environ(l.t), append(append([]string{"--sk", l.key.secret}, flags...), "s3://"+bucket)...)
}

// mountedFS is a running allasfs in the foreground.
type mountedFS struct {
	t      *testing.T
	dir    string // the mount point
	cmd    *exec.Cmd
	env    []string
	log    *syncBuffer
	exited chan struct{}
	over   bool // the test knows that it has ended
}

// mount runs `allasfs mount -f ARGS DIR` and returns when the mount answers. At the end of the test it is unmounted, and
// its process has to end well.
func mount(t *testing.T, env []string, args ...string) *mountedFS {
	t.Helper()
	m := start(t, env, args...)
	if err := m.ready(); err != nil {
		t.Fatalf("%v\n%s", err, m.log)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("log of the mount:\n%s", m.log)
		}
		m.end()
	})
	return m
}

// start is mount without the waiting and the end.
func start(t *testing.T, env []string, args ...string) *mountedFS {
	t.Helper()
	m := &mountedFS{t: t, dir: filepath.Join(t.TempDir(), "mnt"), env: env}
	if err := os.Mkdir(m.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	m.launch(args...)
	return m
}

// launch starts the process on the mount's directory.
func (m *mountedFS) launch(args ...string) {
	m.t.Helper()
	m.log, m.exited = &syncBuffer{}, make(chan struct{})
	m.cmd = exec.Command(program(), append(append([]string{"mount", "-f"}, args...), m.dir)...)
	m.cmd.Env, m.cmd.Stdout, m.cmd.Stderr = m.env, m.log, m.log
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	go func() {
		m.cmd.Wait()
		close(m.exited)
	}()
}

// ready waits until the program says that it has mounted, and holds it to its word.
func (m *mountedFS) ready() error {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if m.log.contains("is mounted at") {
			if !mounted(m.dir) {
				return errors.New("allasfs mount says that it is ready, and isn't")
			}
			_, err := os.Stat(m.dir)
			return err
		}
		select {
		case <-m.exited:
			return fmt.Errorf("allasfs mount ended: %v", m.cmd.ProcessState)
		default:
		}
	}
	m.cmd.Process.Kill()
	return errors.New("allasfs mount isn't ready")
}

// end unmounts and waits for the process.
func (m *mountedFS) end() {
	m.t.Helper()
	if m.over {
		return // the test has done it already
	}
	m.over = true
	if r := (command{env: m.env}).run(m.t, program(), "umount", m.dir); r.status != 0 {
		m.t.Errorf("allasfs umount: exit status %d\n%s", r.status, r.stderr)
		syscall.Unmount(m.dir, syscall.MNT_FORCE|syscall.MNT_DETACH)
	}
	if !m.gone(patience) {
		m.t.Error("allasfs mount doesn't end after umount")
		m.cmd.Process.Kill()
		<-m.exited
	} else if !m.cmd.ProcessState.Success() {
		m.t.Errorf("allasfs mount: %v\n%s", m.cmd.ProcessState, m.log)
	}
	if mounted(m.dir) {
		m.t.Errorf("%s is still mounted", m.dir)
	}
}

// gone tells whether the process ends within d.
func (m *mountedFS) gone(d time.Duration) bool {
	select {
	case <-m.exited:
		return true
	case <-time.After(d):
		return false
	}
}

// path returns the path of a file in the mount.
func (m *mountedFS) path(name string) string { return filepath.Join(m.dir, name) }

// read reads a whole file of the mount.
func (m *mountedFS) read(name string) []byte {
	m.t.Helper()
	data, err := os.ReadFile(m.path(name))
	if err != nil {
		m.t.Fatal(err)
	}
	return data
}

func mounted(dir string) bool { return ourMounts()[dir] }

// eventually waits for something that happens soon, but not at once.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

// syncBuffer collects what a process writes.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *syncBuffer) contains(s string) bool { return strings.Contains(b.String(), s) }
