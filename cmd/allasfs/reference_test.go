package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// runReference runs the program under one of the reference's names.
func runReference(t *testing.T, name string, stdin []byte, args ...string) ran {
	t.Helper()
	var out, err bytes.Buffer
	status, ok := referenceRun(&console{in: bytes.NewReader(stdin), out: &out, err: &err}, name, args)
	if !ok {
		t.Fatalf("%s isn't a name of the reference", name)
	}
	return ran{status, out.String(), err.String()}
}

func TestReferenceCommandLines(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann", "bob")
	plain := someBytes(150_000)
	encrypted := []byte(must(t, plain, "encrypt", "--pk", "ann.pub").out)
	for _, c := range []struct {
		args   string
		status int
		out    string // where it is the output of status 0
	}{
		{"decrypt --sk ann.key", 0, string(plain)},
		{"--sk ann.key decrypt", 0, string(plain)},
		{"decrypt --sk=ann.key", 0, string(plain)},
		{"--log nothing decrypt --sk ann.key", 0, string(plain)},
		{"decrypt --sk ann.key --range 10-21", 0, string(plain[10:20])},
		{"decrypt --sk ann.key --ran 70000-70011", 0, string(plain[70_000:70_010])},
		{"decrypt --sk ann.key --range 149999-200000", 0, string(plain[149_999:])},
		{"decrypt --sk bob.key", 1, ""},
		{"decrypt --sk no.key", 1, ""},
		{"decrypt", 1, ""},
		{"decrypt --sk ann.pub", 1, ""},
		{"decrypt --sk ann.key --sk ann.key", 1, ""},
		{"decrypt --sk ann.key --sender_pk bob.pub", 1, ""},
		{"decrypt --sk ann.key --range 10-", 1, ""},
		{"decrypt --sk ann.key --range 10", 1, ""},
		{"decrypt --sk ann.key --trim", 1, ""},
		{"decrypt --sk ann.key --no-such-flag", 1, ""},
		{"decrypt --sk ann.key --he x", 1, ""}, // --header, --header-only, --help
		{"decrypt decrypt --sk ann.key", 1, ""},
		{"decode --sk ann.key", 1, ""},
		{"", 1, ""},
		{"encrypt", 1, ""},
		{"encrypt --recipient_pk no.pub", 1, ""},
		{"encrypt --recipient_pk ann.key", 1, ""},
		{"reencrypt --sk ann.key", 1, ""},
		{"rearrange --sk ann.key", 1, ""},
	} {
		r := runReference(t, referenceName, encrypted, strings.Fields(c.args)...)
		if r.status != c.status || r.out != c.out {
			t.Errorf("crypt4gh %s: status %d, %d bytes\n%s", c.args, r.status, len(r.out), r.err)
		}
		if (r.err == "") != (r.status == 0 && !strings.Contains(c.args, "--log")) {
			t.Errorf("crypt4gh %s: said %q", c.args, r.err)
		}
	}
}

func TestReferenceTellsKeysByStatus(t *testing.T) {
	sandbox(t)
	t.Setenv("C4GH_PASSPHRASE", "right")
	must(t, nil, "keygen", "--sk", "ann.key", "--pk", "ann.pub")
	encrypted := []byte(must(t, []byte("hello"), "encrypt", "--pk", "ann.pub").out)
	if r := runReference(t, referenceName, encrypted, "decrypt", "--sk", "ann.key"); r.status != 0 || r.out != "hello" {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	t.Setenv("C4GH_PASSPHRASE", "wrong")
	if r := runReference(t, referenceName, encrypted, "decrypt", "--sk", "ann.key"); r.status != exitKey || r.out != "" {
		t.Errorf("wrong passphrase: status %d: %s", r.status, r.err)
	}
	// The magic bytes and nothing that makes sense behind them.
	writeFile(t, "bad.key", []byte("-----BEGIN CRYPT4GH PRIVATE KEY-----\nYzRnaC12MQAAAAAA\n-----END CRYPT4GH PRIVATE KEY-----\n"))
	if r := runReference(t, referenceName, encrypted, "decrypt", "--sk", "bad.key"); r.status != exitKey {
		t.Errorf("damaged key: status %d: %s", r.status, r.err)
	}
	writeFile(t, "text", []byte("hello"))
	if r := runReference(t, referenceName, encrypted, "decrypt", "--sk", "text"); r.status != exitError {
		t.Errorf("no key: status %d: %s", r.status, r.err)
	}
}

func TestReferenceEncrypt(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann", "bob")
	plain := someBytes(100_000)
	encrypted := runReference(t, referenceName, plain, "encrypt", "--sk", "bob.key", "--recipient_pk", "ann.pub", "--recipient_pk", "no.pub",
		"--header", "h", "--range", "5-70001")
	if encrypted.status != 0 || !strings.Contains(encrypted.err, "no.pub") {
		t.Fatalf("status %d: %s", encrypted.status, encrypted.err)
	}
	whole := append(readFile(t, "h"), encrypted.out...)
	got := runReference(t, referenceName, whole, "decrypt", "--sk", "ann.key", "--sender_pk", "bob.pub")
	if got.out != string(plain[5:70_000]) {
		t.Errorf("%d bytes come back: %s", len(got.out), got.err)
	}
	again := runReference(t, referenceName, plain, "encrypt", "--recipient_pk", "ann.pub", "--header", "h")
	if again.status != 0 {
		t.Errorf("the reference replaces the header's file: status %d: %s", again.status, again.err)
	}
}

func TestReferenceKeygen(t *testing.T) {
	sandbox(t)
	keygen := func(stdin string, args ...string) ran {
		return runReference(t, referenceKeygenName, []byte(stdin), args...)
	}
	if r := keygen("n\n", "--nocrypt"); r.status != 0 || exists(".c4gh") {
		t.Errorf("no to the directory: status %d", r.status)
	}
	if r := keygen("", "--nocrypt"); r.status != 1 || exists(".c4gh") {
		t.Errorf("no answer: status %d", r.status)
	}
	if r := keygen("y\ny\n", "--nocrypt"); r.status != 0 || !exists(".c4gh/key") || !exists(".c4gh/key.pub") {
		t.Errorf("yes to the directory: status %d: %s", r.status, r.err)
	}
	first := readFile(t, ".c4gh/key")
	if r := keygen("y\nn\n", "--nocrypt"); r.status != 0 || !bytes.Equal(first, readFile(t, ".c4gh/key")) {
		t.Errorf("no to replacing: status %d", r.status)
	}
	if r := keygen("", "--nocrypt", "-f"); r.status != 0 || bytes.Equal(first, readFile(t, ".c4gh/key")) {
		t.Errorf("-f: status %d: %s", r.status, r.err)
	}
	if r := keygen("", "--relock", "--nocrypt", "--sk", "no.key"); r.status != 1 {
		t.Errorf("relock of nothing: status %d", r.status)
	}
	if r := keygen("", "--relock", "--nocrypt", "-C", "mine"); r.status != 0 {
		t.Errorf("relock: status %d: %s", r.status, r.err)
	}
	for _, args := range [][]string{{"extra"}, {"--pk"}, {"--recipient_pk", "x"}} {
		if r := keygen("", args...); r.status != 1 {
			t.Errorf("%q: status %d", args, r.status)
		}
	}
}

func TestReferenceHelpAndVersion(t *testing.T) {
	sandbox(t)
	for _, name := range []string{referenceName, referenceKeygenName} {
		for _, flag := range []string{"-h", "--help", "-v", "--version", "-hv"} {
			r := runReference(t, name, nil, flag)
			if r.status != 0 || !strings.Contains(r.out, name) || r.err != "" {
				t.Errorf("%s %s: status %d, %q, %q", name, flag, r.status, r.out, r.err)
			}
		}
	}
}

func TestReferenceLogging(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann")
	if err := os.Setenv("C4GH_LOG", "no such file"); err != nil { // sandbox restores it
		t.Fatal(err)
	}
	if r := runReference(t, referenceName, nil, "encrypt", "--recipient_pk", "ann.pub"); r.status != 0 || !strings.Contains(r.err, "do nothing") {
		t.Errorf("status %d: %q", r.status, r.err)
	}
}
