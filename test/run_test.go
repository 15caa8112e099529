package test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// account is where a store is and who asks it.
type account struct{ endpoint, access, secret string }

// environ returns the environment of somebody who has nothing but an account: no key, no configuration files.
func (a account) environ(t *testing.T, more ...string) []string {
	t.Helper()
	home := t.TempDir()
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_STATE_HOME=" + filepath.Join(home, "state")}
	if a.endpoint != "" {
		env = append(env, "AWS_ENDPOINT_URL="+a.endpoint, "AWS_ACCESS_KEY_ID="+a.access, "AWS_SECRET_ACCESS_KEY="+a.secret)
	}
	return append(env, more...)
}

// result is what a command did.
type result struct {
	status int
	stdout string
	stderr string
}

// command is a program that is yet to be run.
type command struct {
	env   []string // nil for the test's own
	dir   string
	stdin io.Reader
	// stdout takes the output instead of the result.
	stdout io.Writer
}

// run runs a program to its end.
func (c command) run(t *testing.T, name string, args ...string) result {
	t.Helper()
	// Not t.Context: clean-up runs programs too, when that one has ended.
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env, cmd.Dir, cmd.Stdin = c.env, c.dir, c.stdin
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if c.stdout != nil {
		cmd.Stdout = c.stdout
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", name, err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// must is run for programs that have to succeed; it returns their output.
func (c command) must(t *testing.T, name string, args ...string) string {
	t.Helper()
	r := c.run(t, name, args...)
	if r.status != 0 {
		t.Fatalf("%s %s: exit status %d\n%s", filepath.Base(name), strings.Join(args, " "), r.status, r.stderr)
	}
	return r.stdout
}

// program is the program under test.
func program() string { return os.Getenv(binaryVariable) }

// venv returns a program of the reference implementation's virtual environment.
func venv(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", ".venv", "bin", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: test/setup.sh installs what the tests need", err)
	}
	return path
}

// reference runs the reference tool from one file to another.
func reference(t *testing.T, env []string, src, dst string, args ...string) {
	t.Helper()
	throughFiles(t, env, src, dst, venv(t, "crypt4gh"), args...)
}

// throughFiles runs a filter from one file to another.
func throughFiles(t *testing.T, env []string, src, dst, name string, args ...string) {
	t.Helper()
	in, err := os.Open(src)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(dst)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	command{env: append(os.Environ(), env...), stdin: in, stdout: out}.must(t, name, args...)
}
