package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
)

var treeFiles = map[string]int{
	"plain/empty": 0, "plain/a": 1, "plain/with space/b.txt": 65536, "plain/with space/ä/c": 200_001, "plain/d.bam": 65537,
}

// makePlain makes a tree of plaintext files.
func makePlain(t *testing.T) {
	t.Helper()
	for name, size := range treeFiles {
		writeFile(t, name, someBytes(size))
	}
}

// samePlain fails when the tree below dir isn't the one of makePlain.
func samePlain(t *testing.T, dir string) {
	t.Helper()
	for name, size := range treeFiles {
		got := readFile(t, strings.Replace(name, "plain", dir, 1))
		if !bytes.Equal(got, someBytes(size)) {
			t.Errorf("%s: wrong bytes", name)
		}
	}
}

func TestTreeThereAndBack(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann", "bob")
	makePlain(t)
	r := must(t, nil, "encrypt", "--pk", "ann.pub", "--recipient_pk", "bob.pub", "plain", "-o", "encrypted")
	if !strings.Contains(r.err, "encrypted 5 files, 323 KiB in ") || r.out != "" {
		t.Errorf("said %q", r.err)
	}
	for _, who := range []string{"ann", "bob"} {
		must(t, nil, "decrypt", "--sk", who+".key", "encrypted", "-o", "for-"+who)
		samePlain(t, "for-"+who)
	}
	info, err := os.Stat("for-ann/with space/b.txt")
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode of plaintext: %v, %v", info.Mode(), err)
	}
	noParts(t)
}

func TestNothingIsReplacedWithoutForce(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann")
	makePlain(t)
	must(t, nil, "encrypt", "--pk", "ann.pub", "plain", "-o", "encrypted")
	before := readFile(t, "encrypted/a.c4gh")
	r := run(t, nil, "encrypt", "--pk", "ann.pub", "plain", "-o", "encrypted")
	if r.status != exitError || strings.Count(r.err, "already exists") != 5 || strings.Count(r.err, "--force") != 1 {
		t.Errorf("status %d: %s", r.status, r.err)
	}
	if !bytes.Equal(before, readFile(t, "encrypted/a.c4gh")) {
		t.Error("replaced all the same")
	}
	must(t, nil, "encrypt", "--pk", "ann.pub", "plain", "-o", "encrypted", "--force")
	if bytes.Equal(before, readFile(t, "encrypted/a.c4gh")) {
		t.Error("--force replaced nothing")
	}
	noParts(t)
}

// A bad file costs itself alone, and nothing of it is left.
func TestTreeWithBadFiles(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann", "bob")
	makePlain(t)
	must(t, nil, "encrypt", "--pk", "ann.pub", "plain", "-o", "encrypted")
	flipped := readFile(t, "encrypted/with space/ä/c.c4gh")
	flipped[len(flipped)-1] ^= 1
	writeFile(t, "encrypted/with space/ä/c.c4gh", flipped)
	writeFile(t, "encrypted/cut.c4gh", readFile(t, "encrypted/d.bam.c4gh")[:60_000])
	writeFile(t, "encrypted/headerless.c4gh", readFile(t, "encrypted/d.bam.c4gh")[124:])
	writeFile(t, "encrypted/README", []byte("not encrypted"))
	must(t, nil, "encrypt", "--pk", "bob.pub", "plain/a", "-o", "encrypted/for-bob.c4gh")

	r := run(t, nil, "decrypt", "--sk", "ann.key", "encrypted", "-o", "back")
	if r.status != exitError {
		t.Errorf("status %d", r.status)
	}
	for _, want := range []string{
		"encrypted/with space/ä/c.c4gh: segment 3 at byte", "encrypted/cut.c4gh: ", "encrypted/headerless.c4gh: no Crypt4GH header",
		"encrypted/for-bob.c4gh: no given key", "decrypted 4 files", "4 failed", "1 left out, not encrypted",
	} {
		if !strings.Contains(r.err, want) {
			t.Errorf("it doesn't say %q:\n%s", want, r.err)
		}
	}
	for _, bad := range []string{"back/with space/ä/c", "back/cut", "back/headerless", "back/for-bob", "back/README"} {
		if exists(bad) {
			t.Errorf("%s was written", bad)
		}
	}
	if !bytes.Equal(readFile(t, "back/d.bam"), someBytes(65537)) {
		t.Error("a good file beside bad ones has wrong bytes")
	}
	noParts(t)
}

func TestEncryptedFilesAreNotEncryptedAgain(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann")
	makePlain(t)
	must(t, nil, "encrypt", "--pk", "ann.pub", "plain", "-o", "plain")
	r := run(t, nil, "encrypt", "--pk", "ann.pub", "plain", "-o", "plain", "--force")
	if r.status != 0 || !strings.Contains(r.err, "encrypted 5 files") || !strings.Contains(r.err, "5 left out, encrypted already") {
		t.Errorf("status %d: %s", r.status, r.err)
	}
}

func TestEveryFileFails(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann")
	writeFile(t, "d/x", []byte("plain"))
	for _, args := range [][]string{{"d"}, {"no", "neither"}} {
		r := run(t, nil, append([]string{"decrypt", "--sk", "ann.key", "-o", "out"}, args...)...)
		if r.status != exitError || r.err == "" {
			t.Errorf("%q: status %d: %s", args, r.status, r.err)
		}
	}
}

func TestQuiet(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann")
	makePlain(t)
	if r := must(t, nil, "encrypt", "-q", "--pk", "ann.pub", "plain", "-o", "encrypted"); r.err != "" {
		t.Errorf("said %q", r.err)
	}
}

func TestStreams(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann")
	for _, size := range []int{0, 1, 65535, 65536, 65537, 131072, 1 << 20} {
		plain := someBytes(size)
		encrypted := must(t, plain, "encrypt", "--pk", "ann.pub").out
		if got := must(t, []byte(encrypted), "decrypt", "--sk", "ann.key").out; got != string(plain) {
			t.Errorf("%d bytes come back as %d", size, len(got))
		}
	}
}

func TestRanges(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann")
	plain := someBytes(200_000)
	encrypted := []byte(must(t, plain, "encrypt", "--pk", "ann.pub").out)
	writeFile(t, "x.c4gh", encrypted)
	for _, c := range []struct{ from, to int }{
		{0, 0}, {0, 1}, {0, 65536}, {65535, 65537}, {65536, 131072}, {70_000, 70_010}, {199_999, 200_000}, {199_999, 300_000},
		{200_000, 200_001}, {300_000, 300_001},
	} {
		span := fmt.Sprintf("--range=%d-%d", c.from, c.to)
		want := string(plain[min(c.from, len(plain)):min(c.to, len(plain))])
		part := must(t, plain, "encrypt", "--pk", "ann.pub", span).out
		for how, got := range map[string]string{
			"decrypt a stream":   must(t, encrypted, "decrypt", "--sk", "ann.key", span).out,
			"decrypt a file":     must(t, nil, "decrypt", "--sk", "ann.key", span, "x.c4gh").out,
			"encrypt":            must(t, []byte(part), "decrypt", "--sk", "ann.key").out,
			"rearrange a stream": rearranged(t, encrypted, span),
			"rearrange a file":   rearranged(t, nil, span, "x.c4gh"),
		} {
			if got != want {
				t.Errorf("%s %s: %d bytes, want %d", how, span, len(got), len(want))
			}
		}
	}
	if got := must(t, encrypted, "decrypt", "--sk", "ann.key", "--range", "70000-").out; got != string(plain[70_000:]) {
		t.Errorf("70000-: %d bytes", len(got))
	}
}

// rearranged rearranges and decrypts.
func rearranged(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	part := must(t, stdin, append([]string{"rearrange", "--sk", "ann.key"}, args...)...).out
	return must(t, []byte(part), "decrypt", "--sk", "ann.key").out
}

func TestReencrypt(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann", "bob", "cyd")
	encrypted := []byte(must(t, someBytes(100_000), "encrypt", "--pk", "ann.pub", "--pk", "cyd.pub").out)
	opens := func(object, who string) bool {
		return run(t, []byte(object), "decrypt", "--sk", who+".key").out == string(someBytes(100_000))
	}
	kept := must(t, encrypted, "reencrypt", "--sk", "ann.key", "--pk", "bob.pub").out
	trimmed := must(t, encrypted, "reencrypt", "--sk", "ann.key", "--pk", "bob.pub", "-t").out
	for who, want := range map[string][2]bool{"ann": {false, false}, "bob": {true, true}, "cyd": {true, false}} {
		if got := [2]bool{opens(kept, who), opens(trimmed, who)}; got != want {
			t.Errorf("%s opens the result, and the trimmed one: %v, want %v", who, got, want)
		}
	}
	header := must(t, encrypted[:124+108], "reencrypt", "--sk", "ann.key", "--pk", "bob.pub", "--header-only").out
	if !opens(header+string(encrypted[124+108:]), "bob") {
		t.Error("the new header before the old body doesn't open")
	}
}

func TestHeaderOfItsOwn(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann")
	plain := someBytes(70_000)
	writeFile(t, "x", plain)
	must(t, nil, "encrypt", "--pk", "ann.pub", "--header", "x.header", "x", "-o", "x.body")
	whole := append(readFile(t, "x.header"), readFile(t, "x.body")...)
	if got := must(t, whole, "decrypt", "--sk", "ann.key").out; got != string(plain) {
		t.Errorf("header and body together: %d bytes", len(got))
	}
	if r := run(t, plain, "encrypt", "--pk", "ann.pub", "--header", "x.header"); r.status == 0 {
		t.Error("a header was replaced without --force")
	}
	if r := run(t, nil, "encrypt", "--pk", "ann.pub", "--header", "y.header", "no", "-o", "y"); r.status == 0 || exists("y.header") {
		t.Errorf("status %d, and a header without a body: %v", r.status, exists("y.header"))
	}
	noParts(t)
}

func TestSender(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann", "bob", "cyd")
	encrypted := []byte(must(t, []byte("hello"), "encrypt", "--sk", "bob.key", "--pk", "ann.pub").out)
	if got := must(t, encrypted, "decrypt", "--sk", "ann.key", "--sender_pk", "bob.pub").out; got != "hello" {
		t.Errorf("%q", got)
	}
	r := run(t, encrypted, "decrypt", "--sk", "ann.key", "--sender_pk", "cyd.pub")
	if r.status != exitKey || r.out != "" || !strings.Contains(r.err, "--sender_pk") {
		t.Errorf("another writer: status %d, %q, %s", r.status, r.out, r.err)
	}
}

func TestModeOfResults(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann")
	writeFile(t, "x", nil)
	must(t, nil, "encrypt", "--pk", "ann.pub", "x", "-o", "new/x.c4gh")
	must(t, nil, "decrypt", "--sk", "ann.key", "new/x.c4gh", "-o", "plain/x")
	for name, want := range map[string]fs.FileMode{"plain": 0o700, "plain/x": 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v, want %v", name, info.Mode(), err, want)
		}
	}
}
