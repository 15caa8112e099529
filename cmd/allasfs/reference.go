package main

import (
	"bytes"
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"allasfs/c4gh"
)

// Under the names of the reference implementation's programs (crypt4gh 1.8.6) this one takes their command lines and
// ends with their exit statuses. docs/crypt4gh.md lists what remains different.
const (
	referenceName       = "crypt4gh"
	referenceKeygenName = "crypt4gh-keygen"
)

// referenceRun runs the program as one of the reference's, and returns the exit status; false for another name.
func referenceRun(c *console, name string, args []string) (status int, ok bool) {
	var err error
	switch name {
	case referenceName:
		err = referenceCrypt(c, args)
	case referenceKeygenName:
		err = referenceKeygen(c, args)
	default:
		return 0, false
	}
	if err == nil {
		return 0, true
	}
	status = c.fail(err)
	var told *toldError
	var key *unusableKey
	if !errors.As(err, &told) && !errors.As(err, &key) {
		status = exitError // the reference has 2 for secret keys alone
	}
	return status, true
}

// unusableKey is an error of a secret key file that has the form of one, or of its passphrase.
type unusableKey struct{ error }

func (e *unusableKey) Unwrap() error { return e.error }

// referenceFlags are the flags of either program.
type referenceFlags struct {
	*pflag.FlagSet
	log, secret   once
	help, version bool
}

// newReferenceFlags returns a set with the flags that both programs have. Their names may be shortened, and flags may
// stand anywhere among the arguments.
func newReferenceFlags(name string) *referenceFlags {
	f := &referenceFlags{FlagSet: pflag.NewFlagSet(name, pflag.ContinueOnError)}
	f.FlagSet.Usage = func() {}
	f.BoolVarP(&f.help, "help", "h", false, "print this help")
	f.BoolVarP(&f.version, "version", "v", false, "print the version")
	f.Var(&f.log, "log", "accepted, but without effect")
	f.Var(&f.secret, "sk", "secret key `file`")
	return f
}

// once is a flag that may be given once.
type once struct {
	value string
	given bool
}

func (o *once) Set(s string) error {
	if o.given {
		return errors.New("it was given before")
	}
	o.value, o.given = s, true
	return nil
}

func (o *once) String() string { return o.value }
func (o *once) Type() string   { return "file" }

// parse reads the arguments and deals with what both programs do alike; done says that there is nothing more to do.
func (f *referenceFlags) parse(c *console, args []string, synopsis string) (rest []string, done bool, err error) {
	f.allowShort()
	if err := f.FlagSet.Parse(args); err != nil {
		return nil, false, f.usage(err, synopsis)
	}
	switch {
	case f.help:
		c.printf("%s\n\nFlags:\n%s", synopsis, f.FlagUsages())
		return nil, true, nil
	case f.version:
		c.printf("%s 1.8.6, as allasfs %s has it\n", f.Name(), version)
		return nil, true, nil
	}
	if f.log.given || os.Getenv("C4GH_LOG") != "" {
		c.say("--log and C4GH_LOG do nothing here: they describe loggers of Python")
	}
	return f.Args(), false, nil
}

// allowShort lets flags be given by the beginning of their names, as far as that is clear.
func (f *referenceFlags) allowShort() {
	var names []string
	f.VisitAll(func(flag *pflag.Flag) { names = append(names, flag.Name) })
	f.SetNormalizeFunc(func(_ *pflag.FlagSet, given string) pflag.NormalizedName {
		matches := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, given) })
		if len(matches) == 1 && !slices.Contains(names, given) {
			given = matches[0]
		}
		return pflag.NormalizedName(given)
	})
}

func (f *referenceFlags) usage(err error, synopsis string) error {
	return hint(err, "%s", strings.ReplaceAll(synopsis, "\n", "\nallasfs: "))
}

// loadReferenceKey loads a secret key as the reference does: one that everybody can read is good enough, and what goes
// wrong has statuses of its own.
func loadReferenceKey(c *console, file string) (*c4gh.SecretKey, error) {
	file = expandHome(file)
	flags := keyFlags{warn: c.say, lenient: true}
	key, err := flags.loadOne(file)
	if err == nil || errors.Is(err, iofs.ErrNotExist) {
		return key, err
	}
	if errors.Is(err, c4gh.ErrPassphrase) || errors.Is(err, c4gh.ErrNotKey) && hasKeyForm(file) {
		err = &unusableKey{err}
	}
	return nil, err
}

// hasKeyForm tells whether a file has the form of a key that the reference knows, whatever is wrong with it.
func hasKeyForm(file string) bool {
	const c4ghStart, opensshStart = "YzRnaC12M", "b3BlbnNzaC1rZXktdjEA" // base64 of the magic bytes
	data, err := readKeyFile(file)
	defer clear(data)
	return err == nil && (bytes.Contains(data, []byte(c4ghStart)) || bytes.Contains(data, []byte(opensshStart)))
}

// expandHome replaces a "~" that the shell has left.
func expandHome(file string) string {
	rest, ok := strings.CutPrefix(file, "~/")
	home, err := os.UserHomeDir()
	if !ok || err != nil {
		return file
	}
	return filepath.Join(home, rest)
}

// referenceDefault returns a flag's value, or that of a variable, or a file in ~/.c4gh.
func referenceDefault(flag once, variable, name string) (string, error) {
	if flag.given {
		return expandHome(flag.value), nil
	}
	file, err := defaultKeyFile(variable, name)
	if err != nil {
		return "", fmt.Errorf("no default for the key's file: %w", err)
	}
	return expandHome(file), nil
}
