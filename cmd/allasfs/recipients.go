package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"allasfs/c4gh"
)

// cscKey is the public key, version 1, of CSC's sensitive data services, as published in its user guide
// (https://docs.csc.fi/data/sensitive-data/). Those services can read what is encrypted for it.
const (
	cscName = "csc"
	cscKey  = "dmku3fKA/wrOpWntUTkkoQvknjZDisdmSwU4oFk/on0="
)

// recipientFlags say whom to encrypt for.
type recipientFlags struct {
	files []string
}

func (f *recipientFlags) register(flags *pflag.FlagSet) {
	flags.StringArrayVar(&f.files, "pk", nil,
		"public key `file` of a recipient, or csc for CSC's sensitive data services; may be given several times (default $C4GH_PUBLIC_KEY or ~/.c4gh/key.pub)")
	alias(flags, "recipient_pk", "pk")
}

// alias lets a flag be given under another name as well.
func alias(flags *pflag.FlagSet, other, name string) {
	before := flags.GetNormalizeFunc()
	flags.SetNormalizeFunc(func(flags *pflag.FlagSet, given string) pflag.NormalizedName {
		if given == other {
			return pflag.NormalizedName(name)
		}
		return before(flags, given)
	})
}

// load returns the recipients; there is at least one.
func (f *recipientFlags) load() ([]c4gh.PublicKey, error) {
	files := f.files
	if len(files) == 0 {
		file, err := defaultKeyFile("C4GH_PUBLIC_KEY", "key.pub")
		if err != nil {
			return nil, err
		}
		files = []string{file}
	}
	keys := make([]c4gh.PublicKey, 0, len(files))
	for _, file := range files {
		key, err := loadPublicKey(file)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// loadPublicKey reads a public key file, or the one key that has a name.
func loadPublicKey(file string) (c4gh.PublicKey, error) {
	if file == cscName {
		return c4gh.ParsePublicKey([]byte("-----BEGIN CRYPT4GH PUBLIC KEY-----\n" + cscKey + "\n-----END CRYPT4GH PUBLIC KEY-----\n"))
	}
	data, err := readKeyFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return c4gh.PublicKey{}, &hinted{fmt.Errorf("public key %s: %w", file, fs.ErrNotExist), "name the recipient's public key file with --pk", exitKey}
	}
	if err != nil {
		return c4gh.PublicKey{}, fmt.Errorf("public key: %w", err)
	}
	defer clear(data) // it may be a secret key, given by mistake
	key, err := c4gh.ParsePublicKey(data)
	if err != nil {
		return key, fmt.Errorf("public key %s: %w", file, err)
	}
	return key, nil
}

// defaultKeyFile returns the file that the environment names, or the one in ~/.c4gh, whether it exists or not.
func defaultKeyFile(variable, name string) (string, error) {
	if file := os.Getenv(variable); file != "" {
		return file, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", hint(err, "set HOME or %s", variable)
	}
	return filepath.Join(home, ".c4gh", name), nil
}
