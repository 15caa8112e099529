package test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// tree returns every path below a directory; directories end in a slash.
func tree(t *testing.T, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name := strings.TrimPrefix(path, dir+"/")
		if e.IsDir() {
			name += "/"
		}
		paths = append(paths, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	return paths
}

// namesLab has a bucket with keys that collide, hide and don't fit a file system. Every object holds its own key.
func namesLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	for _, key := range []string{
		"only.c4gh", "plain.txt",
		"both", "both.c4gh",
		"dir.c4gh", "dir/inside.c4gh",
		"mark", "mark/inside",
		"folder/", "folder/x",
		"only.c4gh_ameta",
		"odd//double", "odd/./dot", "odd/../dotdot", "odd/" + strings.Repeat("long", 70),
		"ä ö/%41?.c4gh", `back\slash`, "new\nline",
		".c4gh",
	} {
		if strings.HasSuffix(key, ".c4gh") {
			l.putEncrypted(key, []byte(key))
		} else if !strings.HasSuffix(key, "/") {
			l.put(key, []byte(key))
		} else {
			l.put(key, nil)
		}
	}
	return l
}

func TestShowAllAndKeepSuffix(t *testing.T) {
	l := namesLab(t)
	l.bucket("reads_segments", 0)
	hidden := mount(t, l.account(0).environ(t), "--sk", l.key.secret)
	if got := tree(t, hidden.dir); slices.Contains(got, "reads_segments/") || !slices.Contains(got, "reads/only") {
		t.Errorf("without flags: %q", got)
	}
	if _, err := os.ReadDir(hidden.path("reads_segments")); err != nil {
		t.Errorf("a hidden bucket isn't there by name: %v", err)
	}
	all := mount(t, l.account(0).environ(t), "--sk", l.key.secret, "--show-all", "--keep-suffix")
	got := tree(t, all.dir)
	for _, want := range []string{"reads_segments/", "reads/only.c4gh", "reads/only.c4gh_ameta", "reads/both", "reads/both.c4gh", "reads/dir/inside.c4gh"} {
		if !slices.Contains(got, want) {
			t.Errorf("--show-all --keep-suffix doesn't show %s: %q", want, got)
		}
	}
	if got := all.read("reads/only.c4gh"); string(got) != "only.c4gh" {
		t.Errorf("with its suffix it reads %q", got)
	}
}

func TestSources(t *testing.T) {
	l := namesLab(t)
	dir := mount(t, l.account(0).environ(t), "--sk", l.key.secret, "s3://"+bucket+"/dir")
	if got := tree(t, dir.dir); len(got) != 1 || string(dir.read("inside")) != "dir/inside.c4gh" {
		t.Errorf("a prefix as source: %q", got)
	}
	local := t.TempDir()
	write(t, filepath.Join(local, "bucket", "x.c4gh"), encrypt(t, []byte("from disk"), l.key))
	files := mount(t, account{}.environ(t), "--sk", l.key.secret, "file://"+local)
	if got := files.read("bucket/x"); string(got) != "from disk" {
		t.Errorf("file:// reads %q", got)
	}
}

// TestBuckets: the root lists the buckets of the account, those that CSC's tools have noted and those on the command line,
// and finds others by name.
func TestBuckets(t *testing.T) {
	l := newLab(t)
	l.bucket("Old_Bucket", 0)
	l.bucket("bobs", 1)
	l.bucket("2000001-a-tools", 0)
	if err := l.server.Put("2000001-a-tools", "buckets_shared_to", []byte("noted-1\nnoted-2\n")); err != nil {
		t.Fatal(err)
	}
	m := mount(t, l.account(0).environ(t), "--bucket", "named")
	for _, name := range []string{"2000001-a-tools", "Old_Bucket", "named", "noted-1", "noted-2", "reads"} {
		wantListed(t, m, ".", name)
	}
	if entries, err := os.ReadDir(m.dir); len(entries) != 6 {
		t.Errorf("root: %v, %v", entries, err)
	}
	_, err := os.Stat(m.path("bobs"))
	wantErrno(t, "a bucket of others by name", err, syscall.EACCES)
	_, err = os.Stat(m.path("missing"))
	wantErrno(t, "a bucket that isn't there", err, syscall.ENOENT)
}

// TestManifest: an object that is listed with size 0 has the size that HEAD gives.
func TestManifest(t *testing.T) {
	l := newLab(t)
	plain := content(21, 300_000)
	for key, body := range map[string][]byte{"large": plain, "large.bam.c4gh": encrypt(t, plain, l.key)} {
		if err := l.server.PutManifest(bucket, key, body); err != nil {
			t.Fatal(err)
		}
	}
	l.put("empty", nil)
	m := l.mount()
	wantListed(t, m, ".", "large.bam")
	for _, name := range []string{"large", "large.bam"} {
		wantSize(t, m, name, int64(len(plain)))
		if got := m.read(name); !bytes.Equal(got, plain) {
			t.Errorf("%s: wrong bytes", name)
		}
	}
	wantSize(t, m, "empty", 0)
}

func TestAttributes(t *testing.T) {
	l := newLab(t)
	l.putEncrypted("dir/x.c4gh", content(1, 1000))
	for _, c := range []struct {
		flags     []string
		file, dir os.FileMode
		uid, gid  uint32
	}{
		{nil, 0o600, 0o700, uint32(os.Getuid()), uint32(os.Getgid())},
		{[]string{"--file-mode", "0640", "--dir-mode", "0750", "--uid", "1234", "--gid", "5678"}, 0o640, 0o750, 1234, 5678},
	} {
		m := l.mount(c.flags...)
		for name, want := range map[string]os.FileMode{"dir": c.dir, "dir/x": c.file} {
			info, err := os.Stat(m.path(name))
			if err != nil {
				t.Fatal(err)
			}
			owner := info.Sys().(*syscall.Stat_t)
			if info.Mode().Perm() != want || owner.Uid != c.uid || owner.Gid != c.gid {
				t.Errorf("%s with %q: mode %v, owner %d:%d", name, c.flags, info.Mode(), owner.Uid, owner.Gid)
			}
		}
		m.end()
	}
}

// TestOthersStayOut: without --allow-other, another user sees nothing.
func TestOthersStayOut(t *testing.T) {
	l := newLab(t)
	l.putEncrypted("x.c4gh", []byte("text"))
	m := l.mount("--file-mode", "0444", "--dir-mode", "0555")
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil || strings.Contains(optionsOf(string(mounts), m.dir), "allow_other") {
		t.Errorf("mount options: %s, %v", optionsOf(string(mounts), m.dir), err)
	}
	if os.Getuid() != 0 {
		return // only root can be somebody else
	}
	other := exec.Command("cat", m.path("x"))
	other.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	if out, err := other.Output(); err == nil || len(out) > 0 {
		t.Errorf("another user reads %q", out)
	}
}

func optionsOf(mounts, dir string) string {
	for line := range strings.Lines(mounts) {
		if f := strings.Fields(line); len(f) > 3 && f[1] == dir {
			return f[3]
		}
	}
	return ""
}
