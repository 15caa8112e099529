package test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// bodies stores objects without their headers, as SD Connect uploads them, and returns the headers.
func (l *lab) bodies(plaintext []byte, keys ...string) map[string][]byte {
	l.t.Helper()
	headers := map[string][]byte{}
	for _, key := range keys {
		whole := encrypt(l.t, plaintext, l.key)
		size := headerSize(l.t, whole)
		headers[key] = whole[:size]
		l.put(key, whole[size:])
	}
	return headers
}

// TestHeaderDir: objects whose headers are in files of ours, or in a manifest of sd-lock's, are as any other.
func TestHeaderDir(t *testing.T) {
	l := newLab(t)
	plaintext := content(51, 1<<20+1)
	headers := l.bodies(plaintext, "run/file.bam.c4gh", "run/ä b.bam.c4gh", "run/nobody's.c4gh", "run/damaged.c4gh")
	l.putEncrypted("run/whole.c4gh", plaintext)
	dir := t.TempDir()
	write(t, filepath.Join(dir, bucket, "run", "file.bam.c4gh"), headers["run/file.bam.c4gh"])
	write(t, filepath.Join(dir, bucket, "run", "whole.c4gh"), headers["run/file.bam.c4gh"]) // its own goes before
	write(t, filepath.Join(dir, bucket, "run", "damaged.c4gh"), headers["run/damaged.c4gh"][:50])
	type line struct {
		Key    string `json:"key"`
		Header string `json:"header"`
	}
	manifest, err := json.Marshal(map[string]any{"bucket": bucket, "owner": "0a0a", "owner_name": "project_2000001",
		"headers": []line{{"run/ä b.bam.c4gh", base64.URLEncoding.EncodeToString(headers["run/ä b.bam.c4gh"])}}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "sd-lock-manifest.json"), manifest)

	m := l.mount("--header-dir", dir)
	for _, name := range []string{"run/file.bam", "run/ä b.bam", "run/whole"} {
		wantSize(t, m, name, int64(len(plaintext)))
		randomReads(t, m.path(name), plaintext, 200)
		if !bytes.Equal(m.read(name), plaintext) {
			t.Errorf("%s: wrong bytes", name)
		}
	}
	wantHeaderElsewhere(t, m, "run/nobody's", len(plaintext))
	_, err = os.Stat(m.path("run/damaged"))
	wantErrno(t, "a damaged header", err, syscall.EIO)
	wantLogged(t, m, syscall.EIO, "run/damaged", "the header that is held elsewhere")
	m.end()

	without := l.mount()
	for _, name := range []string{"run/file.bam", "run/ä b.bam", "run/nobody's"} {
		wantHeaderElsewhere(t, without, name, len(plaintext))
	}
	r := command{env: without.env}.run(t, program(), "stat", "--sk", l.key.secret, "s3://"+bucket+"/run/file.bam.c4gh")
	if !strings.Contains(r.stdout, "no Crypt4GH header in the object: it is held elsewhere") {
		t.Errorf("allasfs stat: %s%s", r.stdout, r.stderr)
	}
}

// wantHeaderElsewhere holds that an object without header has its size and can't be opened, and that the reason is told.
func wantHeaderElsewhere(t *testing.T, m *mountedFS, name string, size int) {
	t.Helper()
	const reason = "no Crypt4GH header in the object: it is held elsewhere"
	wantSize(t, m, name, int64(size))
	_, err := os.Open(m.path(name))
	wantErrno(t, "open of "+name, err, syscall.ENOKEY)
	wantLogged(t, m, syscall.ENOKEY, name, reason)
	told := make([]byte, 500)
	if n, err := unix.Getxattr(m.path(name), "user.allasfs.problem", told); err != nil || !strings.Contains(string(told[:max(n, 0)]), reason) {
		t.Errorf("the problem of %s is %q, %v", name, told[:max(n, 0)], err)
	}
}
