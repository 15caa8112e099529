package main

import (
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"allasfs/fs"
)

// watchSignals takes over the signals that end a mount.
func watchSignals() <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	signal.Ignore(syscall.SIGHUP) // a closed terminal doesn't end a mount
	return signals
}

// serve returns when the mount is gone. The first signal unmounts; while the mount is busy, the second one detaches it
// and files that are open can be read to their end, and the third one gives those up as well.
func serve(c *console, log *slog.Logger, mount *fs.Mount, mountpoint string, signals <-chan os.Signal) {
	gone := make(chan struct{})
	go func() {
		mount.Wait()
		close(gone)
	}()
	detached := false
	for asked := false; ; asked = true {
		select {
		case <-gone:
			return
		case <-signals:
		}
		switch err := unmount(mountpoint); {
		case err == nil || detached:
			return
		case asked:
			detached = detachBusy(c, log, mountpoint)
		default:
			tellBusy(c, log, mountpoint, err)
		}
	}
}

func tellBusy(c *console, log *slog.Logger, mountpoint string, err error) {
	if !errors.Is(err, unix.EBUSY) {
		c.say("unmounting %s: %v", mountpoint, err)
		log.Error("unmount failed", "mountpoint", mountpoint, "cause", err)
		return
	}
	by := users(mountpoint)
	c.say("%s is busy: in use by %s", mountpoint, by)
	c.say("close it there, or press Ctrl-C (send the signal) again to detach the mount; open files stay readable")
	log.Warn("busy, not unmounted", "mountpoint", mountpoint, "users", by)
}

func detachBusy(c *console, log *slog.Logger, mountpoint string) bool {
	if err := detach(mountpoint); err != nil {
		c.say("detaching %s: %v", mountpoint, err)
		log.Error("detach failed", "mountpoint", mountpoint, "cause", err)
		return false
	}
	c.say("%s is detached; allasfs ends when the last file is closed, or at the next signal", mountpoint)
	log.Warn("detached while busy", "mountpoint", mountpoint)
	return true
}
