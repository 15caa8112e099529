// Package test runs the built program on real FUSE mounts, against a real S3 server and with the tools that people use.
package test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// binaryVariable names the program under test. Where it isn't set the program is built.
const binaryVariable = "ALLASFS"

func TestMain(m *testing.M) { os.Exit(runTests(m)) }

func runTests(m *testing.M) (status int) {
	if job := os.Getenv(readerVariable); job != "" { // a process of the soak test
		if err := readForSoak(job); err != nil {
			return complain(err)
		}
		return 0
	}
	// A directory of our own for everything: whatever is mounted below it is ours to complain of and to clear away,
	// even while somebody else runs the same tests.
	dir, err := os.MkdirTemp("", "allasfs-test-*")
	if err != nil {
		return complain(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil { // some tests become another user
		return complain(err)
	}
	os.Setenv("TMPDIR", dir)
	if os.Getenv(binaryVariable) == "" {
		if err := build(filepath.Join(dir, "allasfs")); err != nil {
			return complain(err)
		}
	}
	status = m.Run()
	for mountpoint := range ourMounts() {
		status = complain(fmt.Errorf("a mount was left behind at %s", mountpoint))
		unix.Unmount(mountpoint, unix.MNT_DETACH)
	}
	return status
}

// build makes the program under test.
func build(binary string) error {
	if out, err := exec.Command("go", "build", "-o", binary, "../cmd/allasfs").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return os.Setenv(binaryVariable, binary)
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "FAIL:", err)
	return 1
}

// ourMounts returns the mount points of the mounts of allasfs that this run of the tests has made.
func ourMounts() map[string]bool {
	mounts := map[string]bool{}
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return mounts
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 2 && fields[2] == "fuse.allasfs" && strings.HasPrefix(fields[1], os.TempDir()+"/") {
			mounts[fields[1]] = true
		}
	}
	return mounts
}
