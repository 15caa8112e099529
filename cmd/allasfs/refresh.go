package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"allasfs/fs"
)

func newRefreshCommand(c *console) *cobra.Command {
	return &cobra.Command{
		Use:   "refresh DIRECTORY",
		Short: "List a mount, or a directory in it, anew",
		Long: "Forget what is known of a mount, or of a directory in it and everything below, so that the next look shows what\n" +
			"is in the buckets now. Files that are open stay open.",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error { return runRefresh(args[0]) },
	}
}

func runRefresh(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	defer directory.Close()
	err = unix.IoctlSetInt(int(directory.Fd()), fs.RefreshCommand, 0)
	if errors.Is(err, unix.ENOTTY) || errors.Is(err, unix.EINVAL) {
		return hint(fmt.Errorf("%s is not a directory of an allasfs mount", path), "'findmnt -t fuse.allasfs' lists the mounts")
	}
	if err != nil {
		return fmt.Errorf("refreshing %s: %w", path, err)
	}
	return nil
}
