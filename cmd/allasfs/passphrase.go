package main

import (
	"bytes"
	"errors"
	"os"
)

// newPassphrase returns the passphrase for a secret key that is yet to be written: from the file that was named, the
// environment, or the terminal, where it is asked twice. An empty one leaves the key unlocked.
func (f *keyFlags) newPassphrase(keyFile string) ([]byte, error) {
	if f.passphraseFile != "" {
		return f.readPassphraseFile()
	}
	if p := os.Getenv("C4GH_PASSPHRASE"); p != "" {
		return []byte(p), nil
	}
	return askTwice(keyFile)
}

var errMismatch = errors.New("the two passphrases are not the same")

func askTwice(keyFile string) ([]byte, error) {
	first, err := promptPassphrase("New passphrase for " + keyFile + " (empty for none): ")
	if err != nil {
		return nil, err
	}
	second, err := promptPassphrase("The same again: ")
	defer clear(second)
	if err == nil && !bytes.Equal(first, second) {
		err = hint(errMismatch, "nothing was written; try again")
	}
	if err != nil {
		clear(first)
		return nil, err
	}
	return first, nil
}
