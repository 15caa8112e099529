package test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// annAndBob returns the environment of somebody with a remote for each of the lab's projects, and two flags that name
// both. Each has a bucket of reads of their own; ann may not use bob's.
func (l *lab) annAndBob(plaintext map[string][]byte) (env, flags []string) {
	l.t.Helper()
	text := ""
	for i, name := range []string{"ann", "bob"} {
		k := l.server.Key(i)
		text += fmt.Sprintf("[%s]\ntype = s3\naccess_key_id = %s\nsecret_access_key = %s\nendpoint = %s\n", name, k.Access, k.Secret, l.server.URL())
		l.bucket(name+"s-reads", i)
		if err := l.server.Put(name+"s-reads", "run/a.c4gh", encrypt(l.t, plaintext[name], l.key)); err != nil {
			l.t.Fatal(err)
		}
		flags = append(flags, "--profile="+name)
	}
	env = account{}.environ(l.t)
	file := filepath.Join(l.t.TempDir(), "rclone.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		l.t.Fatal(err)
	}
	return append(env, "RCLONE_CONFIG="+file), flags
}

func (m *mountedFS) names(dir string) (all []string) {
	m.t.Helper()
	entries, err := os.ReadDir(m.path(dir))
	if err != nil {
		m.t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// Two projects in one mount: a directory each, with whatever each of them sees.
func TestSeveralProfiles(t *testing.T) {
	l := newLab(t)
	l.bucket("bobs_segments", 1)
	plaintext := map[string][]byte{"ann": bytes.Repeat([]byte("of ann "), 50_000), "bob": bytes.Repeat([]byte("of bob "), 40_000)}
	env, flags := l.annAndBob(plaintext)
	m := mount(t, env, append(flags, "--sk", l.key.secret, "--bucket", "ann/bobs-reads", "--disk-cache", t.TempDir())...)
	for dir, want := range map[string][]string{
		"": {"ann", "bob"}, "ann": {"anns-reads", "bobs-reads", bucket}, "bob": {"bobs-reads"}, "bob/bobs-reads": {"run"}, "bob/bobs-reads/run": {"a"},
	} {
		if got := m.names(dir); !slices.Equal(got, want) {
			t.Errorf("%q has %q, want %q", dir, got, want)
		}
	}
	for name, want := range plaintext {
		file := name + "/" + name + "s-reads/run/a"
		if !bytes.Equal(m.read(file), want) {
			t.Errorf("%s is read wrong", file)
		}
		for attribute, want := range map[string]string{"profile": name, "bucket": name + "s-reads", "key": "run/a.c4gh"} {
			value := make([]byte, 100)
			n, err := unix.Getxattr(m.path(file), "user.allasfs."+attribute, value)
			if err != nil || string(value[:n]) != want {
				t.Errorf("%s: its %s is %q, %v", file, attribute, value[:max(n, 0)], err)
			}
		}
	}
	for name, want := range map[string]error{
		"eve": syscall.ENOENT, "bob/nobodys": syscall.ENOENT, "bob/bobs_segments": nil, "ann/bobs-reads/run": syscall.EACCES, "bob/anns-reads": syscall.EACCES,
	} {
		if _, err := os.Stat(m.path(name)); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	eventually(t, "the reason of a refusal in the log", func() bool {
		return m.log.contains("bucket anns-reads isn't shared with this project")
	})
}

// A profile that doesn't work is named, and a mount with it fails at once; whoami tells of the others all the same.
func TestProfilesThatDontWork(t *testing.T) {
	l := newLab(t)
	env, flags := l.annAndBob(nil)
	as := command{env: env}
	if got := as.must(t, program(), append([]string{"ls"}, flags...)...); got != "ann/\nbob/\n" {
		t.Errorf("ls: %q", got)
	}
	who := as.run(t, program(), append([]string{"whoami"}, flags...)...)
	for _, word := range []string{"profile     ann\n", "profile     bob\n", l.server.Key(0).Access, l.server.Key(1).Access} {
		if who.status != 0 || strings.Count(who.stdout, word) != 1 || strings.Count(who.stdout, "works       yes") != 2 {
			t.Errorf("whoami, exit status %d, should say %q:\n%s", who.status, word, who.stdout)
		}
	}
	rclone := strings.TrimPrefix(env[len(env)-1], "RCLONE_CONFIG=")
	text, err := os.ReadFile(rclone)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(rclone, bytes.Replace(text, []byte(l.server.Key(1).Secret), []byte("wrong"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	var told []struct {
		Profile, Problem string
		Works            bool
	}
	who = as.run(t, program(), append([]string{"whoami", "--json"}, flags...)...)
	if err := json.Unmarshal([]byte(who.stdout), &told); err != nil || len(told) != 2 {
		t.Fatalf("%v: %s", err, who.stdout)
	}
	if who.status != 1 || !told[0].Works || told[1].Works || told[1].Profile != "bob" || !strings.Contains(told[1].Problem, "SignatureDoesNotMatch") {
		t.Errorf("exit status %d, %+v", who.status, told)
	}
	mnt := t.TempDir()
	for _, c := range []struct {
		args   []string
		status int
		says   string
	}{
		{append([]string{"mount"}, append(flags, mnt)...), 1, "profile bob: "},
		{append([]string{"mount"}, append(flags, "s3://anns-reads", mnt)...), 1, "with several profiles the source is s3://"},
		{append([]string{"mount", "--bucket=anns-reads"}, append(flags, mnt)...), 1, "--bucket PROFILE/BUCKET"},
		{append([]string{"mount", "--profile=ann"}, append(flags, mnt)...), 1, `"ann" is given more than once`},
		{append([]string{"ls", "s3://anns-reads"}, flags...), 1, "with several profiles the source is s3://"},
		{append([]string{"stat", "s3://anns-reads/run/a.c4gh"}, flags...), 1, "with several profiles the source is s3://"},
		{append([]string{"access", "anns-reads"}, flags...), 1, "only mount, ls and whoami"},
	} {
		r := as.run(t, program(), c.args...)
		if r.status != c.status || !strings.Contains(r.stderr, c.says) || strings.Contains(r.stderr, l.server.Key(0).Secret) {
			t.Errorf("%q: exit status %d, %s", c.args, r.status, r.stderr)
		}
	}
}
