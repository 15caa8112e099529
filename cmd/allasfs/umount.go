package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

func newUmountCommand(c *console) *cobra.Command {
	var lazy bool
	cmd := &cobra.Command{
		Use:     "umount [flags] MOUNTPOINT",
		Aliases: []string{"unmount"},
		Short:   "Unmount a mount of allasfs, or clear a dead one",
		Args:    arguments(cobra.ExactArgs(1)),
		RunE:    func(_ *cobra.Command, args []string) error { return runUmount(args[0], lazy) },
	}
	cmd.Flags().BoolVarP(&lazy, "lazy", "z", false, "detach a busy mount; files that are open stay readable until they are closed")
	return cmd
}

func runUmount(path string, lazy bool) error {
	mountpoint, err := resolveMountpoint(path)
	if err != nil {
		return err
	}
	if ours, err := isOurMount(mountpoint); err != nil {
		return err
	} else if !ours {
		return hint(fmt.Errorf("%s is not a mount of allasfs", path), "'findmnt -t fuse.allasfs' lists them")
	}
	dead, err := isDeadMount(mountpoint)
	if err != nil {
		return err
	}
	if lazy || dead {
		return detach(mountpoint)
	}
	err = unmount(mountpoint)
	if errors.Is(err, unix.EBUSY) {
		return hint(fmt.Errorf("%s is busy: in use by %s", path, users(mountpoint)),
			"close it there, or detach the mount with: allasfs umount --lazy %s", path)
	}
	if err != nil {
		return fmt.Errorf("unmounting %s: %w", path, err)
	}
	return nil
}
