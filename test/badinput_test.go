package test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"allasfs/test/s3server"
)

const passphrase = "a passphrase that nobody may see"

// badInput is one way to call the program wrongly.
type badInput struct {
	name   string
	env    []string // more of it
	args   []string // MNT stands for an empty directory, OUT for a file that isn't there
	status int
	says   string // part of the first line
}

// complaint checks what the program says: one line that tells what is wrong, one that helps, and no secret.
func complaint(t *testing.T, r result, c badInput, secrets []string) {
	t.Helper()
	if r.status != c.status {
		t.Errorf("exit status %d, want %d", r.status, c.status)
	}
	if r.stdout != "" {
		t.Errorf("standard output: %q", r.stdout)
	}
	lines := strings.Split(strings.TrimSuffix(r.stderr, "\n"), "\n")
	if len(lines) != 2 {
		t.Errorf("%d lines, want what is wrong and a hint:\n%s", len(lines), r.stderr)
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, "allasfs: ") || strings.HasSuffix(line, ".") {
			t.Errorf("a message has the prefix and no final period: %q", line)
		}
	}
	if !strings.Contains(lines[0], c.says) {
		t.Errorf("the first line doesn't say %q: %s", c.says, lines[0])
	}
	for _, s := range secrets {
		if strings.Contains(r.stderr, s) {
			t.Errorf("a secret is shown: %s", r.stderr)
		}
	}
}

// secretText returns the base64 lines of a key file.
func secretText(t *testing.T, file string) (lines []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "-----") {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestBadMounts(t *testing.T) {
	l := newLab(t)
	locked := referenceKey(t, "scrypt", passphrase)
	dir := t.TempDir()
	full, file := filepath.Join(dir, "full"), filepath.Join(dir, "file")
	write(t, filepath.Join(full, "x"), nil)
	write(t, file, []byte("text"))
	loose := filepath.Join(dir, "loose.key")
	write(t, loose, []byte(secretText(t, l.key.secret)[0]))
	if err := os.Chmod(loose, 0o644); err != nil {
		t.Fatal(err)
	}
	l.bucket("bobs", 1)
	closed := closedPort(t)

	for _, c := range []badInput{
		{"missing key", nil, []string{"--sk", filepath.Join(dir, "none.key"), "s3://reads", "MNT"}, 2, "none.key"},
		{"not a key", nil, []string{"--sk", file, "s3://reads", "MNT"}, 2, file},
		{"key is a directory", nil, []string{"--sk", full, "s3://reads", "MNT"}, 1, full},
		{"loose key", nil, []string{"--sk", loose, "s3://reads", "MNT"}, 2, "loose.key"},
		{"wrong passphrase", []string{"C4GH_PASSPHRASE=" + passphrase + "!"}, []string{"--sk", locked.secret, "s3://reads", "MNT"}, 2, "passphrase"},
		{"no passphrase", nil, []string{"--sk", locked.secret, "s3://reads", "MNT"}, 2, "passphrase"},
		{"no passphrase file", nil, []string{"--sk", locked.secret, "--passphrase-file", filepath.Join(dir, "none.txt"), "s3://reads", "MNT"}, 2, "none.txt"},
		{"mount point not empty", nil, []string{"s3://reads", full}, 1, "not empty"},
		{"mount point not a directory", nil, []string{"s3://reads", file}, 1, "not a directory"},
		{"mount point missing", nil, []string{"s3://reads", filepath.Join(dir, "none")}, 1, "none"},
		{"no such bucket", nil, []string{"s3://no-such-bucket", "MNT"}, 1, "no-such-bucket"},
		{"bucket of others", nil, []string{"s3://bobs", "MNT"}, 1, "bobs"},
		{"wrong secret", []string{"AWS_SECRET_ACCESS_KEY=a-wrong-secret"}, []string{"MNT"}, 1, "denied"},
		{"no credentials", []string{"AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY="}, []string{"MNT"}, 1, "credentials"},
		{"no network", nil, []string{"--timeout", "1s", "--endpoint", closed, "MNT"}, 1, closed[len("http://"):]},
		{"not a source", nil, []string{"ftp://reads", "MNT"}, 1, "ftp://reads"},
		{"unknown flag", nil, []string{"--fast", "MNT"}, 2, "--fast"},
		{"no mount point", nil, nil, 2, "arg"},
		{"size", nil, []string{"--cache-size", "lots", "MNT"}, 2, "lots"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mnt := filepath.Join(t.TempDir(), "mnt")
			if err := os.Mkdir(mnt, 0o700); err != nil {
				t.Fatal(err)
			}
			args := slices.Clone(c.args)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "MNT", mnt)
			}
			before := len(ourMounts())
			r := noTerminal(t, l.account(0).environ(t, c.env...), append([]string{"mount"}, args...)...)
			secrets := append(secretText(t, locked.secret), secretText(t, l.key.secret)...)
			complaint(t, r, c, append(secrets, passphrase, l.server.Key(0).Secret, "a-wrong-secret"))
			if after := len(ourMounts()); after != before {
				t.Errorf("%d mounts, before there were %d", after, before)
			}
			if pids := processesWith(mnt); len(pids) > 0 {
				t.Errorf("processes that are left: %v", pids)
			}
		})
	}
}

// noTerminal runs the program in a session of its own, so that it can't ask anybody.
func noTerminal(t *testing.T, env []string, args ...string) result {
	t.Helper()
	return command{env: env}.run(t, "setsid", append([]string{"--wait", program()}, args...)...)
}

// closedPort returns an endpoint where nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer lis.Close()
	return "http://" + lis.Addr().String()
}

func TestBadConversions(t *testing.T) {
	key, locked := newKey(t), referenceKey(t, "scrypt", passphrase)
	dir := t.TempDir()
	good, cut, broken := filepath.Join(dir, "good.c4gh"), filepath.Join(dir, "cut.c4gh"), filepath.Join(dir, "broken.c4gh")
	whole := encrypt(t, content(1, 300_000), key)
	write(t, good, whole)
	write(t, cut, whole[:150_000])
	flipped := slices.Clone(whole)
	flipped[200_000] ^= 1
	write(t, broken, flipped)
	text := filepath.Join(dir, "text")
	write(t, text, []byte("this is not encrypted"))

	for _, c := range []badInput{
		{"missing key", nil, []string{"decrypt", "--sk", "/none.key", good, "-o", "OUT"}, 2, "none.key"},
		{"another key", nil, []string{"decrypt", "--sk", newKey(t).secret, good, "-o", "OUT"}, 2, "good.c4gh"},
		{"wrong passphrase", []string{"C4GH_PASSPHRASE=x" + passphrase}, []string{"decrypt", "--sk", locked.secret, good, "-o", "OUT"}, 2, "passphrase"},
		{"missing file", nil, []string{"decrypt", "--sk", key.secret, filepath.Join(dir, "none.c4gh"), "-o", "OUT"}, 1, "none.c4gh"},
		{"not encrypted", nil, []string{"decrypt", "--sk", key.secret, text, "-o", "OUT"}, 1, "text"},
		{"cut file", nil, []string{"decrypt", "--sk", key.secret, cut, "-o", "OUT"}, 1, "cut.c4gh"},
		{"broken file", nil, []string{"decrypt", "--sk", key.secret, broken, "-o", "OUT"}, 1, "broken.c4gh"},
		{"missing recipient", nil, []string{"encrypt", "--pk", "/none.pub", text, "-o", "OUT"}, 2, "none.pub"},
		{"not a public key", nil, []string{"encrypt", "--pk", text, text, "-o", "OUT"}, 2, "text"},
		{"missing source", nil, []string{"encrypt", "--pk", key.public, filepath.Join(dir, "none"), "-o", "OUT"}, 1, "none"},
		{"output there already", nil, []string{"encrypt", "--pk", key.public, text, "-o", good}, 1, "good.c4gh"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "out")
			args := slices.Clone(c.args)
			for i := range args {
				args[i] = strings.ReplaceAll(args[i], "OUT", out)
			}
			r := noTerminal(t, account{}.environ(t, c.env...), args...)
			secrets := append(secretText(t, locked.secret), secretText(t, key.secret)...)
			complaint(t, r, c, append(secrets, passphrase))
			if left, err := os.ReadDir(filepath.Dir(out)); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
			if now, err := os.ReadFile(good); err != nil || len(now) != len(whole) {
				t.Errorf("the input was changed: %d bytes, %v", len(now), err)
			}
		})
	}
}

// TestUnreadableKey: a key that another user may not read. Root may read everything, so it becomes somebody else.
func TestUnreadableKey(t *testing.T) {
	key := newKey(t)
	if err := os.Chmod(key.secret, 0); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "allasfs-anybody-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	copied := filepath.Join(dir, "allasfs")
	command{}.must(t, "cp", program(), copied)
	command{}.must(t, "chmod", "-R", "a+rX", dir)
	cmd := exec.Command(copied, "decrypt", "--sk", key.secret)
	cmd.Env = []string{"PATH=/usr/bin:/bin"}
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	cmd.Run()
	r := result{cmd.ProcessState.ExitCode(), "", stderr.String()}
	complaint(t, r, badInput{status: 1, says: "permission denied"}, nil)
}

// TestLogHoldsNoSecrets reads, fails and reads again with everything logged.
func TestLogHoldsNoSecrets(t *testing.T) {
	l := newLab(t)
	l.putEncrypted("x.c4gh", []byte("a plaintext that nobody may see"))
	l.put("others.c4gh", encrypt(t, []byte("x"), newKey(t)))
	defer l.server.Fail(s3server.Fault{Key: "refused", Status: 403})()
	l.put("refused", []byte("x"))
	m := l.mount("--log-level", "debug")
	m.read("x")
	for _, name := range []string{"others", "refused", "none"} {
		if _, err := os.ReadFile(m.path(name)); err == nil {
			t.Errorf("%s could be read", name)
		}
	}
	m.end()
	for _, secret := range append(secretText(t, l.key.secret), l.server.Key(0).Secret, "a plaintext that nobody may see") {
		if m.log.contains(secret) {
			t.Error("the log has a secret")
		}
	}
}
