package main

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"regexp"
	"slices"
	"strconv"

	"github.com/spf13/pflag"

	"allasfs/c4gh"
)

const referenceSynopsis = `Usage: crypt4gh [-hv] [--log FILE] COMMAND < input > output
  crypt4gh encrypt [--sk FILE] --recipient_pk FILE... [--range START-END] [--header FILE]
  crypt4gh decrypt [--sk FILE] [--sender_pk FILE] [--range START-END]
  crypt4gh rearrange [--sk FILE] --range START-END
  crypt4gh reencrypt [--sk FILE] --recipient_pk FILE... [--trim] [--header-only]`

// referenceCommand is a command line of crypt4gh.
type referenceCommand struct {
	*referenceFlags
	recipients       []string
	sender, header   once
	span             once
	trim, headerOnly bool
}

// referenceCrypt is the reference's program crypt4gh.
func referenceCrypt(c *console, args []string) error {
	f := &referenceCommand{referenceFlags: newReferenceFlags(referenceName)}
	f.StringArrayVar(&f.recipients, "recipient_pk", nil, "public key `file` of a recipient; may be given several times")
	f.Var(&f.sender, "sender_pk", "public key `file` of the writer")
	f.Var(&f.span, "range", "START-END: END-START-1 bytes from START on")
	f.Var(&f.header, "header", "`file` for the header")
	f.BoolVarP(&f.trim, "trim", "t", false, "drop header packets that can't be opened")
	f.BoolVar(&f.headerOnly, "header-only", false, "the input is a header alone")
	rest, done, err := f.parse(c, args, referenceSynopsis)
	if done || err != nil {
		return err
	}
	v, err := f.conversion(rest)
	if err != nil {
		return err
	}
	protectSecrets()
	return v(c)
}

// conversion returns what the command named in the arguments does, if its flags are its own.
func (f *referenceCommand) conversion(args []string) (func(*console) error, error) {
	if len(args) != 1 {
		return nil, f.usage(fmt.Errorf("wrong number of arguments: %d", len(args)), referenceSynopsis)
	}
	var run func(*console) error
	var flags, needed []string
	switch args[0] {
	case "encrypt":
		run, flags, needed = f.encrypt, []string{"recipient_pk", "range", "header"}, []string{"recipient_pk"}
	case "decrypt":
		run, flags = f.decrypt, []string{"sender_pk", "range"}
	case "rearrange":
		run, flags, needed = f.rearrange, []string{"range"}, []string{"range"}
	case "reencrypt":
		run, flags, needed = f.reencrypt, []string{"recipient_pk", "trim", "header-only"}, []string{"recipient_pk"}
	default:
		return nil, f.usage(fmt.Errorf("there is no command %q", args[0]), referenceSynopsis)
	}
	return run, f.check(args[0], append(flags, "sk", "log"), needed)
}

// check refuses flags of other commands, and wants those that are needed.
func (f *referenceCommand) check(command string, flags, needed []string) (err error) {
	f.Visit(func(flag *pflag.Flag) {
		if !slices.Contains(flags, flag.Name) {
			err = f.usage(fmt.Errorf("%s has no flag --%s", command, flag.Name), referenceSynopsis)
		}
	})
	for _, name := range needed {
		if !f.Changed(name) {
			err = f.usage(fmt.Errorf("%s needs --%s", command, name), referenceSynopsis)
		}
	}
	return err
}

func (f *referenceCommand) encrypt(c *console) error {
	span, err := referenceRange(f.span)
	if err != nil {
		return err
	}
	o := c4gh.EncryptOptions{Range: span}
	if file := f.secretFile(); file != "" {
		if o.Writer, err = loadReferenceKey(c, file); err != nil {
			return err
		}
		defer o.Writer.Wipe()
	}
	if o.Recipients, err = f.loadRecipients(c); err != nil {
		return err
	}
	v := &conversion{done: "encrypted", rename: sameName, fromPlain: true}
	if f.header.given {
		own := &encryptOptions{header: f.header.value, files: fileFlags{force: true}}
		return v.withHeader(c, own, o, nil)
	}
	v.convert = encryptWith(o)
	return v.run(c, &fileFlags{}, nil)
}

func (f *referenceCommand) decrypt(c *console) error {
	o := c4gh.DecryptOptions{}
	if f.sender.given {
		sender, err := loadPublicKey(expandHome(f.sender.value))
		if err != nil {
			return err
		}
		o.Writer = &sender
	}
	var err error
	if o.Range, err = referenceRange(f.span); err != nil {
		return err
	}
	return f.withKey(c, "decrypted", true, func(dst io.Writer, src io.Reader, key *c4gh.SecretKey) error {
		return decrypt(dst, src, []*c4gh.SecretKey{key}, o, 0)
	})
}

func (f *referenceCommand) rearrange(c *console) error {
	span, err := referenceRange(f.span)
	if err != nil {
		return err
	}
	return f.withKey(c, "rearranged", false, func(dst io.Writer, src io.Reader, key *c4gh.SecretKey) error {
		return c4gh.Rearrange(dst, src, []*c4gh.SecretKey{key}, c4gh.RearrangeOptions{Range: span})
	})
}

func (f *referenceCommand) reencrypt(c *console) error {
	recipients, err := f.loadRecipients(c)
	if err != nil {
		return err
	}
	return f.withKey(c, "reencrypted", false, func(dst io.Writer, src io.Reader, key *c4gh.SecretKey) error {
		return c4gh.Reencrypt(dst, src, []*c4gh.SecretKey{key}, c4gh.ReencryptOptions{
			Writer: key, Recipients: recipients, Trim: f.trim, HeaderOnly: f.headerOnly,
		})
	})
}

// withKey converts standard input to standard output with the secret key.
func (f *referenceCommand) withKey(c *console, done string, toPlain bool, convert func(io.Writer, io.Reader, *c4gh.SecretKey) error) error {
	file, err := referenceDefault(f.secret, "C4GH_SECRET_KEY", "key")
	if err != nil {
		return err
	}
	key, err := loadReferenceKey(c, file)
	if err != nil {
		return err
	}
	defer key.Wipe()
	v := &conversion{done: done, rename: sameName, toPlain: toPlain}
	v.convert = func(dst io.Writer, src io.Reader, _ int) error { return convert(dst, src, key) }
	return v.run(c, &fileFlags{}, nil)
}

// secretFile returns the file of the writer's key, or nothing for a fresh key.
func (f *referenceCommand) secretFile() string {
	if f.secret.given {
		return f.secret.value
	}
	return os.Getenv("C4GH_SECRET_KEY")
}

// loadRecipients passes over files that don't exist, as long as there is one that does.
func (f *referenceCommand) loadRecipients(c *console) (keys []c4gh.PublicKey, err error) {
	for _, file := range f.recipients {
		key, err := loadPublicKey(expandHome(file))
		if errors.Is(err, iofs.ErrNotExist) {
			c.say("%v; nothing is encrypted for it", err)
			continue
		}
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("none of the recipients' public keys was found")
	}
	return keys, nil
}

// referenceRange reads a range as the reference does. It has END-START-1 bytes, one fewer than the reference's help
// says. What follows the second number is ignored. Where the reference would go wrong without END, or with one that
// isn't behind START, this is an error.
func referenceRange(flag once) (*c4gh.Range, error) {
	if !flag.given {
		return nil, nil
	}
	m := regexp.MustCompile(`^(\d+)-(\d+)`).FindStringSubmatch(flag.value)
	if m == nil {
		return nil, hint(fmt.Errorf("invalid range: %s", flag.value), "a range is START-END, two byte offsets")
	}
	// What is too large for an int64 becomes the largest one, which is as good an end.
	start, _ := strconv.ParseInt(m[1], 10, 64)
	end, _ := strconv.ParseInt(m[2], 10, 64)
	if end-1 <= start {
		return nil, hint(fmt.Errorf("invalid range: %s", flag.value), "a range has END-START-1 bytes, which must be more than 0")
	}
	return &c4gh.Range{From: start, To: end - 1}, nil
}
