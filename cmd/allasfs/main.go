// Command allasfs mounts the buckets of an object store as directories and serves the plaintext of Crypt4GH objects by
// random access. Around the mount it makes keys, encrypts and decrypts.
package main

import (
	"context"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "unknown"

func main() {
	console := &console{in: os.Stdin, out: os.Stdout, err: os.Stderr}
	if status, ok := referenceRun(console, filepath.Base(os.Args[0]), os.Args[1:]); ok {
		os.Exit(status)
	}
	root := newRoot(console)
	if err := root.ExecuteContext(context.Background()); err != nil {
		os.Exit(console.fail(err))
	}
}

// newRoot returns the command tree.
func newRoot(c *console) *cobra.Command {
	root := &cobra.Command{
		Use:   "allasfs",
		Short: "Mount buckets and read Crypt4GH objects as plaintext files",
		Long: "allasfs mounts the buckets of an object store (S3: Allas, Ceph and others) as directories. Objects that are\n" +
			"encrypted with Crypt4GH appear as plaintext files of exact size; nothing decrypted touches a disk.",
		Version:       version,
		SilenceErrors: true, // fail prints them
		SilenceUsage:  true,
		Args:          arguments(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetVersionTemplate("allasfs {{.Version}}\n")
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, err) })
	root.AddCommand(
		newMountCommand(c), newUmountCommand(c), newRefreshCommand(c), newStatusCommand(c),
		newListCommand(c), newWhoamiCommand(c), newVersionCommand(c),
		newKeygenCommand(c), newEncryptCommand(c), newDecryptCommand(c),
		newRearrangeCommand(c), newReencryptCommand(c), newStatCommand(c),
		newShareCommand(c), newUnshareCommand(c), newAccessCommand(c), newInboxCommand(c),
	)
	return root
}

// newVersionCommand returns the command that prints the version.
func newVersionCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			c.printf("allasfs %s\n", version)
			return nil
		},
	}
}
