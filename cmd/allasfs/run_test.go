package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// ran is what a command did.
type ran struct {
	status   int
	out, err string
}

// run runs the program with arguments, in this process.
func run(t *testing.T, stdin []byte, args ...string) ran {
	t.Helper()
	var out, err bytes.Buffer
	c := &console{in: bytes.NewReader(stdin), out: &out, err: &err}
	root := newRoot(c)
	root.SetArgs(args)
	status := 0
	if err := root.ExecuteContext(t.Context()); err != nil {
		status = c.fail(err)
	}
	return ran{status, out.String(), err.String()}
}

// must is run for what has to succeed.
func must(t *testing.T, stdin []byte, args ...string) ran {
	t.Helper()
	r := run(t, stdin, args...)
	if r.status != 0 {
		t.Fatalf("allasfs %q: status %d\n%s", args, r.status, r.err)
	}
	return r
}

// sandbox is an empty current directory and nothing in the environment that has to do with keys.
func sandbox(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("HOME", dir)
	for _, name := range []string{"C4GH_SECRET_KEY", "C4GH_PUBLIC_KEY", "C4GH_PASSPHRASE", "C4GH_LOG"} {
		t.Setenv(name, "")
	}
}

// newKeys makes open key pairs NAME.key and NAME.pub.
func newKeys(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		must(t, nil, "keygen", "--nocrypt", "--sk", name+".key", "--pk", name+".pub")
	}
}

func writeFile(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// someBytes returns bytes of which no two runs are alike.
func someBytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>16 ^ i>>8*3 ^ i*7)
	}
	return b
}

// noParts fails when a file under a hidden name is left below the current directory.
func noParts(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, ".part") {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
