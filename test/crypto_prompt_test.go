package test

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// session is a program with a terminal, while its standard input, output and error are something else.
type session struct {
	t      *testing.T
	cmd    *exec.Cmd
	tty    *os.File // its end of the terminal
	screen *syncBuffer
	stdout bytes.Buffer
	stderr syncBuffer

	terminal io.Writer // our end
}

// startSession starts a program on a new terminal.
func startSession(t *testing.T, env []string, stdin []byte, name string, args ...string) *session {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, tty: tty, screen: &syncBuffer{}, terminal: master, cmd: exec.Command(name, args...)}
	t.Cleanup(func() {
		tty.Close()
		master.Close()
	})
	s.cmd.Env, s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = env, bytes.NewReader(stdin), &s.stdout, &s.stderr
	s.cmd.ExtraFiles = []*os.File{tty}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 3}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go io.Copy(s.screen, master) // ends when the terminal is closed
	return s
}

// echoes tells whether the terminal shows what is typed.
func (s *session) echoes() bool {
	s.t.Helper()
	state, err := unix.IoctlGetTermios(int(s.tty.Fd()), unix.TCGETS)
	if err != nil {
		s.t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// answer waits for a prompt, and for the echo to be off, and types a line.
func (s *session) answer(prompt, line string) {
	s.t.Helper()
	eventually(s.t, "the prompt "+prompt, func() bool { return s.screen.contains(prompt) && !s.echoes() })
	s.typeIn(line + "\r")
}

func (s *session) typeIn(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.terminal, keys); err != nil {
		s.t.Fatal(err)
	}
}

// end waits for the end of the program and returns its exit status.
func (s *session) end() int {
	s.t.Helper()
	s.cmd.Wait()
	if !s.echoes() {
		s.t.Error("the terminal is left without echo")
	}
	return s.cmd.ProcessState.ExitCode()
}

// hides fails when a secret was shown anywhere.
func (s *session) hides(secret string) {
	s.t.Helper()
	for _, shown := range []string{s.screen.String(), s.stdout.String(), s.stderr.String()} {
		if strings.Contains(shown, secret) {
			s.t.Errorf("a secret is shown: %q", shown)
		}
	}
}

func TestKeygenAsksTwice(t *testing.T) {
	for name, args := range map[string][]string{
		"allasfs":         {program(), "keygen"},
		"crypt4gh-keygen": {linkTo(t, "crypt4gh-keygen")},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			secret, public := filepath.Join(dir, "my.key"), filepath.Join(dir, "my.pub")
			s := startSession(t, account{}.environ(t), []byte("standard input is data"), args[0],
				append(args[1:], "--sk", secret, "--pk", public)...)
			s.answer("New passphrase for "+secret, "correct horse")
			s.answer("The same again", "correct horse")
			if status := s.end(); status != 0 {
				t.Fatalf("exit status %d: %s", status, s.stderr.String())
			}
			s.hides("correct horse")
			k := keyPair{secret: secret, public: public, passphrase: "correct horse"}
			encrypted := command{stdin: strings.NewReader("hello")}.must(t, venv(t, "crypt4gh"), "encrypt", "--recipient_pk", public)
			env := append(os.Environ(), k.environ()...)
			for _, tool := range []string{program(), venv(t, "crypt4gh")} {
				if got := (command{env: env, stdin: strings.NewReader(encrypted)}).must(t, tool, "decrypt", "--sk", secret); got != "hello" {
					t.Errorf("%s decrypts %q", tool, got)
				}
			}
		})
	}
}

func TestKeygenTwoDifferentAnswers(t *testing.T) {
	dir := t.TempDir()
	s := startSession(t, account{}.environ(t), nil, program(), "keygen", "--sk", filepath.Join(dir, "k"))
	s.answer("New passphrase", "one")
	s.answer("The same again", "another")
	if status := s.end(); status != 1 || !s.stderr.contains("not the same") {
		t.Errorf("exit status %d: %s", status, s.stderr.String())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestPromptBesideData decrypts standard input while the passphrase is asked for on the terminal.
func TestPromptBesideData(t *testing.T) {
	k := referenceKey(t, "scrypt", passphrase)
	plain := content(3, 300_000)
	encrypted := encrypt(t, plain, k)
	for name, tool := range map[string]string{"allasfs": program(), "crypt4gh": linkTo(t, "crypt4gh")} {
		t.Run(name, func(t *testing.T) {
			s := startSession(t, account{}.environ(t), encrypted, tool, "decrypt", "--sk", k.secret)
			s.answer("Passphrase for "+k.secret, passphrase)
			if status := s.end(); status != 0 || !bytes.Equal(s.stdout.Bytes(), plain) {
				t.Errorf("exit status %d, %d bytes: %s", status, s.stdout.Len(), s.stderr.String())
			}
			s.hides(passphrase)
			if n := strings.Count(s.screen.String(), "Passphrase for"); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestRelockAsks(t *testing.T) {
	k := referenceKey(t, "bcrypt", "the old one")
	s := startSession(t, account{}.environ(t), nil, program(), "keygen", "--relock", "--sk", k.secret)
	s.answer("Passphrase for "+k.secret, "the old one")
	s.answer("New passphrase for "+k.secret, "the new one")
	s.answer("The same again", "the new one")
	if status := s.end(); status != 0 {
		t.Fatalf("exit status %d: %s", status, s.stderr.String())
	}
	encrypted := encrypt(t, []byte("hello"), k)
	env := append(os.Environ(), "C4GH_PASSPHRASE=the new one")
	if got := (command{env: env, stdin: bytes.NewReader(encrypted)}).must(t, venv(t, "crypt4gh"), "decrypt", "--sk", k.secret); got != "hello" {
		t.Errorf("the reference decrypts %q", got)
	}
}

// TestInterruptedPrompt: Ctrl-C ends the program, and the terminal gets its echo back.
func TestInterruptedPrompt(t *testing.T) {
	dir := t.TempDir()
	s := startSession(t, account{}.environ(t), nil, program(), "keygen", "--sk", filepath.Join(dir, "k"))
	eventually(t, "the prompt", func() bool { return s.screen.contains("New passphrase") && !s.echoes() })
	s.typeIn("half a pass\x03")
	if status := s.end(); status != 128+int(syscall.SIGINT) {
		t.Errorf("exit status %d", status)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestProgressBar: a bar on a terminal, none elsewhere, and standard output stays data.
func TestProgressBar(t *testing.T) {
	k := newKey(t)
	dir := t.TempDir()
	for _, name := range []string{"a", "b", "c"} {
		write(t, filepath.Join(dir, "in", name), content(1, 5_000_000))
	}
	args := []string{"encrypt", "--pk", k.public, filepath.Join(dir, "in"), "-o"}
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	screen := &syncBuffer{}
	go io.Copy(screen, master)
	cmd := exec.Command(program(), append(args, filepath.Join(dir, "one"))...)
	var stdout bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = account{}.environ(t), &stdout, tty
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	eventually(t, "the summary", func() bool { return screen.contains("encrypted 3 files, 14 MiB in ") })
	if !screen.contains("%") || !screen.contains("iB/s") || stdout.Len() > 0 {
		t.Errorf("on the terminal: %q, on standard output: %q", screen.String(), stdout.String())
	}
	r := command{env: account{}.environ(t)}.run(t, program(), append(args, filepath.Join(dir, "two"))...)
	if r.status != 0 || strings.ContainsAny(r.stderr, "%\r") || strings.Count(r.stderr, "\n") != 1 {
		t.Errorf("without a terminal: exit status %d, %q", r.status, r.stderr)
	}
}

// linkTo returns the program under another name.
func linkTo(t *testing.T, name string) string {
	t.Helper()
	link := filepath.Join(t.TempDir(), name)
	target, err := filepath.Abs(program())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	return link
}

// TestKeygenWithoutTerminal: like the reference, crypt4gh-keygen takes standard input then; our own command never does.
func TestKeygenWithoutTerminal(t *testing.T) {
	plain := []byte("hello")
	for name, want := range map[string]int{"crypt4gh-keygen": 0, "allasfs": 2} {
		secret := filepath.Join(t.TempDir(), "k")
		args := []string{"--wait", linkTo(t, name), "--sk", secret, "--pk", secret + ".pub"}
		if name == "allasfs" {
			args = append(args[:2], append([]string{"keygen"}, args[2:]...)...)
		}
		c := command{env: account{}.environ(t), stdin: strings.NewReader("my pass\nmy pass\n")}
		if r := c.run(t, "setsid", args...); r.status != want || strings.Contains(r.stderr, "my pass") {
			t.Errorf("%s: exit status %d: %s", name, r.status, r.stderr)
		}
		if want != 0 {
			continue
		}
		encrypted := command{stdin: bytes.NewReader(plain)}.must(t, program(), "encrypt", "--pk", secret+".pub")
		env := append(os.Environ(), "C4GH_PASSPHRASE=my pass")
		got := command{env: env, stdin: strings.NewReader(encrypted)}.must(t, venv(t, "crypt4gh"), "decrypt", "--sk", secret)
		if got != string(plain) {
			t.Errorf("%q", got)
		}
	}
}
