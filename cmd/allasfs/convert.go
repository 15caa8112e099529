package main

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"allasfs/c4gh"
	"allasfs/fs"
)

// conversion is one of encrypt, decrypt, rearrange and reencrypt: how a stream becomes another. The rest is the same
// for all of them.
type conversion struct {
	// convert converts one stream, with so many workers; 0 is for all cores.
	convert func(dst io.Writer, src io.Reader, workers int) error
	// rename returns the name of the result of a file.
	rename func(name string) string
	// done is what the summary says has happened to the files.
	done string
	// fromPlain and toPlain say which side is plaintext. Of the files in a directory only those of the right side are
	// converted; results in plaintext are for their owner alone.
	fromPlain, toPlain bool
	// enough is the exit status when the reader of standard output has gone.
	enough int
	// outputs has everything that is being written.
	outputs outputs
}

// modes returns the modes for new files and directories, subject to the umask.
func (v *conversion) modes() (file, directory iofs.FileMode) {
	if v.toPlain {
		return 0o600, 0o700
	}
	return 0o666, 0o777
}

// fileFlags say where results go.
type fileFlags struct {
	out   string
	force bool
	quiet bool
}

func (f *fileFlags) register(flags *pflag.FlagSet) {
	flags.StringVarP(&f.out, "output", "o", "", "`file` or directory for the result")
	flags.BoolVarP(&f.force, "force", "f", false, "replace existing files")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show no progress and no summary")
}

// run converts standard input, or the files and the files in the directories that args name.
func (v *conversion) run(c *console, f *fileFlags, args []string) error {
	plan, err := newPlan(args, f.out, v.rename)
	if err != nil {
		return err
	}
	r := &round{conversion: v, c: c, force: f.force, progress: newProgress(c, f.quiet, v.done, plan)}
	defer r.progress.end()
	defer v.abandonOnSignal(r.progress.say)()
	switch {
	case plan.many:
		return r.many(plan, f.quiet)
	case len(plan.failed) > 0:
		return plan.failed[0]
	}
	return r.one(plan.tasks[0], 0)
}

// round is one run of a conversion.
type round struct {
	*conversion
	c        *console
	force    bool
	progress *progress
}

// manyCores is the size in bytes from which on a file is worth several cores when there are other files as well.
const manyCores = 64 << 20

// many converts tasks beside each other, goes on past those that fail, and sums up.
func (r *round) many(plan *taskPlan, quiet bool) error {
	s := &summary{conversion: r.conversion, say: r.progress.say, special: plan.special}
	for _, err := range plan.failed {
		s.add(0, err)
	}
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, t := range plan.tasks {
		g.Go(func() error {
			workers := 1
			if t.size >= manyCores {
				workers = 0
			}
			s.add(t.size, r.one(t, workers))
			return nil
		})
	}
	_ = g.Wait() // the summary has what failed
	r.progress.end()
	if !quiet {
		r.c.say("%s", s.line(r.progress.started))
	}
	return s.err()
}

// errLeftOut is for a file in a directory that isn't meant.
var errLeftOut = errors.New("left out")

// one converts one file or stream.
func (r *round) one(t task, workers int) error {
	if t.src == streamName {
		return r.into(t, r.c.in, workers)
	}
	file, err := os.Open(t.src)
	if err != nil {
		return err
	}
	src := &countedFile{File: file, progress: r.progress, size: t.size}
	defer src.Close()
	if t.found && isCrypt4GH(file) == r.fromPlain {
		return r.unwanted(t)
	}
	return r.into(t, src, workers)
}

// isCrypt4GH tells what a file is from how it begins, without moving in it.
func isCrypt4GH(f *os.File) bool {
	const magic = "crypt4gh"
	start := make([]byte, len(magic))
	_, err := f.ReadAt(start, 0)
	return err == nil && string(start) == magic
}

// unwanted is what becomes of a file that was found and isn't meant. One whose name says that it is meant is an error.
func (r *round) unwanted(t task) error {
	if !r.fromPlain && filepath.Ext(t.src) == fs.Suffix {
		return named(t, c4gh.ErrNotCrypt4GH)
	}
	return errLeftOut
}

func (r *round) into(t task, src io.Reader, workers int) error {
	if t.dst == streamName {
		return r.intoStream(t, src, workers)
	}
	return r.intoFile(t, src, workers)
}

// intoStream converts to standard output.
func (r *round) intoStream(t task, src io.Reader, workers int) error {
	if !r.toPlain && isTerminal(r.c.out) {
		return &hinted{errors.New("the result is not for a terminal"), "name a file with -o, or redirect standard output", exitKey}
	}
	err := r.convert(r.c.out, src, workers)
	if errors.Is(err, syscall.EPIPE) {
		return &toldError{r.enough}
	}
	if err == nil && r.c.out == os.Stdout {
		err = os.Stdout.Close() // some file systems tell only now that they couldn't write
	}
	return named(t, err)
}

// intoFile converts into a file.
func (r *round) intoFile(t task, src io.Reader, workers int) error {
	fileMode, directoryMode := r.modes()
	if err := os.MkdirAll(filepath.Dir(t.dst), directoryMode); err != nil {
		return err
	}
	dst, err := r.outputs.create(t.dst, fileMode, r.force)
	if err != nil {
		return err
	}
	defer dst.discard()
	if err := r.convert(dst, src, workers); err != nil {
		return named(t, err)
	}
	return dst.commit()
}

// named says which file an error is about.
func named(t task, err error) error {
	if err == nil || t.src == streamName {
		return err
	}
	if errors.Is(err, c4gh.ErrNotCrypt4GH) && filepath.Ext(t.src) == fs.Suffix {
		err = fs.ErrHeaderElsewhere // as a mount says it
	}
	return fmt.Errorf("%s: %w", t.src, err)
}
