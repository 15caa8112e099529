package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// processesWith returns the ids of processes that have a word among their arguments.
func processesWith(word string) (pids []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range files {
		data, _ := os.ReadFile(file)
		if slices.Contains(strings.Split(string(data), "\x00"), word) {
			pids = append(pids, filepath.Base(filepath.Dir(file)))
		}
	}
	return pids
}

// TestBackground: mount returns when the mount answers, and stays; umount ends it.
func TestBackground(t *testing.T) {
	l := newLab(t)
	l.putEncrypted("x.c4gh", []byte("text"))
	dir := filepath.Join(t.TempDir(), "mnt")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c := command{env: l.account(0).environ(t)}
	r := c.run(t, program(), "mount", "--sk", l.key.secret, "s3://"+bucket, dir)
	got, err := os.ReadFile(filepath.Join(dir, "x"))
	if r.status != 0 || err != nil || string(got) != "text" {
		t.Errorf("mount: exit status %d\n%s\nread %q, %v", r.status, r.stderr, got, err)
	}
	if !strings.HasPrefix(r.stderr, "allasfs: ") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("mount says %q", r.stderr)
	}
	if again := c.run(t, program(), "mount", "s3://"+bucket, dir); again.status != 1 {
		t.Errorf("a second mount at the same place: exit status %d, %s", again.status, again.stderr)
	}
	c.must(t, program(), "umount", dir)
	if mounted(dir) {
		t.Error("still mounted after umount")
	}
	eventually(t, "the end of the process", func() bool { return len(processesWith(dir)) == 0 })
	if r := c.run(t, program(), "umount", dir); r.status != 1 {
		t.Errorf("umount of what isn't mounted: exit status %d, %s", r.status, r.stderr)
	}
}

func TestSignals(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		l := newLab(t)
		m := l.mount()
		if err := m.cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		if !m.gone(patience) || !m.cmd.ProcessState.Success() || mounted(m.dir) {
			t.Fatalf("%v: %v, mounted: %v", sig, m.cmd.ProcessState, mounted(m.dir))
		}
		m.over = true
	}
}

// TestBusy: a mount in use isn't unmounted by the first signal; the second detaches it, and what is open stays readable.
func TestBusy(t *testing.T) {
	l := newLab(t)
	plain := content(1, 20<<20)
	l.putEncrypted("x.c4gh", plain)
	m := l.mount()
	f, err := os.Open(m.path("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if r := (command{env: m.env}).run(t, program(), "umount", m.dir); r.status != 1 || !strings.Contains(r.stderr, "busy") {
		t.Errorf("umount of a busy mount: exit status %d, %s", r.status, r.stderr)
	}
	m.cmd.Process.Signal(syscall.SIGTERM)
	eventually(t, "the word that it is busy", func() bool { return m.log.contains("busy") })
	if !mounted(m.dir) {
		t.Error("one signal detached a busy mount")
	}
	m.cmd.Process.Signal(syscall.SIGTERM)
	eventually(t, "the detaching", func() bool { return !mounted(m.dir) })
	buf := make([]byte, 1000)
	if _, err := f.ReadAt(buf, 19<<20); err != nil || !bytes.Equal(buf, plain[19<<20:19<<20+1000]) {
		t.Errorf("read of an open file after detaching: %v", err)
	}
	f.Close()
	if !m.gone(patience) {
		t.Fatal("the process doesn't end when the last file is closed")
	}
	if !m.cmd.ProcessState.Success() {
		t.Errorf("the process ends with %v", m.cmd.ProcessState)
	}
	m.over = true
}

// TestDeadMount: what a killed process leaves is cleared by the next mount, or by umount.
func TestDeadMount(t *testing.T) {
	l := newLab(t)
	l.putEncrypted("x.c4gh", []byte("text"))
	kill := func(m *mountedFS) {
		m.cmd.Process.Kill()
		<-m.exited
		_, err := os.ReadDir(m.dir)
		wantErrno(t, "listing of a dead mount", err, syscall.ENOTCONN)
	}
	m := l.mount()
	kill(m)
	m.launch("--sk", l.key.secret, "s3://"+bucket)
	if err := m.ready(); err != nil {
		t.Fatalf("in the place of a dead mount: %v\n%s", err, m.log)
	}
	if got := m.read("x"); string(got) != "text" {
		t.Errorf("read %q", got)
	}
	kill(m)
	m.over = true
	command{env: m.env}.must(t, program(), "umount", m.dir)
	if mounted(m.dir) {
		t.Error("umount left the dead mount")
	}
}

// TestKilledWhileItMounts: a process that is killed the moment its mount is there ends, and leaves nothing that umount
// can't clear.
func TestKilledWhileItMounts(t *testing.T) {
	l := newLab(t)
	for range 20 {
		m := start(t, l.account(0).environ(t), "s3://"+bucket)
		eventually(t, "the mount", func() bool { return mounted(m.dir) })
		m.cmd.Process.Kill()
		if !m.gone(patience) {
			t.Fatal("a killed process doesn't end")
		}
		command{env: m.env}.must(t, program(), "umount", m.dir)
	}
}

// TestRefresh: new objects appear on demand, while files are open.
func TestRefresh(t *testing.T) {
	l := newLab(t)
	plain := content(1, 4<<20)
	l.putEncrypted("dir/old.c4gh", plain)
	m := l.mount("--list-ttl", "1h")
	f, err := os.Open(m.path("dir/old"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := tree(t, m.dir); !slices.Equal(got, []string{"dir/", "dir/old"}) {
		t.Fatalf("before: %q", got)
	}
	l.putEncrypted("dir/new.c4gh", []byte("new"))
	if got := tree(t, m.dir); slices.Contains(got, "dir/new") {
		t.Errorf("shown before its time: %q", got)
	}
	command{env: m.env}.must(t, program(), "refresh", m.dir)
	if got := tree(t, m.dir); !slices.Equal(got, []string{"dir/", "dir/new", "dir/old"}) || string(m.read("dir/new")) != "new" {
		t.Errorf("after refresh: %q", got)
	}
	buf := make([]byte, 1000)
	if _, err := f.ReadAt(buf, 3<<20); err != nil || !bytes.Equal(buf, plain[3<<20:3<<20+1000]) {
		t.Errorf("the file that is open: %v", err)
	}
	if r := (command{env: m.env}).run(t, program(), "refresh", t.TempDir()); r.status != 1 {
		t.Errorf("refresh of another directory: exit status %d", r.status)
	}
}

// TestListTTL: without refresh a directory is looked at again after a while.
func TestListTTL(t *testing.T) {
	l := newLab(t)
	l.put("old", nil)
	m := l.mount("--list-ttl", "200ms")
	if got := tree(t, m.dir); !slices.Equal(got, []string{"old"}) {
		t.Fatalf("before: %q", got)
	}
	l.put("new", nil)
	eventually(t, "the new object", func() bool { return slices.Contains(tree(t, m.dir), "new") })
}

// TestReady: what is in a bucket costs a mount nothing.
func TestReady(t *testing.T) {
	requests := func(objects int) int {
		l := newLab(t)
		for i := range objects {
			l.put(fmt.Sprintf("%03d/%d.c4gh", i%500, i), []byte("x"))
		}
		m := l.mount()
		n := l.server.Counts().Total()
		m.end()
		return n
	}
	empty, full := requests(0), requests(100_000)
	if empty != full || full > 2 {
		t.Errorf("%d requests for an empty bucket, %d for one of 100,000 objects", empty, full)
	}
}

// TestListingStreams: the first names of a large directory come after one page, not after all of them.
func TestListingStreams(t *testing.T) {
	l := newLab(t)
	for i := range 20_000 {
		l.put(fmt.Sprintf("%05d.c4gh", i), []byte("x"))
	}
	m := l.mount()
	l.server.ResetLog()
	out, err := exec.Command("sh", "-c", "ls -U '"+m.dir+"' | wc -l").Output()
	if err != nil || strings.TrimSpace(string(out)) != "20000" {
		t.Errorf("ls: %s, %v", out, err)
	}
	c := l.server.Counts()
	if c.List != 20 || c.Get+c.Head > 0 {
		t.Errorf("listing 20,000 names took %+v", c)
	}
	m.end()

	m = l.mount()
	l.server.ResetLog()
	d, err := os.Open(m.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if names, err := d.Readdirnames(10); err != nil || len(names) != 10 {
		t.Errorf("the first names: %q, %v", names, err)
	}
	time.Sleep(100 * time.Millisecond)
	if c := l.server.Counts(); c.List > 4 {
		t.Errorf("the first ten names took %d pages", c.List)
	}
	d.Close()
}

// TestLongListing: ls -l reads each header once.
func TestLongListing(t *testing.T) {
	const n = 300
	l := newLab(t)
	for i := range n {
		l.putEncrypted(fmt.Sprintf("%d.c4gh", i), content(uint64(i), i))
	}
	m := l.mount()
	for range 2 {
		out := command{}.must(t, "find", m.dir, "-type", "f", "-printf", "%f %s\n")
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) != 2 || f[0] != f[1] {
				t.Errorf("name and size differ: %s", line)
			}
		}
		if got := strings.Count(out, "\n"); got != n {
			t.Errorf("%d names", got)
		}
		if c := l.server.Counts(); c.Get > n {
			t.Errorf("%d GETs for %d headers", c.Get, n)
		}
	}
}
