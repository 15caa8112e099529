package main

import (
	"bytes"
	"fmt"
	"path/filepath"

	"allasfs/c4gh"
)

// relockKey writes the secret key again, with another passphrase or none. The key remains the same.
func (o *keygenOptions) relockKey(c *console) error {
	if err := checkRelockable(o.secret); err != nil {
		return err
	}
	key, err := o.keys.loadOne(o.secret)
	if err != nil {
		return err
	}
	defer key.Wipe()
	passphrase, err := o.relockPassphrase(c)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	if o.comment == "" {
		o.comment = key.Comment()
	}
	if err := o.saveRelocked(key, passphrase); err != nil {
		return err
	}
	c.say("the secret key in %s is locked anew; copies of the file still open with the passphrase of before", o.secret)
	return nil
}

// relockPassphrase asks for the new passphrase, always on the terminal: the file and the environment have the old one.
func (o *keygenOptions) relockPassphrase(c *console) ([]byte, error) {
	if o.open {
		return nil, nil
	}
	passphrase, err := o.askTwice()
	if err == nil && len(passphrase) == 0 {
		c.say("no passphrase: whoever gets hold of %s can use the key", o.secret)
	}
	return passphrase, err
}

func (o *keygenOptions) saveRelocked(key *c4gh.SecretKey, passphrase []byte) error {
	data, err := key.Marshal(c4gh.KeyOptions{Passphrase: passphrase, Comment: o.comment})
	if err != nil {
		return err
	}
	defer clear(data)
	file, err := filepath.EvalSymlinks(o.secret)
	if err != nil {
		return err
	}
	files := &outputs{}
	f, err := files.write(file, secretKeyMode, true, data)
	if err != nil {
		return err
	}
	return f.commit()
}

// checkRelockable refuses keys of other kinds: an OpenSSH key that became a Crypt4GH key couldn't be used with ssh any
// more, and there is no way back.
func checkRelockable(file string) error {
	data, err := readKeyFile(file)
	if err != nil {
		return nil // loading it will tell
	}
	defer clear(data)
	if bytes.Contains(data, []byte("CRYPT4GH")) || bytes.Contains(data, []byte("BEGIN ENCRYPTED PRIVATE KEY")) {
		return nil
	}
	return hint(fmt.Errorf("%s is not a Crypt4GH key", file), "only those can be relocked; the tool that made it can change its passphrase")
}
