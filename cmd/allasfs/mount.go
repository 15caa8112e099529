package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"allasfs/fs"
	"allasfs/objstore"
)

// mountOptions are the flags of the mount command.
type mountOptions struct {
	store      storeFlags
	keys       keyFlags
	log        logFlags
	local      localFlags
	metrics    string
	foreground bool
	buckets    []string
	allowOther bool
	uid, gid   uint32
	fileMode   octal
	dirMode    octal
	listTTL    time.Duration
	showAll    bool
	keepSuffix bool

	source     source
	mountpoint string // absolute
}

func newMountCommand(c *console) *cobra.Command {
	o := &mountOptions{fileMode: 0o600, dirMode: 0o700}
	cmd := &cobra.Command{
		Use:   "mount [flags] [SOURCE] MOUNTPOINT",
		Short: "Mount buckets at a directory",
		Long: "Mount buckets at an empty directory and return when the mount is ready; it stays in the background until\n" +
			"'allasfs umount MOUNTPOINT'. SOURCE is s3:// (all buckets, the default), s3://BUCKET, s3://BUCKET/PREFIX\n" +
			"or file:///DIR.",
		Example: "  allasfs mount --sk ~/.c4gh/key ~/allas\n  allasfs mount s3://run-12 ~/run12\n" +
			"  allasfs mount --profile s3allas-project_2000001 --profile s3allas-project_2000002 ~/allas",
		Args: arguments(cobra.RangeArgs(1, 2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.parse(args); err != nil {
				return err
			}
			if !o.foreground && !isBackgroundChild() {
				return startBackground()
			}
			return runMount(cmd.Context(), c, o)
		},
	}
	flags := cmd.Flags()
	o.store.register(flags)
	o.keys.register(flags)
	o.log.register(flags)
	o.local.register(flags)
	flags.StringVar(&o.metrics, "metrics", "", "address like 127.0.0.1:9465 to serve Prometheus metrics at, by HTTP at /metrics; without a host, to this machine alone")
	flags.BoolVarP(&o.foreground, "foreground", "f", false, "stay in the foreground and log to the terminal")
	flags.StringArrayVar(&o.buckets, "bucket", nil, "show this bucket too, though it is another project's; may be given several times; PROFILE/BUCKET with several profiles")
	flags.BoolVar(&o.allowOther, "allow-other", false, "let other users in, as far as the modes allow it")
	flags.Uint32Var(&o.uid, "uid", uint32(os.Getuid()), "owner of files and directories")
	flags.Uint32Var(&o.gid, "gid", uint32(os.Getgid()), "group of files and directories")
	flags.Var(&o.fileMode, "file-mode", "mode of files")
	flags.Var(&o.dirMode, "dir-mode", "mode of directories")
	flags.DurationVar(&o.listTTL, "list-ttl", time.Minute, "how long a listing is believed")
	flags.BoolVar(&o.showAll, "show-all", false, "list *_segments buckets and *_ameta objects too")
	flags.BoolVar(&o.keepSuffix, "keep-suffix", false, "show encrypted objects with their .c4gh")
	return cmd
}

// parse reads the arguments.
func (o *mountOptions) parse(args []string) (err error) {
	spec := "s3://"
	if len(args) == 2 {
		spec = args[0]
	}
	if o.source, err = parseSource(spec); err != nil {
		return err
	}
	if err := errors.Join(o.store.checkProfiles(o.source), o.store.checkBuckets(o.buckets)); err != nil {
		return err
	}
	o.mountpoint, err = resolveMountpoint(args[len(args)-1])
	return err
}

// memoryBeside is what the process may take beside the segments before garbage is collected more often, in bytes. The
// FUSE library pools reply buffers for each size of a read, and only the collector ever empties those pools.
const memoryBeside = 100 << 20

// runMount mounts, tells that it is ready, and serves until the mount is gone.
func runMount(ctx context.Context, c *console, o *mountOptions) error {
	forbidDumps()
	debug.SetMemoryLimit(int64(o.local.cacheSize) + memoryBeside)
	if err := prepareMountpoint(c, o.mountpoint); err != nil {
		return err
	}
	log, logName, err := o.log.open(c, o.foreground, o.mountpoint)
	if err != nil {
		return err
	}
	metrics, err := listenMetrics(o.metrics)
	if err != nil {
		return err
	}
	defer metrics.close()
	l, err := o.connect(ctx, c, log)
	if err != nil {
		return err
	}
	defer l.close()
	mount, err := fs.New(o.mountpoint, l.tree, l.cache, o.mountOptions(log, l.meter))
	if err != nil {
		return hint(err, "FUSE is needed: install the package fuse3 and see that /dev/fuse can be opened")
	}
	metrics.serve(mount, log)
	signals := watchSignals()
	log.Info("mounted", "source", o.source.String(), "mountpoint", o.mountpoint)
	if o.foreground {
		c.say("%s is mounted at %s; Ctrl-C unmounts it", o.source, o.mountpoint)
	} else {
		c.say("%s is mounted at %s; messages go to %s", o.source, o.mountpoint, logName)
		if err := detachFromTerminal(log); err != nil {
			return errors.Join(err, unmount(o.mountpoint))
		}
	}
	serve(c, log, mount, o.mountpoint, signals)
	log.Info("unmounted", "mountpoint", o.mountpoint)
	return nil
}

// shortCause drops the operation and the object from an error whose object the message names already.
func shortCause(err error) error {
	var e *objstore.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

func (o *mountOptions) mountOptions(log *slog.Logger, meter *objstore.Meter) fs.Options {
	return fs.Options{
		Name: o.source.String(), AllowOther: o.allowOther, UID: o.uid, GID: o.gid,
		FileMode: uint32(o.fileMode), DirMode: uint32(o.dirMode), Logger: log, Meter: meter,
	}
}

// byteSize is a flag like 512MiB, in bytes.
type byteSize int64

func (b *byteSize) Set(s string) error {
	n, err := humanize.ParseBytes(s)
	if err != nil || n > 1<<62 {
		return errors.New("a size is a number with a unit, like 512MiB or 2GB")
	}
	*b = byteSize(n)
	return nil
}

func (b *byteSize) String() string { return humanize.IBytes(uint64(*b)) }
func (b *byteSize) Type() string   { return "size" }

// octal is a flag like 0640: permission bits.
type octal uint32

func (m *octal) Set(s string) error {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o777 {
		return errors.New("a mode is an octal number like 0640")
	}
	*m = octal(n)
	return nil
}

func (m *octal) String() string { return fmt.Sprintf("%04o", uint32(*m)) }
func (m *octal) Type() string   { return "mode" }
