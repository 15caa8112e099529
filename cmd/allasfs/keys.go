package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"allasfs/c4gh"
)

// keyFlags say where the secret keys are and how they are unlocked.
type keyFlags struct {
	files          []string
	passphraseFile string

	warn    func(format string, args ...any) // nil for no warnings
	lenient bool                             // warns where it would refuse a file that everybody can read
}

func (f *keyFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.files, "sk", nil, "secret key file; may be given several times (default $C4GH_SECRET_KEY or ~/.c4gh/key)")
	flags.StringVar(&f.passphraseFile, "passphrase-file", "", "file whose first line is the passphrase of the secret keys")
}

// load returns the secret keys. Without any flag it takes the default key if there is one, and none otherwise: plain
// objects can be read without a key.
func (f *keyFlags) load() ([]*c4gh.SecretKey, error) {
	files := f.paths()
	keys := make([]*c4gh.SecretKey, 0, len(files))
	for _, file := range files {
		key, err := f.loadOne(file)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// paths returns the files that load loads, in the same order.
func (f *keyFlags) paths() []string {
	if len(f.files) > 0 {
		return f.files
	}
	return defaultKeyFiles()
}

// loadSome is load for commands that can do nothing without a secret key.
func (f *keyFlags) loadSome() ([]*c4gh.SecretKey, error) {
	keys, err := f.load()
	if err == nil && len(keys) == 0 {
		err = &hinted{errors.New("there is no secret key"), "name its file with --sk, or make a key pair with 'allasfs keygen'", exitKey}
	}
	return keys, err
}

// wipe drops the secret keys when they have done their work.
func wipe(keys []*c4gh.SecretKey) {
	for _, key := range keys {
		key.Wipe()
	}
}

// defaultKeyFiles returns the file named by the environment, or the one in the home directory if it exists.
func defaultKeyFiles() []string {
	if file := os.Getenv("C4GH_SECRET_KEY"); file != "" {
		return []string{file}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil
	}
	file := filepath.Join(home, ".c4gh", "key")
	if _, err := os.Stat(file); err != nil {
		return nil
	}
	return []string{file}
}

func (f *keyFlags) loadOne(file string) (*c4gh.SecretKey, error) {
	data, err := f.readSecretFile(file)
	if errors.Is(err, iofs.ErrNotExist) {
		return nil, &hinted{fmt.Errorf("secret key %s: %w", file, iofs.ErrNotExist), "make a key pair with 'allasfs keygen', or name the file with --sk", exitKey}
	}
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	defer clear(data)
	var passphrase []byte
	defer func() { clear(passphrase) }()
	key, err := c4gh.ParseSecretKey(data, func() (p []byte, err error) {
		passphrase, err = f.passphrase(file)
		return passphrase, err
	})
	if err != nil {
		return nil, fmt.Errorf("secret key %s: %w", file, err)
	}
	return key, nil
}

// readSecretFile reads a file that only its owner should be able to read.
func (f *keyFlags) readSecretFile(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if err := f.checkMode(file, info.Mode()); err != nil {
		return nil, err
	}
	return readKeyFile(file)
}

// checkMode refuses a file that everybody can read, and warns of one that its group can.
func (f *keyFlags) checkMode(file string, mode iofs.FileMode) error {
	who := "its group"
	switch perm := mode.Perm(); {
	case !mode.IsRegular() || perm&0o077 == 0:
		return nil
	case perm&0o007 != 0:
		who = "everybody on this machine"
	}
	problem := fmt.Sprintf("%s can be read by %s (mode %04o)", file, who, mode.Perm())
	if mode.Perm()&0o007 != 0 && !f.lenient {
		return &hinted{errors.New(problem), "close it with: chmod 600 " + file, exitKey}
	}
	if f.warn != nil {
		f.warn("%s; close it with: chmod 600 %s", problem, file)
	}
	return nil
}

// keyFileLimit bounds what is read of a key file, in bytes.
const keyFileLimit = 1 << 20

// readKeyFile reads a file that should be a small one.
func readKeyFile(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, keyFileLimit+1))
	if err == nil && len(data) > keyFileLimit {
		err = fmt.Errorf("%s: %w: it is larger than %d bytes", file, c4gh.ErrNotKey, keyFileLimit)
	}
	if err != nil {
		clear(data)
		return nil, err
	}
	return data, nil
}

// passphrase returns the passphrase for a key file: from the file that was named, the environment, or the terminal.
func (f *keyFlags) passphrase(file string) ([]byte, error) {
	if f.passphraseFile != "" {
		return f.readPassphraseFile()
	}
	if p := os.Getenv("C4GH_PASSPHRASE"); p != "" {
		return []byte(p), nil
	}
	return promptPassphrase("Passphrase for " + file + ": ")
}

// readPassphraseFile returns the first line of the passphrase file.
func (f *keyFlags) readPassphraseFile() ([]byte, error) {
	data, err := f.readSecretFile(f.passphraseFile)
	if err != nil {
		return nil, fmt.Errorf("passphrase file: %w", err)
	}
	line, rest, _ := bytes.Cut(data, []byte("\n"))
	clear(rest)
	return bytes.TrimSuffix(line, []byte("\r")), nil
}

var errNoTerminal = errors.New("there is no terminal to ask on")

// promptPassphrase asks on the terminal and not on standard input, which may be data.
func promptPassphrase(prompt string) ([]byte, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return nil, &hinted{
			fmt.Errorf("%w: %w", c4gh.ErrPassphrase, errNoTerminal),
			"give --passphrase-file or set C4GH_PASSPHRASE", exitKey,
		}
	}
	defer tty.Close()
	defer restoreOnInterrupt(tty)()
	fmt.Fprint(tty, prompt)
	passphrase, err := term.ReadPassword(int(tty.Fd()))
	fmt.Fprintln(tty)
	return passphrase, err
}

// restoreOnInterrupt gives the terminal its echo back when Ctrl-C ends the program at a prompt. The returned function
// ends the watch.
func restoreOnInterrupt(tty *os.File) (stop func()) {
	state, err := term.GetState(int(tty.Fd()))
	if err != nil {
		return func() {}
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		if _, ok := <-signals; ok {
			term.Restore(int(tty.Fd()), state)
			fmt.Fprintln(tty)
			os.Exit(exitInterrupted)
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
	}
}
