package test

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// halted is a program that converts a named pipe, of which it has got a part.
type halted struct {
	cmd    *exec.Cmd
	stderr syncBuffer
	dir    string // where its result would be
}

func haltInTheMiddle(t *testing.T, attributes *syscall.SysProcAttr) *halted {
	t.Helper()
	k := newKey(t)
	base, err := os.MkdirTemp("", "allasfs-halted-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	h := &halted{dir: filepath.Join(base, "out")}
	pipe, public, tool := filepath.Join(base, "pipe"), filepath.Join(base, "pub"), filepath.Join(base, "allasfs")
	command{}.must(t, "cp", program(), tool)
	write(t, public, k.pk.Marshal())
	if err := os.Mkdir(h.dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o666); err != nil {
		t.Fatal(err)
	}
	command{}.must(t, "chmod", "-R", "a+rwX", base)
	h.cmd = exec.Command(tool, "encrypt", "--pk", public, pipe, "-o", filepath.Join(h.dir, "x.c4gh"))
	h.cmd.Env, h.cmd.Stderr, h.cmd.SysProcAttr = account{}.environ(t), &h.stderr, attributes
	if err := h.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	feed, err := os.OpenFile(pipe, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { feed.Close() })
	if _, err := feed.Write(content(1, 3_000_000)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a part of the result", func() bool { return len(h.results(t)) == 1 })
	return h
}

func (h *halted) results(t *testing.T) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// TestSignalsLeaveNothing: a conversion that is interrupted leaves nothing that could be taken for a result.
func TestSignalsLeaveNothing(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		h := haltInTheMiddle(t, nil)
		if err := h.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		h.cmd.Wait()
		if status := h.cmd.ProcessState.ExitCode(); status != 128+int(signal) {
			t.Errorf("%v: %v", signal, h.cmd.ProcessState)
		}
		if left := h.results(t); len(left) > 0 {
			t.Errorf("%v: left behind: %v", signal, left)
		}
		if !h.stderr.contains("interrupted") {
			t.Errorf("%v: said %q", signal, h.stderr.String())
		}
	}
}

// TestSecretsStayInside: no core file, and nobody but root may look into the process, not even its own user.
func TestSecretsStayInside(t *testing.T) {
	var attributes syscall.SysProcAttr
	if os.Getuid() == 0 {
		attributes.Credential = &syscall.Credential{Uid: 65534, Gid: 65534}
	}
	h := haltInTheMiddle(t, &attributes)
	proc := filepath.Join("/proc", strconv.Itoa(h.cmd.Process.Pid))
	info, err := os.Stat(filepath.Join(proc, "mem"))
	if err != nil {
		t.Fatal(err)
	}
	if uid := info.Sys().(*syscall.Stat_t).Uid; uid != 0 {
		t.Errorf("its memory belongs to user %d", uid)
	}
	limits, err := os.ReadFile(filepath.Join(proc, "limits"))
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(limits)); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "Max core file size"); ok && strings.Fields(rest)[0] != "0" {
			t.Errorf("core files: %s", rest)
		}
	}
	h.cmd.Process.Signal(syscall.SIGTERM)
	h.cmd.Wait()
}

// TestReaderHasEnough: whoever reads the output may stop, without complaint.
func TestReaderHasEnough(t *testing.T) {
	k := newKey(t)
	file := filepath.Join(t.TempDir(), "x.c4gh")
	write(t, file, encrypt(t, content(1, 5_000_000), k))
	script := `"$1" decrypt --sk "$2" < "$3" | head -c 10 | wc -c; exit ${PIPESTATUS[0]}`
	for tool, want := range map[string]int{
		program():             128 + int(syscall.SIGPIPE),
		linkTo(t, "crypt4gh"): 0,
		venv(t, "crypt4gh"):   0,
	} {
		r := command{env: account{}.environ(t)}.run(t, "bash", "-c", script, "bash", tool, k.secret, file)
		if r.status != want || strings.TrimSpace(r.stdout) != "10" || r.stderr != "" {
			t.Errorf("%s: exit status %d, %q, %q", tool, r.status, r.stdout, r.stderr)
		}
	}
}

// TestProcessSubstitution: keys and sources may be what a shell's <( ) gives, also where processes may not look into
// each other.
func TestProcessSubstitution(t *testing.T) {
	k := newKey(t)
	script := `"$1" encrypt --pk <(cat "$2") <(echo hello) -o - | "$1" decrypt --sk <(cat "$3") /dev/stdin`
	got := command{env: account{}.environ(t)}.must(t, "bash", "-c", script, "bash", program(), k.public, k.secret)
	if got != "hello\n" {
		t.Errorf("%q", got)
	}
}
