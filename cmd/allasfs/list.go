package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"allasfs/fs"
)

// listOptions are the flags of the ls command.
type listOptions struct {
	store   storeFlags
	keys    keyFlags
	long    bool
	showAll bool
}

func newListCommand(c *console) *cobra.Command {
	o := &listOptions{}
	cmd := &cobra.Command{
		Use:   "ls [flags] [SOURCE]",
		Short: "List buckets or objects, without a mount, as a mount would show them",
		Args:  arguments(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			spec := "s3://"
			if len(args) == 1 {
				spec = args[0]
			}
			return runList(cmd.Context(), c, o, spec)
		},
	}
	o.store.register(cmd.Flags())
	o.keys.register(cmd.Flags())
	cmd.Flags().BoolVarP(&o.long, "long", "l", false, "show plaintext sizes and times too; reads the header of each encrypted object")
	cmd.Flags().BoolVar(&o.showAll, "show-all", false, "list *_segments buckets and *_ameta objects too")
	return cmd
}

func runList(ctx context.Context, c *console, o *listOptions, spec string) error {
	src, err := parseSource(spec)
	if err != nil {
		return err
	}
	if err := o.store.checkProfiles(src); err != nil {
		return err
	}
	options := fs.TreeOptions{Root: src.directoryPlace(), Profiles: o.store.several(), ShowAll: o.showAll}
	if o.long {
		o.keys.warn = c.say
		if options.Keys, err = o.keys.load(); err != nil {
			return err
		}
	}
	store, err := o.store.open(ctx, src, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	tree := fs.NewTree(store, options)
	defer tree.Close()
	listing := tree.List(tree.Root())
	for i := 0; ; i++ {
		entry, err := listing.At(ctx, i)
		if err != nil {
			return o.store.about(src, err)
		}
		if entry == nil {
			return nil
		}
		if !entry.Hidden {
			c.printf("%s\n", o.line(ctx, listing, i, entry))
		}
	}
}

// line formats one entry. A header that can't be read costs the size of that entry and nothing else.
func (o *listOptions) line(ctx context.Context, l *fs.Listing, i int, e *fs.Entry) string {
	name := e.Name
	if e.Dir {
		name += "/"
	}
	if !o.long {
		return name
	}
	if e.Dir {
		return fmt.Sprintf("%10s  %-16s  %s", "-", "", name)
	}
	size, note := "?", ""
	content, err := l.Content(ctx, i)
	if err == nil {
		size, err = humanize.IBytes(uint64(content.Size)), content.Err
	}
	if err != nil {
		note = "  (" + oneLine(shortCause(err)) + ")"
	}
	return fmt.Sprintf("%10s  %s  %s%s", size, e.Object.Modified.Local().Format("2006-01-02 15:04"), name, note)
}

func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }
