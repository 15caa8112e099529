package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"allasfs/c4gh"
)

// Modes of key files, as the reference tool has them.
const (
	secretKeyMode = 0o400
	publicKeyMode = 0o644
)

// keygenOptions are the flags of the keygen command.
type keygenOptions struct {
	secret, public string
	keys           keyFlags // its passphrase file
	comment        string
	force          bool
	open           bool // not locked by a passphrase

	print, check, relock bool

	// ask asks for a passphrase; nil for the terminal, after the file and the environment.
	ask func(prompt string) ([]byte, error)
}

func newKeygenCommand(c *console) *cobra.Command {
	o := &keygenOptions{}
	cmd := &cobra.Command{
		Use:   "keygen [flags]",
		Short: "Make a key pair",
		Long: "Make a Crypt4GH key pair. The secret key is locked with a passphrase, which is asked for twice on the\n" +
			"terminal unless --passphrase-file or C4GH_PASSPHRASE has it.",
		Example: "  allasfs keygen\n  allasfs keygen --sk my.key --pk my.pub\n  allasfs keygen -y --sk my.key > my.pub",
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			protectSecrets()
			o.keys.warn = c.say
			return o.run(c)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.secret, "sk", "", "secret key `file` (default $C4GH_SECRET_KEY or ~/.c4gh/key)")
	flags.StringVar(&o.public, "pk", "", "public key `file` (default the secret key's name with .pub, or $C4GH_PUBLIC_KEY or ~/.c4gh/key.pub)")
	flags.StringVar(&o.keys.passphraseFile, "passphrase-file", "", "`file` whose first line is the passphrase")
	flags.StringVarP(&o.comment, "comment", "C", "", "comment to store in the secret key's file, in clear")
	flags.BoolVarP(&o.force, "force", "f", false, "replace existing key files")
	flags.BoolVar(&o.open, "nocrypt", false, "don't lock the secret key with a passphrase")
	flags.BoolVarP(&o.print, "print-public", "y", false, "print the public key of the secret key --sk, and make none")
	flags.BoolVar(&o.check, "check", false, "tell whether --sk and --pk belong together, and make none")
	flags.BoolVar(&o.relock, "relock", false, "lock the secret key --sk with a new passphrase, and make none")
	cmd.MarkFlagsMutuallyExclusive("print-public", "check", "relock")
	return cmd
}

func (o *keygenOptions) run(c *console) error {
	if err := o.setDefaults(); err != nil {
		return err
	}
	switch {
	case o.print:
		return o.printPublic(c)
	case o.check:
		return o.checkPair(c)
	case o.relock:
		return o.relockKey(c)
	}
	return o.generate(c)
}

// setDefaults names the files that the flags don't.
func (o *keygenOptions) setDefaults() (err error) {
	if o.public == "" && o.secret != "" {
		o.public = o.secret + ".pub"
	}
	if o.secret == "" {
		if o.secret, err = defaultKeyFile("C4GH_SECRET_KEY", "key"); err != nil {
			return err
		}
	}
	if o.public == "" {
		o.public, err = defaultKeyFile("C4GH_PUBLIC_KEY", "key.pub")
	}
	return err
}

func (o *keygenOptions) printPublic(c *console) error {
	key, err := o.keys.loadOne(o.secret)
	if err != nil {
		return err
	}
	defer key.Wipe()
	c.printf("%s", key.Public().Marshal())
	return nil
}

func (o *keygenOptions) checkPair(c *console) error {
	public, err := loadPublicKey(o.public)
	if err != nil {
		return err
	}
	key, err := o.keys.loadOne(o.secret)
	if err != nil {
		return err
	}
	defer key.Wipe()
	if key.Public() != public {
		return hint(fmt.Errorf("%s is not the public key of %s", o.public, o.secret),
			"'allasfs keygen -y --sk %s' prints the right one", o.secret)
	}
	c.say("%s and %s belong together", o.secret, o.public)
	return nil
}

// generate makes a new key pair.
func (o *keygenOptions) generate(c *console) error {
	if err := o.prepare(); err != nil {
		return err
	}
	passphrase, err := o.passphrase(c)
	if err != nil {
		return err
	}
	defer clear(passphrase)
	return o.make(c, passphrase)
}

// make makes the key pair and tells where it is.
func (o *keygenOptions) make(c *console, passphrase []byte) error {
	key, err := c4gh.GenerateKey()
	if err != nil {
		return err
	}
	defer key.Wipe()
	secret, err := key.Marshal(c4gh.KeyOptions{Passphrase: passphrase, Comment: o.comment})
	if err != nil {
		return err
	}
	defer clear(secret)
	if err := o.save(secret, key.Public().Marshal()); err != nil {
		return err
	}
	c.say("the secret key is in %s; keep it to yourself, and keep a copy: nothing else opens what is encrypted for it", o.secret)
	c.say("the public key is in %s; give it to whoever encrypts for you", o.public)
	return nil
}

// prepare finds out what stands in the way before anybody is asked for a passphrase, and makes the directories.
func (o *keygenOptions) prepare() error {
	if filepath.Clean(o.secret) == filepath.Clean(o.public) {
		return errors.New("secret and public key can't have the same file")
	}
	for _, file := range []string{o.secret, o.public} {
		if err := o.checkFree(file); err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
	}
	return nil
}

// checkFree refuses to replace a key without -f, and anything that isn't a file.
func (o *keygenOptions) checkFree(file string) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", file)
	case !o.force:
		return hint(fmt.Errorf("%s: %w", file, fs.ErrExist),
			"-f replaces it; what was encrypted for the key in it can then never be read again, unless there is a copy")
	}
	return nil
}

func (o *keygenOptions) passphrase(c *console) ([]byte, error) {
	if o.open {
		return nil, nil
	}
	passphrase, err := o.newPassphrase()
	if err == nil && len(passphrase) == 0 {
		c.say("no passphrase: whoever gets hold of %s can use the key", o.secret)
	}
	return passphrase, err
}

// save writes both files, or none.
func (o *keygenOptions) save(secret, public []byte) error {
	files := &outputs{}
	s, err := files.write(o.secret, secretKeyMode, o.force, secret)
	if err != nil {
		return fmt.Errorf("secret key: %w", err)
	}
	defer s.discard()
	p, err := files.write(o.public, publicKeyMode, o.force, public)
	if err != nil {
		return fmt.Errorf("public key: %w", err)
	}
	defer p.discard()
	if err := s.commit(); err != nil {
		return fmt.Errorf("secret key: %w", err)
	}
	if err := p.commit(); err != nil {
		if !o.force { // then the secret key's file is new as well
			os.Remove(o.secret)
		}
		return fmt.Errorf("public key: %w", err)
	}
	return nil
}
