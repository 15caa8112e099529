package test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestHeaderCacheAndKeys: what one mount remembers doesn't lend its keys to the next one.
func TestHeaderCacheAndKeys(t *testing.T) {
	l, stranger := newLab(t), newKey(t)
	plaintext := content(1, 100_000)
	l.putEncrypted("reads.bam.c4gh", plaintext)
	database := filepath.Join(t.TempDir(), "headers.db")
	for i, key := range []keyPair{l.key, l.key, stranger, l.key} {
		m := mount(t, l.account(0).environ(t), "--sk", key.secret, "--header-cache", database, "s3://"+bucket)
		l.server.ResetLog()
		info, err := os.Stat(m.path("reads.bam"))
		if err != nil || info.Size() != int64(len(plaintext)) {
			t.Errorf("mount %d: %v, %v", i, info, err)
		}
		if gets := l.server.Counts().Get; (gets == 0) != (i > 0) {
			t.Errorf("mount %d: %d GETs for the header", i, gets)
		}
		if key.secret == stranger.secret {
			_, err := os.Open(m.path("reads.bam"))
			wantErrno(t, "open without the key", err, syscall.ENOKEY)
			if n, err := unix.Getxattr(m.path("reads.bam"), "user.allasfs.problem", make([]byte, 200)); err != nil || n == 0 {
				t.Errorf("the problem isn't told: %v", err)
			}
		} else if !bytes.Equal(m.read("reads.bam"), plaintext) {
			t.Errorf("mount %d: other bytes", i)
		}
		m.end()
	}
}

// TestDamagedHeaderCache: a mount with a database that isn't one works, and remembers in a new one.
func TestDamagedHeaderCache(t *testing.T) {
	l := newLab(t)
	l.putEncrypted("reads.bam.c4gh", content(1, 1000))
	database := filepath.Join(t.TempDir(), "headers.db")
	write(t, database, content(2, 100_000))
	for i, want := range []int{1, 0} {
		m := l.mount("--header-cache", database)
		l.server.ResetLog()
		if info, err := os.Stat(m.path("reads.bam")); err != nil || info.Size() != 1000 {
			t.Errorf("mount %d: %v, %v", i, info, err)
		}
		if gets := l.server.Counts().Get; gets != want {
			t.Errorf("mount %d: %d GETs for the header, want %d", i, gets, want)
		}
		m.end()
	}
}
