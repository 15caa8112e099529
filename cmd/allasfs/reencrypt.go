package main

import (
	"io"

	"github.com/spf13/cobra"

	"allasfs/c4gh"
)

// reencryptOptions are the flags of the reencrypt command.
type reencryptOptions struct {
	files      fileFlags
	keys       keyFlags
	recipients recipientFlags
	trim       bool
	headerOnly bool
}

func newReencryptCommand(c *console) *cobra.Command {
	o := &reencryptOptions{}
	cmd := &cobra.Command{
		Use:   "reencrypt [flags] [FILE|DIR... -o OUT]",
		Short: "Give encrypted files other recipients",
		Long: "Copy encrypted files with a new header: the recipients named here take the place of the secret key's owner.\n" +
			"The data is copied as it is, so whoever could read the file before and kept a copy of it still can.",
		Example: "  allasfs reencrypt --sk my.key --pk my.pub --pk ann.pub reads.bam.c4gh -o for-ann.c4gh",
		RunE: func(cmd *cobra.Command, args []string) error {
			protectSecrets()
			o.keys.warn = c.say
			return runReencrypt(c, o, args)
		},
	}
	flags := cmd.Flags()
	o.files.register(flags)
	o.keys.register(flags)
	o.recipients.register(flags)
	flags.BoolVarP(&o.trim, "trim", "t", false, "drop other recipients' header packets")
	flags.BoolVar(&o.headerOnly, "header-only", false, "write the new header alone")
	return cmd
}

func runReencrypt(c *console, o *reencryptOptions, args []string) error {
	recipients, err := o.recipients.load()
	if err != nil {
		return err
	}
	keys, err := o.keys.loadSome()
	if err != nil {
		return err
	}
	defer wipe(keys)
	v := &conversion{
		convert: func(dst io.Writer, src io.Reader, _ int) error {
			return c4gh.Reencrypt(dst, src, keys, c4gh.ReencryptOptions{
				Writer: keys[0], Recipients: recipients, Trim: o.trim, HeaderOnly: o.headerOnly,
			})
		},
		rename: sameName, done: "reencrypted", enough: readerGone,
	}
	return v.run(c, &o.files, args)
}
