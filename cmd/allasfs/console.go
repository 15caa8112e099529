package main

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"syscall"

	"github.com/spf13/cobra"

	"allasfs/c4gh"
	"allasfs/fs"
	"allasfs/objstore"
	"allasfs/objstore/keystone"
	"allasfs/objstore/s3store"
)

// Exit statuses, as the reference tool has them.
const (
	exitError = 1
	exitKey   = 2 // bad key or passphrase, or bad usage

	exitInterrupted = 128 + 2 // as a shell has it for SIGINT
)

// console is where the program talks to people: the input and output of a command, and messages beside them.
type console struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// printf writes output.
func (c *console) printf(format string, args ...any) { fmt.Fprintf(c.out, format, args...) }

// say writes a message: one line, "allasfs: " first, no final period.
func (c *console) say(format string, args ...any) {
	fmt.Fprintf(c.err, "allasfs: "+format+"\n", args...)
}

// fail tells what went wrong, with a hint on its own line if there is one, and returns the exit status.
func (c *console) fail(err error) int {
	var told *toldError
	if errors.As(err, &told) {
		return told.status
	}
	c.say("%v", err)
	hint, status := adviseOn(err)
	if hint != "" {
		c.say("%s", hint)
	}
	return status
}

// toldError is an error of which the user has read already.
type toldError struct{ status int }

func (e *toldError) Error() string { return "failed" }

// hinted is an error with a hint of its own.
type hinted struct {
	err    error
	hint   string
	status int
}

func (h *hinted) Error() string { return h.err.Error() }
func (h *hinted) Unwrap() error { return h.err }

// hint adds a hint to an error of the file system or of the input; nil stays nil.
func hint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err, fmt.Sprintf(format, args...), exitError}
}

// usage is an error in how a command was called.
func usage(cmd *cobra.Command, err error) error {
	return &hinted{err, fmt.Sprintf("see '%s --help'", cmd.CommandPath()), exitKey}
}

// arguments makes an error of check one that shows how the command is called.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		if !cmd.HasParent() {
			return usage(cmd, fmt.Errorf("there is no command %q", args[0]))
		}
		return usage(cmd, fmt.Errorf("wrong number of arguments; use it as: %s", cmd.UseLine()))
	}
}

// advice is the table from causes to hints.
var advice = []struct {
	cause  error
	hint   string
	status int
}{
	{c4gh.ErrPassphrase, "check the passphrase; it comes from --passphrase-file, C4GH_PASSPHRASE or the prompt, in this order", exitKey},
	{c4gh.ErrNotKey, "a Crypt4GH key begins with a line like -----BEGIN CRYPT4GH PRIVATE KEY-----", exitKey},
	{c4gh.ErrNoKey, "it was encrypted for others; give the right secret key with --sk", exitKey},
	{fs.ErrHeaderElsewhere, "such objects can be read only through the service that holds their headers", exitError},
	{c4gh.ErrNotCrypt4GH, "only files that begin with a Crypt4GH header can be decrypted", exitError},
	{c4gh.ErrSegment, "the data was damaged or changed after it was encrypted", exitError},
	{c4gh.ErrMalformed, "the data was damaged or cut after it was encrypted", exitError},
	{s3store.ErrNoCredentials, "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or let the set-up of your store's tools (allas_conf) write one of these files", exitError},
	{keystone.ErrLogin, "check OS_USERNAME and OS_PASSWORD, or OS_AUTH_TOKEN, which lasts for some hours only", exitError},
	{keystone.ErrProject, "set OS_PROJECT_NAME to a project of yours", exitError},
	{keystone.ErrUnavailable, "check the network and OS_AUTH_URL", exitError},
	{objstore.ErrNoBucket, "check the bucket's name; buckets of other projects are found by name only", exitError},
	{objstore.ErrDenied, "check the credentials; the owner of a shared bucket must grant access, and objects that others uploaded must be shared back to the owner", exitError},
	{objstore.ErrTimeout, "check the network and the endpoint (--endpoint)", exitError},
	{objstore.ErrUnavailable, "check the network and the endpoint (--endpoint)", exitError},
	{iofs.ErrNotExist, "check the name and the directory it is looked for in", exitError},
	{syscall.EISDIR, "name a file", exitError},
	{iofs.ErrPermission, "check who may read the file and its directory", exitError},
	{syscall.ENOSPC, "there is no room left on the disk", exitError},
	{syscall.ENOTCONN, "a killed allasfs left a dead mount there; 'allasfs umount' clears it", exitError},
}

// adviseOn returns the hint for an error, possibly none, and the exit status.
func adviseOn(err error) (hint string, status int) {
	var h *hinted
	if errors.As(err, &h) {
		return h.hint, h.status
	}
	if r, ok := errors.AsType[*s3store.Refusal](err); ok {
		return r.Hint, exitError
	}
	for _, row := range advice {
		if errors.Is(err, row.cause) {
			return row.hint, row.status
		}
	}
	return "", exitError
}
