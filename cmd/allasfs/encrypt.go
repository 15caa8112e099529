package main

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"allasfs/c4gh"
	"allasfs/fs"
)

// encryptOptions are the flags of the encrypt command.
type encryptOptions struct {
	files      fileFlags
	writer     keyFlags
	recipients recipientFlags
	span       byteRange
	header     string
}

func newEncryptCommand(c *console) *cobra.Command {
	o := &encryptOptions{}
	cmd := &cobra.Command{
		Use:   "encrypt [flags] [FILE|DIR... -o OUT]",
		Short: "Encrypt standard input, files, or directories",
		Long: "Encrypt standard input to standard output, or files and whole directories into OUT, with .c4gh added to\n" +
			"their names. Only the recipients' secret keys open the result.",
		Example: "  allasfs encrypt --pk ann.pub --pk csc reads.bam -o reads.bam.c4gh\n  allasfs encrypt --pk ann.pub runs/ -o encrypted/",
		RunE: func(cmd *cobra.Command, args []string) error {
			protectSecrets()
			o.writer.warn = c.say
			return runEncrypt(c, o, args)
		},
	}
	flags := cmd.Flags()
	o.files.register(flags)
	flags.StringArrayVar(&o.writer.files, "sk", nil, "secret key `file` of the writer (default a fresh key that nobody keeps)")
	flags.StringVar(&o.writer.passphraseFile, "passphrase-file", "", "`file` whose first line is the passphrase of the secret key")
	o.recipients.register(flags)
	flags.Var(&o.span, "range", "encrypt only the bytes from a up to, and without, b; a- is for all from a")
	flags.StringVar(&o.header, "header", "", "`file` for the header; the result then holds the rest alone")
	return cmd
}

func runEncrypt(c *console, o *encryptOptions, args []string) error {
	recipients, err := o.recipients.load()
	if err != nil {
		return err
	}
	options := c4gh.EncryptOptions{Recipients: recipients, Range: o.span.value}
	if options.Writer, err = o.writer.loadWriter(); err != nil {
		return err
	}
	if options.Writer != nil {
		defer options.Writer.Wipe()
	}
	v := &conversion{
		rename: func(name string) string { return name + fs.Suffix }, done: "encrypted", fromPlain: true, enough: readerGone,
	}
	if o.header != "" {
		return v.withHeader(c, o, options, args)
	}
	v.convert = encryptWith(options)
	return v.run(c, &o.files, args)
}

// encryptWith returns encryption as a conversion.
func encryptWith(o c4gh.EncryptOptions) func(io.Writer, io.Reader, int) error {
	return func(dst io.Writer, src io.Reader, workers int) error {
		o := o
		o.Workers = workers
		_, err := c4gh.Encrypt(dst, src, o)
		return err
	}
}

// withHeader encrypts one stream and puts its header into a file of its own.
func (v *conversion) withHeader(c *console, o *encryptOptions, options c4gh.EncryptOptions, args []string) error {
	if len(args) > 1 || len(args) == 1 && isDir(args[0]) {
		return &hinted{errors.New("--header is for a single file"), "encrypt one file at a time", exitKey}
	}
	header, err := v.outputs.create(o.header, 0o666, o.files.force)
	if err != nil {
		return err
	}
	defer header.discard()
	options.Header = header
	v.convert = encryptWith(options)
	if err := v.run(c, &o.files, args); err != nil {
		return err
	}
	return header.commit()
}

// loadWriter returns the secret key to make header packets with, or nil for a fresh one. The default key isn't taken:
// encrypting for others should ask for no passphrase.
func (f *keyFlags) loadWriter() (*c4gh.SecretKey, error) {
	file := os.Getenv("C4GH_SECRET_KEY")
	if len(f.files) > 0 {
		file = f.files[len(f.files)-1]
	}
	if file == "" {
		return nil, nil
	}
	return f.loadOne(file)
}
