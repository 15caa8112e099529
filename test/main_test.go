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
	before := ourMounts()
	if os.Getenv(binaryVariable) == "" {
		dir, err := os.MkdirTemp("", "allasfs-bin-*")
		if err != nil {
			return complain(err)
		}
		defer os.RemoveAll(dir)
		binary := filepath.Join(dir, "allasfs")
		if out, err := exec.Command("go", "build", "-o", binary, "../cmd/allasfs").CombinedOutput(); err != nil {
			return complain(fmt.Errorf("go build: %w\n%s", err, out))
		}
		os.Setenv(binaryVariable, binary)
	}
	status = m.Run()
	for mountpoint := range ourMounts() {
		if !before[mountpoint] {
			status = complain(fmt.Errorf("a mount was left behind at %s", mountpoint))
			unix.Unmount(mountpoint, unix.MNT_DETACH)
		}
	}
	return status
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "FAIL:", err)
	return 1
}

// ourMounts returns the mount points of all mounts of allasfs on this machine.
func ourMounts() map[string]bool {
	mounts := map[string]bool{}
	f, err := os.Open("/proc/self/mounts")
	if err != nil {
		return mounts
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) > 2 && fields[2] == "fuse.allasfs" {
			mounts[fields[1]] = true
		}
	}
	return mounts
}
