package main

import (
	"bytes"
	"errors"
	"os"
)

// newPassphrase returns the passphrase for a secret key that is yet to be written: from the file that was named, the
// environment, or the terminal, where it is asked twice. An empty one leaves the key unlocked.
func (o *keygenOptions) newPassphrase() ([]byte, error) {
	if o.keys.passphraseFile != "" {
		return o.keys.readPassphraseFile()
	}
	if p := os.Getenv("C4GH_PASSPHRASE"); p != "" && o.ask == nil {
		return []byte(p), nil
	}
	return o.askTwice()
}

var errMismatch = errors.New("the two passphrases are not the same")

// askTwice asks for a new passphrase, on the terminal unless the options say how.
func (o *keygenOptions) askTwice() ([]byte, error) {
	ask := o.ask
	if ask == nil {
		ask = promptPassphrase
	}
	first, err := ask("New passphrase for " + o.secret + " (empty for none): ")
	if err != nil {
		return nil, err
	}
	second, err := ask("The same again: ")
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
