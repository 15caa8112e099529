package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tool is a program that shows the bucket as a directory.
type tool struct {
	name  string
	note  string // what a reader of the table has to know
	plain bool   // shows plaintext, under names without .c4gh
	start func(b *bench, m *mount) error
	// version is the first line that the command prints, or what the function knows.
	version func(b *bench) (string, error)
}

// mount is a tool that runs.
type mount struct {
	tool  *tool
	root  string   // where the objects are
	dirs  []string // mount points, the one to unmount last first
	procs []*process
	home  string
	began time.Duration // from the start to the first answer
}

// path returns the path of an object, which is named without .c4gh here.
func (m *mount) path(object string) string {
	if !m.tool.plain {
		object += suffix
	}
	return filepath.Join(m.root, object)
}

// cpu returns the processor time of all processes of the mount, as far as they run.
func (m *mount) cpu() (sum time.Duration) {
	for _, p := range m.procs {
		t, err := p.cpu()
		if err == nil {
			sum += t
		}
	}
	return sum
}

// mount starts a tool on a new mount point, with nothing cached anywhere.
func (b *bench) mount(t *tool) (*mount, error) {
	home, err := os.MkdirTemp(b.work, strings.ReplaceAll(t.name, " ", "-")+"-*")
	if err != nil {
		return nil, err
	}
	dropCaches()
	m := &mount{tool: t, home: home}
	b.live(m)
	begin := time.Now()
	if err := t.start(b, m); err != nil {
		b.unmount(m)
		return nil, err
	}
	m.began = time.Since(begin)
	return m, nil
}

// run starts a process that mounts at a new directory, and waits until the directory answers. args gets the mount
// point.
func (m *mount) run(name string, env []string, command func(dir string) []string) error {
	dir := filepath.Join(m.home, name)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	args := command(dir)
	p, err := startProcess(env, args[0], args[1:]...)
	if err != nil {
		return err
	}
	m.procs, m.dirs, m.root = append(m.procs, p), append(m.dirs, dir), dir
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if isMounted(dir) {
			_, err := os.Stat(dir)
			return err
		}
		select {
		case <-p.exited:
			return p.failure()
		default:
		}
	}
	return fmt.Errorf("%s doesn't mount: %s", args[0], p.log)
}

// isMounted compares the device of a directory with that of the one above it.
func isMounted(dir string) bool {
	var here, above syscall.Stat_t
	return syscall.Stat(dir, &here) == nil && syscall.Stat(filepath.Dir(dir), &above) == nil && here.Dev != above.Dev
}

// unmount ends a mount and its processes, and removes what they left.
func (b *bench) unmount(m *mount) {
	for _, dir := range slices.Backward(m.dirs) {
		if !isMounted(dir) {
			continue
		}
		for range 50 { // a reader that was just killed may hold it for a moment
			if syscall.Unmount(dir, 0) != syscall.EBUSY {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if isMounted(dir) {
			syscall.Unmount(dir, syscall.MNT_DETACH)
		}
	}
	for _, p := range slices.Backward(m.procs) {
		p.stop()
	}
	b.dead(m)
	if !slices.ContainsFunc(m.dirs, isMounted) { // or this would walk into the bucket
		os.RemoveAll(m.home)
	}
}

// dropCaches empties the kernel's caches. Only root may; for others a new mount has to do. What the tool before wrote to
// a disk is written then, so that the next one doesn't have to share the machine with that.
func dropCaches() {
	unix.Sync()
	_ = os.WriteFile("/proc/sys/vm/drop_caches", []byte("3"), 0)
}
