package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"allasfs/fs"
)

// statOptions are the flags of the stat command.
type statOptions struct {
	store storeFlags
	keys  keyFlags
	json  bool
}

func newStatCommand(c *console) *cobra.Command {
	o := &statOptions{}
	cmd := &cobra.Command{
		Use:   "stat [flags] FILE|s3://BUCKET/KEY...",
		Short: "Tell what an object is and whether your keys open it",
		Long: "Tell whether a file or an object is Crypt4GH, which of your secret keys open it, how large its plaintext is,\n" +
			"and what is wrong with it. Only the header and some nonces are read; nothing is decrypted.",
		Example: "  allasfs stat reads.bam.c4gh\n  allasfs stat --json s3://run-12/reads.bam.c4gh",
		Args:    arguments(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			protectSecrets()
			o.keys.warn = c.say
			return o.run(cmd, c, args)
		},
	}
	o.store.register(cmd.Flags())
	o.keys.register(cmd.Flags())
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON object for each argument")
	return cmd
}

func (o *statOptions) run(cmd *cobra.Command, c *console, args []string) error {
	keys, err := o.keys.load()
	if err != nil {
		return err
	}
	defer wipe(keys)
	known := make([]namedKey, len(keys))
	for i, file := range o.keys.paths() {
		known[i] = namedKey{file, keys[i]}
	}
	status := 0
	for _, name := range args {
		if err := o.one(cmd, c, name, known); err != nil {
			status = c.fail(err)
		}
	}
	if status != 0 {
		return &toldError{status}
	}
	return nil
}

func (o *statOptions) one(cmd *cobra.Command, c *console, name string, keys []namedKey) error {
	object, err := o.store.openStored(cmd.Context(), name)
	if err != nil {
		return err
	}
	defer object.close()
	in, problem := inspect(name, object, keys)
	if problem != nil {
		problem = fmt.Errorf("%s: %w", name, problem)
	}
	if in == nil {
		return problem
	}
	if !o.json {
		in.print(c)
		return problem
	}
	line, err := json.Marshal(in)
	if err != nil {
		return err
	}
	c.printf("%s\n", line)
	return problem
}

// print writes an inspection for people.
func (in *inspection) print(c *console) {
	row := func(what, format string, args ...any) { c.printf("%-15s %s\n", what, fmt.Sprintf(format, args...)) }
	row("object", "%s", in.Name)
	row("size", "%s", exactSize(in.Size))
	switch {
	case in.Header != nil:
		in.Header.print(row)
	case in.Crypt4GH:
		row("crypt4gh", "yes, but damaged")
	case in.HeaderElsewhere:
		row("crypt4gh", "%v", fs.ErrHeaderElsewhere)
	default:
		row("crypt4gh", "no")
	}
	if in.PlaintextSize != nil {
		note := ""
		if in.Header != nil && !in.Header.Opened {
			note = ", unless it has an edit list, which only its recipients can see"
		}
		row("plaintext size", "%s%s", exactSize(*in.PlaintextSize), note)
	}
	if in.RepeatedNonce {
		row("fault", "a nonce is used more than once: whoever wrote it gives away how parts of it differ; encrypt it anew")
	}
}

func (f *headerFacts) print(row func(what, format string, args ...any)) {
	row("crypt4gh", "version %d, header of %d bytes with %s", f.Version, f.Size, count(f.Packets, "packet"))
	switch {
	case f.KeysTried == 0:
		row("opened by", "? (no secret key was given)")
	case len(f.OpenedBy) == 0:
		row("opened by", "none of the keys given")
	}
	for _, k := range f.OpenedBy {
		row("opened by", "%s (%s)", k.File, k.Public)
	}
	row("for others", "%s", count(f.Others, "packet"))
	if !f.Opened {
		return
	}
	row("data keys", "%d", f.DataKeys)
	row("edit list", "%s", f.edits())
}

// editsShown is how many lengths of an edit list are worth reading.
const editsShown = 20

func (f *headerFacts) edits() string {
	if f.EditList == nil {
		return "none"
	}
	list := *f.EditList
	lengths := strings.Trim(fmt.Sprint(list[:min(len(list), editsShown)]), "[]")
	if len(list) > editsShown {
		lengths += " …"
	}
	return fmt.Sprintf("%s: %s", count(len(list), "length"), lengths)
}

// exactSize writes a number of bytes for people and for comparing.
func exactSize(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprintf("%d bytes (%s)", n, size(n))
}
