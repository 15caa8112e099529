package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"allasfs/c4gh"
)

// rearrangeOptions are the flags of the rearrange command.
type rearrangeOptions struct {
	files fileFlags
	keys  keyFlags
	span  byteRange
}

func newRearrangeCommand(c *console) *cobra.Command {
	o := &rearrangeOptions{}
	cmd := &cobra.Command{
		Use:   "rearrange [flags] --range a-b [FILE|DIR... -o OUT]",
		Short: "Keep only a range of encrypted files, still encrypted",
		Long: "Copy encrypted files without decrypting them, but only the segments that hold the range; an edit list hides\n" +
			"the rest of these. Whoever can read the result can uncover up to 65535 bytes on either side of the range.",
		Example: "  allasfs rearrange --sk my.key --range 1000000-2000000 reads.bam.c4gh -o part.c4gh",
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.span.value == nil {
				return usage(cmd, errors.New("there is no --range to keep"))
			}
			protectSecrets()
			o.keys.warn = c.say
			return runRearrange(c, o, args)
		},
	}
	flags := cmd.Flags()
	o.files.register(flags)
	o.keys.register(flags)
	flags.Var(&o.span, "range", "keep only the plaintext bytes from a up to, and without, b; a- is for all from a")
	return cmd
}

func runRearrange(c *console, o *rearrangeOptions, args []string) error {
	keys, err := o.keys.loadSome()
	if err != nil {
		return err
	}
	defer wipe(keys)
	v := &conversion{
		convert: func(dst io.Writer, src io.Reader, _ int) error {
			return c4gh.Rearrange(dst, src, keys, c4gh.RearrangeOptions{Range: o.span.value})
		},
		rename: sameName, done: "rearranged", enough: readerGone,
	}
	return v.run(c, &o.files, args)
}

func sameName(name string) string { return name }
