package main

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"allasfs/c4gh"
)

func TestKeygenModes(t *testing.T) {
	sandbox(t)
	must(t, nil, "keygen", "--nocrypt")
	for name, want := range map[string]fs.FileMode{".c4gh": 0o700, ".c4gh/key": 0o400, ".c4gh/key.pub": 0o644} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
}

func TestKeygenFromEnvironment(t *testing.T) {
	sandbox(t)
	t.Setenv("C4GH_SECRET_KEY", "my/secret")
	t.Setenv("C4GH_PUBLIC_KEY", "my/public")
	t.Setenv("C4GH_PASSPHRASE", "from the environment")
	must(t, nil, "keygen")
	encrypted := must(t, []byte("hello"), "encrypt").out
	if got := must(t, []byte(encrypted), "decrypt").out; got != "hello" {
		t.Errorf("%q", got)
	}
	t.Setenv("C4GH_PASSPHRASE", "another")
	if r := run(t, []byte(encrypted), "decrypt"); r.status != exitKey || r.out != "" || strings.Contains(r.err, "another") {
		t.Errorf("wrong passphrase: status %d, %q", r.status, r.err)
	}
}

func TestKeygenKeepsWhatIsThere(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann")
	secret, public := readFile(t, "ann.key"), readFile(t, "ann.pub")
	for _, args := range [][]string{
		{"--sk", "ann.key", "--pk", "new.pub"},
		{"--sk", "new.key", "--pk", "ann.pub"},
		{"--sk", "new.key", "--pk", "new.key"},
		{"--sk", "new.key", "--pk", "."},
	} {
		r := run(t, nil, append([]string{"keygen", "--nocrypt"}, args...)...)
		if r.status == 0 || exists("new.key") || exists("new.pub") {
			t.Errorf("%q: status %d, and wrote files", args, r.status)
		}
	}
	if !bytes.Equal(secret, readFile(t, "ann.key")) || !bytes.Equal(public, readFile(t, "ann.pub")) {
		t.Error("keys were replaced")
	}
	must(t, nil, "keygen", "--nocrypt", "-f", "--sk", "ann.key", "--pk", "ann.pub")
	if bytes.Equal(secret, readFile(t, "ann.key")) {
		t.Error("-f replaced nothing")
	}
	must(t, nil, "keygen", "--check", "--sk", "ann.key", "--pk", "ann.pub")
	noParts(t)
}

func TestPublicOfSecret(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann", "bob")
	if got := must(t, nil, "keygen", "-y", "--sk", "ann.key").out; got != string(readFile(t, "ann.pub")) {
		t.Errorf("%q", got)
	}
	must(t, nil, "keygen", "--check", "--sk", "ann.key", "--pk", "ann.pub")
	if r := run(t, nil, "keygen", "--check", "--sk", "ann.key", "--pk", "bob.pub"); r.status != exitError {
		t.Errorf("another's public key: status %d", r.status)
	}
}

func TestRelock(t *testing.T) {
	sandbox(t)
	t.Setenv("C4GH_PASSPHRASE", "old")
	must(t, nil, "keygen", "--sk", "ann.key", "--pk", "ann.pub", "-C", "Ann's")
	var messages bytes.Buffer
	c := &console{out: &messages, err: &messages}
	relock := func(answers ...string) error {
		o := &keygenOptions{secret: "ann.key", ask: func(string) ([]byte, error) {
			answer := answers[0]
			answers = answers[1:]
			return []byte(answer), nil
		}}
		return o.relockKey(c)
	}
	locked := readFile(t, "ann.key")
	if err := relock("new", "typo"); !errors.Is(err, errMismatch) || !bytes.Equal(locked, readFile(t, "ann.key")) {
		t.Errorf("two different passphrases: %v", err)
	}
	if err := relock("new", "new"); err != nil {
		t.Fatal(err)
	}
	if r := run(t, nil, "keygen", "-y", "--sk", "ann.key"); r.status != exitKey {
		t.Errorf("the old passphrase: status %d", r.status)
	}
	t.Setenv("C4GH_PASSPHRASE", "new")
	must(t, nil, "keygen", "--check", "--sk", "ann.key", "--pk", "ann.pub")
	must(t, nil, "keygen", "--relock", "--nocrypt", "--sk", "ann.key")
	key, err := c4gh.ParseSecretKey(readFile(t, "ann.key"), nil)
	if err != nil || key.Comment() != "Ann's" {
		t.Errorf("unlocked: %v, comment %q", err, key.Comment())
	}
	if info, err := os.Stat("ann.key"); err != nil || info.Mode().Perm() != secretKeyMode {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if strings.Contains(messages.String(), "new ") {
		t.Errorf("said %q", messages.String())
	}
}

func TestRelockLeavesOtherKindsAlone(t *testing.T) {
	sandbox(t)
	openssh := []byte("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
	writeFile(t, "id", openssh)
	if r := run(t, nil, "keygen", "--relock", "--nocrypt", "--sk", "id"); r.status == 0 || !bytes.Equal(openssh, readFile(t, "id")) {
		t.Errorf("status %d: %s", r.status, r.err)
	}
}

func TestModeOfSecretKeys(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann")
	for _, c := range []struct {
		mode   fs.FileMode
		status int
		said   string
	}{
		{0o400, 0, ""}, {0o600, 0, ""}, {0o640, 0, "its group"}, {0o644, exitKey, "everybody"}, {0o604, exitKey, "everybody"},
	} {
		if err := os.Chmod("ann.key", c.mode); err != nil {
			t.Fatal(err)
		}
		r := run(t, nil, "keygen", "-y", "--sk", "ann.key")
		if r.status != c.status || !strings.Contains(r.err, c.said) || c.said == "" && r.err != "" {
			t.Errorf("mode %v: status %d: %s", c.mode, r.status, r.err)
		}
	}
	// Under the reference's name it is a warning.
	writeFile(t, "x.c4gh", []byte(must(t, []byte("hello"), "encrypt", "--pk", "ann.pub").out))
	r := runReference(t, referenceName, readFile(t, "x.c4gh"), "decrypt", "--sk", "ann.key")
	if r.status != 0 || r.out != "hello" || !strings.Contains(r.err, "everybody") {
		t.Errorf("as the reference: status %d, %q, %s", r.status, r.out, r.err)
	}
}

func TestPassphraseFile(t *testing.T) {
	sandbox(t)
	writeFile(t, "pass", []byte("first line\r\nsecond line\n"))
	must(t, nil, "keygen", "--passphrase-file", "pass", "--sk", "ann.key", "--pk", "ann.pub")
	writeFile(t, "same", []byte("first line"))
	must(t, nil, "keygen", "--check", "--passphrase-file", "same", "--sk", "ann.key", "--pk", "ann.pub")
	if err := os.Chmod("same", 0o644); err != nil {
		t.Fatal(err)
	}
	if r := run(t, nil, "keygen", "-y", "--passphrase-file", "same", "--sk", "ann.key"); r.status != exitKey {
		t.Errorf("a passphrase that everybody can read: status %d", r.status)
	}
}
