package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"allasfs/fs"
)

// prepareMountpoint sees that path is an empty directory. A dead mount, which a killed allasfs left there, is cleared.
func prepareMountpoint(c *console, path string) error {
	if dead, err := isDeadMount(path); err != nil {
		return err
	} else if dead {
		if err := detach(path); err != nil {
			return fmt.Errorf("clearing the dead mount at %s: %w", path, err)
		}
		c.say("cleared a dead mount at %s", path)
	}
	if mounted, err := isOurMount(path); err != nil {
		return err
	} else if mounted {
		return hint(fmt.Errorf("%s is mounted already", path), "unmount it first: allasfs umount %s", path)
	}
	return checkEmptyDirectory(path)
}

func checkEmptyDirectory(path string) error {
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return hint(fmt.Errorf("mount point %s doesn't exist", path), "make it: mkdir -p %s", path)
	case errors.Is(err, syscall.ENOTDIR):
		return hint(fmt.Errorf("mount point %s is not a directory", path), "a mount point is an empty directory")
	case err != nil:
		return fmt.Errorf("mount point: %w", err)
	case len(entries) > 0:
		return hint(fmt.Errorf("mount point %s is not empty", path), "a mount would hide what is in it; take an empty directory")
	}
	return nil
}

// isDeadMount tells whether a mount of ours is at path and its process is gone. The kernel may still know the
// attributes of the root, so a stat wouldn't show it.
func isDeadMount(path string) (bool, error) {
	err := unix.Statfs(path, new(unix.Statfs_t))
	if !errors.Is(err, unix.ENOTCONN) && !errors.Is(err, unix.ECONNABORTED) {
		return false, nil
	}
	return isOurMount(path)
}

// isOurMount tells whether the topmost mount at path is an allasfs.
func isOurMount(path string) (bool, error) {
	mount, err := ourMount(path)
	return mount != nil, err
}

// ourMount returns the topmost mount at path if it is an allasfs, or nil.
func ourMount(path string) (*mountinfo.Info, error) {
	mounts, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) { return m.Mountpoint != path, false })
	if err != nil {
		return nil, fmt.Errorf("list of mounts: %w", err)
	}
	if n := len(mounts); n > 0 && mounts[n-1].FSType == fs.FilesystemType {
		return mounts[n-1], nil
	}
	return nil, nil
}

// resolveMountpoint returns the absolute path of what a user calls a mount point, links resolved as in the list of
// mounts. A dead mount can't be resolved itself, but its directory can.
func resolveMountpoint(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if resolved, err := filepath.EvalSymlinks(absolute); err == nil {
		return resolved, nil
	}
	parent, err := filepath.EvalSymlinks(filepath.Dir(absolute))
	if err != nil {
		return absolute, nil
	}
	return filepath.Join(parent, filepath.Base(absolute)), nil
}

// unmount unmounts path; EBUSY is in the error while it is in use.
func unmount(path string) error { return unmountWith(path, 0, "-u") }

// detach takes path out of the tree at once; what is open there stays so until it is closed.
func detach(path string) error { return unmountWith(path, unix.MNT_DETACH, "-uz") }

// unmountWith does it directly as root, and through fusermount3 as anybody else.
func unmountWith(path string, flags int, option string) error {
	err := unix.Unmount(path, flags)
	if !errors.Is(err, unix.EPERM) {
		return err
	}
	out, err := exec.Command("fusermount3", option, path).CombinedOutput()
	if err == nil {
		return nil
	}
	if strings.Contains(string(out), "busy") {
		return unix.EBUSY
	}
	return fmt.Errorf("fusermount3: %w: %s", err, strings.TrimSpace(string(out)))
}

// users names the processes that keep a mount busy, as far as they can be seen: "bash (pid 12), samtools (pid 40)".
func users(path string) string {
	var found []string
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		if holds(process, path) {
			name, _ := os.ReadFile(filepath.Join(process, "comm"))
			found = append(found, fmt.Sprintf("%s (pid %s)", strings.TrimSpace(string(name)), filepath.Base(process)))
		}
	}
	if len(found) == 0 {
		return "some process"
	}
	return strings.Join(found, ", ")
}

// holds tells whether a process stands in or below path or has a file open there.
func holds(process, path string) bool {
	links, _ := filepath.Glob(filepath.Join(process, "fd", "*"))
	for _, link := range append(links, filepath.Join(process, "cwd")) {
		target, err := os.Readlink(link)
		if err == nil && (target == path || strings.HasPrefix(target, path+"/")) {
			return true
		}
	}
	return false
}
