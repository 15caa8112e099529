package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"allasfs/objstore/s3store"
)

// shareOptions are the flags of share and unshare.
type shareOptions struct {
	sharing
	with  string
	write bool
}

const projectHelp = "PROJECT is a project's id of 32 hexadecimal digits, or a user's ARN (arn:aws:iam:::user/UID), or the name of one of\n" +
	"your own projects if OS_AUTH_URL and a login are set. What changes is shown first, with a question if there is a\n" +
	"terminal. Other rules of the bucket's policy stay as they are, and the owner is never locked out."

func newShareCommand(c *console) *cobra.Command {
	o := &shareOptions{sharing: sharing{c: c}}
	cmd := &cobra.Command{
		Use:   "share [flags] BUCKET --with PROJECT",
		Short: "Let another project read a bucket, or write into it",
		Long: "Let another project list a bucket of yours and read what is in it, and with --write upload and delete as well;\n" +
			"then the owner can read what the other project uploads. '--with self' does only that, for a bucket whose\n" +
			"objects others have uploaded and not shared back.\n\n" + projectHelp,
		Example: "  allasfs share run-12 --with 1f0c9a6b0c3d4e5f8a7b6c5d4e3f2a1b\n  allasfs share uploads --with self",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.share(cmd.Context(), cmd, args[0]) },
	}
	o.register(cmd.Flags(), true)
	cmd.Flags().StringVar(&o.with, "with", "", "the `PROJECT` to share with")
	cmd.Flags().BoolVar(&o.write, "write", false, "let it upload and delete too")
	return cmd
}

func newUnshareCommand(c *console) *cobra.Command {
	o := &shareOptions{sharing: sharing{c: c}}
	cmd := &cobra.Command{
		Use:   "unshare [flags] BUCKET --with PROJECT",
		Short: "Take back what share gave to a project",
		Long: "Take back the rights that 'share' and 'inbox create' gave to a project. What still gives it rights, made with\n" +
			"other tools, is listed and left alone.\n\n" + projectHelp,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return o.unshare(cmd.Context(), cmd, args[0]) },
	}
	o.register(cmd.Flags(), true)
	cmd.Flags().StringVar(&o.with, "with", "", "the `PROJECT` that it is shared with")
	return cmd
}

// begin reads the arguments, and who may use the bucket now.
func (o *shareOptions) begin(ctx context.Context, cmd *cobra.Command, arg string) (
	a s3store.Access, with s3store.Project, err error,
) {
	if o.with == "" {
		return a, with, usage(cmd, fmt.Errorf("--with PROJECT is missing"))
	}
	bucket, err := bucketName(arg)
	if err != nil {
		return a, with, err
	}
	if err = o.open(ctx); err != nil {
		return a, with, err
	}
	if a, err = o.access(ctx, bucket); err != nil {
		return a, with, err
	}
	with, err = o.project(ctx, o.with, a.Owner)
	return a, with, err
}

func (o *shareOptions) share(ctx context.Context, cmd *cobra.Command, arg string) error {
	a, with, err := o.begin(ctx, cmd, arg)
	if err != nil {
		return err
	}
	if err := o.set(ctx, a, a.Share(with, o.write)); err != nil {
		return err
	}
	if with.ID != a.Owner.ID {
		o.c.say("they reach it by its name, since it isn't listed: allasfs mount s3://%s DIRECTORY", a.Bucket)
	}
	return nil
}

func (o *shareOptions) unshare(ctx context.Context, cmd *cobra.Command, arg string) error {
	a, with, err := o.begin(ctx, cmd, arg)
	if err != nil {
		return err
	}
	if with.ID == a.Owner.ID {
		return s3store.ErrOwner
	}
	if err := o.set(ctx, a, a.Unshare(with)); err != nil {
		return err
	}
	return o.confirmGone(ctx, a.Bucket, with)
}

// confirmGone looks at the bucket anew and tells what still gives a project rights.
func (o *sharing) confirmGone(ctx context.Context, bucket string, p s3store.Project) error {
	now, err := o.access(ctx, bucket)
	if err != nil {
		return err
	}
	rules := remaining(now, p)
	for _, rule := range rules {
		o.c.say("still there: %s", rule)
	}
	if len(rules) > 0 {
		return hint(fmt.Errorf("%v still has rights in %s", p, bucket),
			"they were given with another tool, which has to take them back")
	}
	o.c.say("nothing in the policy and the ACL of %s gives %v any right", bucket, p)
	return nil
}
