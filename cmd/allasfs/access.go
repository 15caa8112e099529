package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"allasfs/objstore"
	"allasfs/objstore/s3store"
)

func newAccessCommand(c *console) *cobra.Command {
	o := &sharing{c: c}
	cmd := &cobra.Command{
		Use:   "access [flags] BUCKET",
		Short: "Tell who may do what in a bucket",
		Long: "Tell whose a bucket is and what others may do in it, by its policy and its ACL. For a bucket of another project,\n" +
			"tell what this project may do. Grants made with Swift (a-access) can't be seen over S3.",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return o.runAccess(cmd.Context(), args[0]) },
	}
	o.register(cmd.Flags(), false)
	return cmd
}

func (s *sharing) runAccess(ctx context.Context, arg string) error {
	bucket, err := bucketName(arg)
	if err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	a, err := s.access(ctx, bucket)
	if errors.Is(err, objstore.ErrDenied) {
		return s.accessOfOthers(ctx, bucket)
	}
	if err != nil {
		return err
	}
	s.c.printf("bucket %s belongs to %v\n", bucket, a.Owner)
	for _, statement := range a.Policy.Statements() {
		s.c.printf("  %s\n", ruleOf(a, statement))
	}
	for _, g := range a.Grants {
		s.c.printf("  %s\n", grantOf(a, g))
	}
	s.c.printf("  not shown: grants made with Swift (a-access), and the ACLs that objects have of their own\n")
	return nil
}

// accessOfOthers tells what can be known of a bucket that is another project's.
func (s *sharing) accessOfOthers(ctx context.Context, bucket string) error {
	me, err := objstore.Try(ctx, s.retry(), func(ctx context.Context) (s3store.Project, error) {
		me, _, err := s.store.Self(ctx)
		return me, err
	})
	if err != nil {
		return shortCause(err)
	}
	_, err = objstore.Retry(s.store, s.retry()).List(ctx, bucket, objstore.ListOptions{Max: 1})
	if errors.Is(err, objstore.ErrDenied) {
		return hint(fmt.Errorf("bucket %s isn't shared with this project, %v", bucket, me),
			"its owner can share it: allasfs share %s --with %s", bucket, me.ID)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", bucket, shortCause(err))
	}
	s.c.printf("bucket %s belongs to another project\n  this project, %v, may list it\n", bucket, me)
	s.c.printf("  not shown: the rest, which its owner alone can see\n")
	return nil
}
