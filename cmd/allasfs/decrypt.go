package main

import (
	"errors"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"allasfs/c4gh"
	"allasfs/fs"
)

// decryptOptions are the flags of the decrypt command.
type decryptOptions struct {
	files  fileFlags
	keys   keyFlags
	writer string
	span   byteRange
}

func newDecryptCommand(c *console) *cobra.Command {
	o := &decryptOptions{}
	cmd := &cobra.Command{
		Use:   "decrypt [flags] [FILE|DIR... -o OUT]",
		Short: "Decrypt standard input, files, or directories",
		Long: "Decrypt standard input to standard output, or files and whole directories into OUT, with .c4gh dropped\n" +
			"from their names. Only what proves authentic is written.",
		Example: "  allasfs decrypt --sk my.key reads.bam.c4gh -o reads.bam\n  allasfs decrypt --sk my.key encrypted/ -o runs/",
		RunE: func(cmd *cobra.Command, args []string) error {
			protectSecrets()
			o.keys.warn = c.say
			return runDecrypt(c, o, args)
		},
	}
	flags := cmd.Flags()
	o.files.register(flags)
	o.keys.register(flags)
	flags.StringVar(&o.writer, "sender_pk", "", "public key `file` of the writer: what others wrote is refused")
	alias(flags, "sender-pk", "sender_pk")
	flags.Var(&o.span, "range", "decrypt only the plaintext bytes from a up to, and without, b; a- is for all from a")
	return cmd
}

func runDecrypt(c *console, o *decryptOptions, args []string) error {
	options := c4gh.DecryptOptions{Range: o.span.value}
	if o.writer != "" {
		writer, err := loadPublicKey(o.writer)
		if err != nil {
			return err
		}
		options.Writer = &writer
	}
	keys, err := o.keys.loadSome()
	if err != nil {
		return err
	}
	defer wipe(keys)
	v := &conversion{
		convert: func(dst io.Writer, src io.Reader, workers int) error {
			return decrypt(dst, src, keys, options, workers)
		},
		rename: func(name string) string { return withoutSuffix(name) }, done: "decrypted",
		toPlain: true, enough: readerGone,
	}
	return v.run(c, &o.files, args)
}

func decrypt(dst io.Writer, src io.Reader, keys []*c4gh.SecretKey, o c4gh.DecryptOptions, workers int) error {
	o.Workers = workers
	_, err := c4gh.Decrypt(dst, src, keys, o)
	if o.Writer != nil && errors.Is(err, c4gh.ErrNoKey) {
		return &hinted{err, "it was encrypted for others, or not by the owner of the key given with --sender_pk", exitKey}
	}
	return err
}

// withoutSuffix drops the suffix unless there is nothing else.
func withoutSuffix(name string) string {
	if filepath.Base(name) == fs.Suffix {
		return name
	}
	return strings.TrimSuffix(name, fs.Suffix)
}
