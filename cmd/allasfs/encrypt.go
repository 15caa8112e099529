package main

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"allasfs/c4gh"
)

// suffix is what the name of an encrypted file ends with.
const suffix = ".c4gh"

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
	v := conversion{
		convert: func(dst io.Writer, src io.Reader, workers int) error {
			options := options
			options.Workers = workers
			_, err := c4gh.Encrypt(dst, src, options)
			return err
		},
		rename: func(name string) string { return name + suffix }, done: "encrypted",
		fileMode: 0o666, dirMode: 0o777,
	}
	return runConversion(c, &o.files, v, args)
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
