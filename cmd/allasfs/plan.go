package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// streamName stands for standard input or standard output.
const streamName = "-"

// task is one file to convert.
type task struct {
	src, dst string // file names, or streamName
	size     int64  // bytes of src; 0 where they aren't known
	found    bool   // in a directory, rather than named by the user
}

// taskPlan is what a command has to do.
type taskPlan struct {
	tasks   []task
	many    bool    // there is something to sum up: directories or several files
	failed  []error // what can't even be begun
	special int     // left out: neither files nor directories

	out    string
	rename func(string) string
	taken  map[string]string // results and what they come from
}

// newPlan finds out what to convert and where the results go. A single file goes to out itself, or into out where that
// is a directory. The files in a single directory keep their names relative to it in out; of several files and
// directories, each goes into out under its own name.
func newPlan(args []string, out string, rename func(string) string) (*taskPlan, error) {
	p := &taskPlan{out: out, rename: rename, taken: map[string]string{}}
	if len(args) == 0 {
		args = []string{streamName}
	}
	directories := 0
	for _, arg := range args {
		if isDir(arg) {
			directories++
		}
	}
	p.many = len(args) > 1 || directories > 0
	if out == "" || out == streamName {
		if p.many {
			return nil, &hinted{errors.New("several files don't fit into one stream"), "say with -o where the results go", exitKey}
		}
		p.out = streamName
	}
	for _, arg := range args {
		p.addArgument(arg, len(args) > 1)
	}
	return p, nil
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// addArgument adds a file or a directory that the user named.
func (p *taskPlan) addArgument(arg string, several bool) {
	info, err := os.Stat(arg)
	switch {
	case arg == streamName:
		p.add(task{src: arg, dst: p.out})
	case err != nil:
		p.failed = append(p.failed, err)
	case info.IsDir() && several:
		p.addTree(arg, filepath.Join(p.out, ownName(arg)))
	case info.IsDir():
		p.addTree(arg, p.out)
	case p.out != streamName && (several || isDir(p.out) || strings.HasSuffix(p.out, "/")):
		p.add(task{src: arg, dst: filepath.Join(p.out, p.rename(filepath.Base(arg))), size: info.Size()})
	default:
		p.add(task{src: arg, dst: p.out, size: info.Size()})
	}
}

// ownName returns the name of a directory, also of one that is called "." or "..".
func ownName(directory string) string {
	if full, err := filepath.Abs(directory); err == nil {
		directory = full
	}
	return filepath.Base(directory)
}

// addTree adds the files below a directory. It doesn't follow symbolic links, and leaves out the results' directory.
func (p *taskPlan) addTree(root, into string) {
	out, _ := os.Stat(p.out)
	root = filepath.Clean(root) + "/" // WalkDir would take a link to a directory for a file
	filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			p.failed = append(p.failed, err)
			return nil
		}
		info, err := d.Info()
		switch {
		case err != nil:
			p.failed = append(p.failed, err)
		case d.IsDir() && path != root && os.SameFile(info, out):
			return fs.SkipDir
		case d.IsDir():
		case !d.Type().IsRegular():
			p.special++
		default:
			p.addFound(root, path, into, info.Size())
		}
		return nil
	})
}

func (p *taskPlan) addFound(root, path, into string, size int64) {
	rel, err := filepath.Rel(root, path)
	if err != nil {
		p.failed = append(p.failed, err)
		return
	}
	p.add(task{src: path, dst: filepath.Join(into, p.rename(rel)), size: size, found: true})
}

// add adds a task unless another one has the same result.
func (p *taskPlan) add(t task) {
	if other, ok := p.taken[t.dst]; ok {
		p.failed = append(p.failed, fmt.Errorf("%s: the result would be %s, which is the one of %s", t.src, t.dst, other))
		return
	}
	p.taken[t.dst] = t.src
	p.tasks = append(p.tasks, t)
}

// size returns the bytes of all sources.
func (p *taskPlan) size() (sum int64) {
	for _, t := range p.tasks {
		sum += t.size
	}
	return sum
}
