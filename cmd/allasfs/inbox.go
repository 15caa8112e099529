package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"allasfs/c4gh"
	"allasfs/objstore"
	"allasfs/objstore/s3store"
)

// inboxOptions are the flags of the inbox commands.
type inboxOptions struct {
	sharing
	from   []string
	public string // file
	keys   keyFlags
}

func newInboxCommand(c *console) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "inbox",
		Short: "Receive encrypted data from another project",
		Long: "Receive encrypted data from another project, such as that of a sequencing centre: make a bucket that it can\n" +
			"upload into, see what has come and whether it can be opened, and close the bucket when all is there.",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newInboxCreateCommand(c), newInboxStatusCommand(c), newInboxCloseCommand(c))
	return cmd
}

func newInboxCreateCommand(c *console) *cobra.Command {
	o := &inboxOptions{sharing: sharing{c: c}}
	cmd := &cobra.Command{
		Use:   "create [flags] BUCKET --from PROJECT --pk FILE",
		Short: "Let another project upload into a bucket, and print what to tell it",
		Long: "Let another project upload into a bucket, which is made if it isn't there. The sender can list the bucket and\n" +
			"write into it, but neither read nor delete what others sent; this project can read whatever arrives. The public\n" +
			"key goes into the bucket as " + s3store.InboxKey + ". What the sender has to know and do is printed on standard output: send it\n" +
			"on. Senders who share a bucket see the names of each other's objects and can replace them: one bucket for each\n" +
			"keeps them apart.\n\n" + projectHelp,
		Example: "  allasfs inbox create from-centre --from 1f0c9a6b0c3d4e5f8a7b6c5d4e3f2a1b --pk ~/.c4gh/key.pub > letter.txt",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.create(cmd.Context(), cmd, args[0]) },
	}
	o.register(cmd.Flags(), true)
	cmd.Flags().StringArrayVar(&o.from, "from", nil, "the `PROJECT` that sends; may be given several times")
	cmd.Flags().StringVar(&o.public, "pk", "", "public key `file` to encrypt for (default $C4GH_PUBLIC_KEY or ~/.c4gh/key.pub)")
	return cmd
}

func newInboxCloseCommand(c *console) *cobra.Command {
	o := &inboxOptions{sharing: sharing{c: c}}
	cmd := &cobra.Command{
		Use:   "close [flags] BUCKET",
		Short: "Take the senders' rights away and show that they are gone",
		Long: "Take all rights in a bucket away from those who could upload into it, and show that they are gone. Senders own what\n" +
			"they have uploaded and could read and share it for ever, so the policy denies them everything from now on.\n" +
			"'inbox create' opens the bucket again. What has arrived stays readable for this project.",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return o.close(cmd.Context(), args[0]) },
	}
	o.register(cmd.Flags(), true)
	cmd.Flags().StringArrayVar(&o.from, "from", nil, "close it for this `PROJECT`; may be given several times (default all senders)")
	return cmd
}

// create makes the bucket if need be, sets its policy, stores the key, and prints the letter. The policy goes before the
// key, so that no sender can put another key in its place.
func (o *inboxOptions) create(ctx context.Context, cmd *cobra.Command, arg string) error {
	if len(o.from) == 0 {
		return usage(cmd, errors.New("--from PROJECT is missing"))
	}
	bucket, err := bucketName(arg)
	if err != nil {
		return err
	}
	key, err := o.publicKey()
	if err != nil {
		return err
	}
	if err := o.open(ctx); err != nil {
		return err
	}
	a, missing, err := o.target(ctx, bucket)
	if err != nil {
		return err
	}
	senders, err := o.senders(ctx, a)
	if err != nil {
		return err
	}
	a, err = o.openFor(ctx, a, senders, missing)
	if err != nil {
		return err
	}
	if err := o.store.PutSmall(ctx, bucket, s3store.InboxKey, key.Marshal()); err != nil {
		return fmt.Errorf("public key: %w", err)
	}
	letter, err := letterFor(a, senders, key, o.store.Endpoint())
	if err != nil {
		return err
	}
	o.c.say("the inbox is open; send this to the sender:")
	o.c.printf("%s", letter)
	return nil
}

// publicKey reads the key that the sender encrypts for.
func (o *inboxOptions) publicKey() (c4gh.PublicKey, error) {
	file := o.public
	if file == "" {
		var err error
		if file, err = defaultKeyFile("C4GH_PUBLIC_KEY", "key.pub"); err != nil {
			return c4gh.PublicKey{}, err
		}
	}
	return loadPublicKey(file)
}

// target returns who may use the bucket. One that is missing has a policy without rules, and us as its owner.
func (o *inboxOptions) target(ctx context.Context, bucket string) (a s3store.Access, missing bool, err error) {
	a, err = o.access(ctx, bucket)
	if !errors.Is(err, objstore.ErrNoBucket) {
		return a, false, err
	}
	me, err := objstore.Try(ctx, o.retry(), func(ctx context.Context) (s3store.Project, error) {
		me, _, err := o.store.Self(ctx)
		return me, err
	})
	return s3store.Access{Bucket: bucket, Owner: me}, true, err
}

// senders reads --from.
func (o *inboxOptions) senders(ctx context.Context, a s3store.Access) ([]s3store.Project, error) {
	var senders []s3store.Project
	for _, arg := range o.from {
		p, err := o.project(ctx, arg, a.Owner)
		if err != nil {
			return nil, err
		}
		senders = append(senders, p)
	}
	return senders, nil
}

// openFor shows what has to change, asks once, and makes bucket and policy.
func (o *inboxOptions) openFor(ctx context.Context, a s3store.Access, senders []s3store.Project, missing bool) (
	s3store.Access, error,
) {
	next := a
	for _, sender := range senders {
		var err error
		if next.Policy, err = next.OpenInbox(sender); err != nil {
			return a, fmt.Errorf("%v can't be the sender: %w", sender, err)
		}
	}
	o.c.say("bucket %s of %v, what changes:", a.Bucket, a.Owner)
	if missing {
		fmt.Fprintln(o.c.err, "  + the bucket is made")
	}
	o.show(a, next.Policy)
	fmt.Fprintf(o.c.err, "  + your public key is stored in it as %s\n", s3store.InboxKey)
	if err := o.agree(); err != nil {
		return a, err
	}
	if missing {
		if err := o.store.MakeBucket(ctx, a.Bucket); err != nil {
			return a, fmt.Errorf("%s: %w", a.Bucket, shortCause(err))
		}
	}
	return next, o.write(ctx, a, next.Policy)
}

// close denies the senders everything and looks at the policy anew.
func (o *inboxOptions) close(ctx context.Context, arg string) error {
	bucket, err := bucketName(arg)
	if err != nil {
		return err
	}
	if err := o.open(ctx); err != nil {
		return err
	}
	a, err := o.access(ctx, bucket)
	if err != nil {
		return err
	}
	senders, err := o.senders(ctx, a)
	if err != nil {
		return err
	}
	if len(o.from) == 0 {
		senders = a.Senders()
	}
	if len(senders) == 0 {
		o.c.say("nobody may upload into %s by 'inbox create'; 'allasfs access %s' shows who may do what", bucket, bucket)
		return nil
	}
	next := a
	for _, sender := range senders {
		if next.Policy, err = next.CloseInbox(sender); err != nil {
			return fmt.Errorf("%v: %w", sender, err)
		}
	}
	if err := o.set(ctx, a, next.Policy); err != nil {
		return err
	}
	return o.confirmClosed(ctx, bucket, senders)
}

// confirmClosed shows the rules that are left for the senders. A rule that denies goes before every one that allows.
func (o *inboxOptions) confirmClosed(ctx context.Context, bucket string, senders []s3store.Project) error {
	now, err := o.access(ctx, bucket)
	if err != nil {
		return err
	}
	for _, sender := range senders {
		if !now.Closed(sender) {
			return hint(fmt.Errorf("%s isn't closed for %v", bucket, sender), "'allasfs access %s' shows who may do what", bucket)
		}
		o.c.say("closed: %v may do nothing in %s any more", sender, bucket)
		for _, rule := range remaining(now, sender) {
			o.c.say("without effect for them as long as it is closed: %s", strings.TrimSpace(rule))
		}
	}
	return nil
}
