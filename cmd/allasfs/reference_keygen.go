package main

import (
	"bufio"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"strings"
)

const referenceKeygenSynopsis = `Usage: crypt4gh-keygen [-hv] [--log FILE] [-f] [--pk FILE] [--sk FILE] [--nocrypt] [-C COMMENT] [--relock]`

// referenceKeygen is the reference's program crypt4gh-keygen.
func referenceKeygen(c *console, args []string) error {
	f := newReferenceFlags(referenceKeygenName)
	o := &keygenOptions{keys: keyFlags{warn: c.say, lenient: true}}
	var public once
	f.Var(&public, "pk", "public key `file`")
	f.BoolVarP(&o.force, "force", "f", false, "replace existing key files")
	f.StringVarP(&o.comment, "comment", "C", "", "comment to store in the secret key's file")
	f.BoolVar(&o.open, "nocrypt", false, "don't lock the secret key with a passphrase")
	f.BoolVar(&o.relock, "relock", false, "lock the secret key with a new passphrase")
	rest, done, err := f.parse(c, args, referenceKeygenSynopsis)
	if done || err != nil {
		return err
	}
	if len(rest) > 0 {
		return f.usage(fmt.Errorf("unexpected argument %q", rest[0]), referenceKeygenSynopsis)
	}
	if o.secret, err = referenceDefault(f.secret, "C4GH_SECRET_KEY", "key"); err != nil {
		return err
	}
	if o.public, err = referenceDefault(public, "C4GH_PUBLIC_KEY", "key.pub"); err != nil {
		return err
	}
	protectSecrets()
	answers := &answers{c: c, lines: bufio.NewReader(c.in)}
	o.ask = answers.passphrase
	if o.relock {
		return referenceRelock(c, o)
	}
	return answers.generate(o)
}

func referenceRelock(c *console, o *keygenOptions) error {
	err := o.relockKey(c)
	if err != nil && !errors.Is(err, errMismatch) && hasKeyForm(o.secret) {
		err = &unusableKey{err}
	}
	return err
}

// answers are what somebody says to questions, on the terminal or on standard input.
type answers struct {
	c     *console
	lines *bufio.Reader
}

// generate makes a key pair; before it replaces a file or makes a directory it asks. A no is no error.
func (a *answers) generate(o *keygenOptions) error {
	passphrase, err := o.passphrase(a.c)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	for _, file := range []string{o.public, o.secret} {
		question, err := obstacle(file, o.force)
		if err != nil {
			return err
		}
		if question == "" {
			continue
		}
		yes, err := a.yes(question)
		if err != nil {
			return err
		}
		if !yes {
			a.c.printf("nothing was written\n")
			return nil
		}
	}
	o.force = true
	if err := o.prepare(); err != nil {
		return err
	}
	return o.make(a.c, passphrase)
}

// obstacle returns what has to be asked before file is written, if anything.
func obstacle(file string, force bool) (question string, err error) {
	info, err := os.Stat(file)
	if err == nil && info.Mode().IsRegular() {
		if force {
			return "", nil
		}
		return file + " exists already. Replace it? (y/n) ", nil
	}
	if err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return "", err
	}
	if directory := filepath.Dir(file); !exists(directory) {
		return "Make the directory " + directory + "? (y/n) ", nil
	}
	return "", nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// yes asks on standard output and reads the answer from standard input.
func (a *answers) yes(question string) (bool, error) {
	a.c.printf("%s", question)
	line, err := a.lines.ReadString('\n')
	if err != nil && line == "" {
		return false, hint(errors.New("there is no answer on standard input"), "-f replaces existing files without asking")
	}
	return strings.TrimRight(line, "\r\n") == "y", nil
}

// passphrase asks on the terminal, or, as the reference does, on standard input where there is none.
func (a *answers) passphrase(prompt string) ([]byte, error) {
	passphrase, err := promptPassphrase(prompt)
	if !errors.Is(err, errNoTerminal) {
		return passphrase, err
	}
	a.c.say("there is no terminal; the passphrase is read from standard input")
	line, err := a.lines.ReadBytes('\n')
	if err != nil && len(line) == 0 {
		return nil, err
	}
	return []byte(strings.TrimRight(string(line), "\r\n")), nil
}
