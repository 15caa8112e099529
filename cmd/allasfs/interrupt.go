package main

import (
	"os"
	"os/signal"
	"syscall"
)

// readerGone is the exit status when nobody reads standard output any more, as a shell has it for SIGPIPE.
const readerGone = 128 + int(syscall.SIGPIPE)

// abandonOnSignal makes a signal that ends the process remove the unfinished files first. It doesn't wait for reads in
// progress, which may never end. The returned function ends the watch.
func (v *conversion) abandonOnSignal(say func(format string, args ...any)) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	quit := make(chan struct{})
	go func() {
		select {
		case s := <-signals:
			v.outputs.abandon()
			if s == syscall.SIGPIPE {
				os.Exit(v.enough)
			}
			say("interrupted; what wasn't complete has been removed")
			os.Exit(signalStatus(s))
		case <-quit:
		}
	}()
	return func() {
		signal.Stop(signals)
		close(quit)
	}
}

// signalStatus returns the exit status of a process that a signal ended, as shells have it.
func signalStatus(s os.Signal) int {
	if number, ok := s.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return exitError
}
