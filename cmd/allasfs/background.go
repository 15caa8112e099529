package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"
)

// A mount in the background is a second process of this program: Go can't fork. It does everything itself, prompts
// included, on the terminal of the first one, which waits. When the mount is ready the second process leaves the
// terminal and writes one byte to a pipe; if it ends before, it has told why.

// readyVariable is set for the second process; its descriptor 3 is the pipe.
const (
	readyVariable   = "ALLASFS_READY_PIPE"
	readyDescriptor = 3
)

func isBackgroundChild() bool { return os.Getenv(readyVariable) != "" }

// startBackground runs this command again in the background and returns when its mount is ready or has failed.
func startBackground() error {
	signal.Notify(make(chan os.Signal, 1), os.Interrupt) // Ctrl-C reaches the second process, which cleans up and ends
	program, err := os.Executable()
	if err != nil {
		return err
	}
	ready, pipe, err := os.Pipe()
	if err != nil {
		return err
	}
	defer ready.Close()
	child := exec.Command(program, os.Args[1:]...)
	child.Env = append(os.Environ(), readyVariable+"=1")
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	child.ExtraFiles = []*os.File{pipe}
	if err := child.Start(); err != nil {
		return err
	}
	pipe.Close()
	if n, _ := io.ReadFull(ready, make([]byte, 1)); n == 1 {
		return child.Process.Release()
	}
	var exit *exec.ExitError
	if err := child.Wait(); errors.As(err, &exit) && exit.ExitCode() > 0 {
		return &toldError{exit.ExitCode()}
	} else if err != nil {
		return fmt.Errorf("the mount's process ended: %w", err)
	}
	return nil
}

// detachFromTerminal makes the process a session of its own without a terminal and tells the first process that the
// mount is ready.
func detachFromTerminal(log *slog.Logger) error {
	os.Unsetenv(readyVariable)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	if _, err := unix.Setsid(); err != nil {
		log.Debug("no session of its own", "cause", err)
	}
	if err := os.Chdir("/"); err != nil { // or the directory it was started in couldn't be unmounted
		return err
	}
	pipe := os.NewFile(readyDescriptor, "ready")
	defer pipe.Close()
	for _, stream := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if err := unix.Dup3(int(null.Fd()), int(stream.Fd()), 0); err != nil {
			return err
		}
	}
	_, err = pipe.Write([]byte{1})
	return err
}

// forbidDumps keeps plaintext and keys out of core files and of other processes of the same user.
func forbidDumps() {
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // lowering it is always allowed
	_ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
}

// logFlags say what is logged and where.
type logFlags struct {
	level logLevel
	file  string
}

func (f *logFlags) register(flags *pflag.FlagSet) {
	flags.Var(&f.level, "log-level", "what is logged: debug, info, warn or error")
	flags.StringVar(&f.file, "log-file", "", "file to append the log to (default ~/.local/state/allasfs/NAME.log in the background, the terminal otherwise)")
}

// open returns the logger and where it writes. The log names objects and causes, never plaintext or secrets; its file
// is the user's own all the same.
func (f *logFlags) open(c *console, foreground bool, mountpoint string) (log *slog.Logger, name string, err error) {
	options := &slog.HandlerOptions{Level: slog.Level(f.level)}
	name = f.file
	if name == "" && foreground {
		return slog.New(slog.NewTextHandler(c.err, options)), "the terminal", nil
	}
	if name == "" {
		if name, err = defaultLogFile(mountpoint); err != nil {
			return nil, "", err
		}
	}
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, "", fmt.Errorf("log file: %w", err)
	}
	return slog.New(slog.NewTextHandler(file, options)), name, nil
}

// defaultLogFile returns the log file of a mount point, in the user's state directory (XDG Base Directory
// Specification).
func defaultLogFile(mountpoint string) (string, error) {
	state := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", hint(fmt.Errorf("log file: %w", err), "name one with --log-file")
		}
		state = filepath.Join(home, ".local", "state")
	}
	directory := filepath.Join(state, "allasfs")
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return "", hint(fmt.Errorf("log file: %w", err), "name one with --log-file")
	}
	return filepath.Join(directory, strings.ReplaceAll(strings.Trim(mountpoint, "/"), "/", "-")+".log"), nil
}

// logLevel is a flag; the zero value is info.
type logLevel slog.Level

func (l *logLevel) Set(s string) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(s)); err != nil {
		return errors.New("a level is debug, info, warn or error")
	}
	*l = logLevel(level)
	return nil
}

func (l *logLevel) String() string { return strings.ToLower(slog.Level(*l).String()) }
func (l *logLevel) Type() string   { return "level" }
