package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
)

// conversion is one of encrypt, decrypt, rearrange and reencrypt: how a stream becomes another. The rest is the same
// for all of them.
type conversion struct {
	// convert converts one stream, with so many workers; 0 is for all cores.
	convert func(dst io.Writer, src io.Reader, workers int) error
	// rename returns the name of the result of a file.
	rename func(name string) string
	// done is what the summary calls a converted file.
	done string
	// fileMode and dirMode are for new files and directories, subject to the umask.
	fileMode, dirMode fs.FileMode
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

// task is one file to convert.
type task struct {
	src, dst string
	size     int64 // bytes of src
}

// runConversion converts standard input, or the files and the files in the directories that args name.
func runConversion(c *console, f *fileFlags, v conversion, args []string) error {
	if len(args) == 0 && f.out == "" {
		return v.convert(os.Stdout, os.Stdin, 0)
	}
	tasks, err := plan(f.out, v.rename, args)
	if err != nil {
		return err
	}
	files := &outputs{}
	failed := 0
	for _, t := range tasks {
		if err := v.file(files, t, f.force); err != nil {
			if len(tasks) == 1 {
				return err
			}
			c.fail(err)
			failed++
		}
	}
	if failed > 0 {
		return &toldError{exitError}
	}
	return nil
}

// file converts one file.
func (v *conversion) file(files *outputs, t task, force bool) error {
	src, err := os.Open(t.src)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := os.MkdirAll(filepath.Dir(t.dst), v.dirMode); err != nil {
		return err
	}
	dst, err := files.create(t.dst, v.fileMode, force)
	if err != nil {
		return err
	}
	defer dst.discard()
	if err := v.convert(dst, src, 0); err != nil {
		return fmt.Errorf("%s: %w", t.src, err)
	}
	return dst.commit()
}

// plan finds the files to convert and the names of the results.
func plan(out string, rename func(string) string, args []string) ([]task, error) {
	if out == "" {
		return nil, errors.New("no -o")
	}
	var tasks []task
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			dst := out
			if o, err := os.Stat(out); len(args) > 1 || err == nil && o.IsDir() {
				dst = filepath.Join(out, rename(filepath.Base(arg)))
			}
			tasks = append(tasks, task{src: arg, dst: dst, size: info.Size()})
			continue
		}
		err = filepath.WalkDir(arg, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			rel, err := filepath.Rel(arg, path)
			tasks = append(tasks, task{src: path, dst: filepath.Join(out, rename(rel))})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return tasks, nil
}
