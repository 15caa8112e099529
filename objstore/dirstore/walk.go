package dirstore

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"allasfs/objstore"
)

// entry is what a listing shows: an object, or with a nil info a rolled-up prefix.
type entry struct {
	key  string
	info fs.FileInfo
}

// token says where a listing goes on behind e: behind an object, or behind everything that begins with a prefix.
func (e entry) token() string {
	if e.info == nil {
		return "p" + e.key
	}
	return "k" + e.key
}

// walk goes through a bucket in the byte order of its keys. A directory counts with its slash: "a-b" and "a.c4gh" come
// before what is in "a/".
type walk struct {
	prefix, delimiter string
	after             string // keys up to this one are left out
	rolled            string // the prefix that was rolled up last: its keys are left out; none when empty
	levels            []level
}

// level is what is still to come of a directory that the walk is in.
type level []name

// name is a name in a directory. Its key ends with a slash if it is a directory or the marker of an empty one.
type name struct {
	key string
	dir bool
}

func newWalk(root *os.Root, o objstore.ListOptions) (*walk, error) {
	w := &walk{prefix: o.Prefix, delimiter: o.Delimiter, after: o.StartAfter}
	switch {
	case strings.HasPrefix(o.Token, "p"):
		w.after, w.rolled = o.Token[1:], o.Token[1:]
	case strings.HasPrefix(o.Token, "k"):
		w.after = o.Token[1:]
	case o.Token != "":
		return nil, errors.New("malformed token")
	}
	start := o.Prefix[:strings.LastIndex(o.Prefix, "/")+1]
	if start != "" && !valid(strings.TrimSuffix(start, "/")) {
		return w, nil // no file can have such a key
	}
	return w, w.enter(root, start)
}

// next returns the next entry, and false at the end.
func (w *walk) next(root *os.Root) (entry, bool, error) {
	for len(w.levels) > 0 {
		n, ok := w.pop()
		if !ok || !w.wants(n) {
			continue
		}
		if rolled, ok := w.rollUp(n.key); ok {
			w.rolled = rolled
			return entry{key: rolled}, true, nil
		}
		if n.dir {
			if err := w.enter(root, n.key); err != nil {
				return entry{}, false, err
			}
			continue
		}
		info, err := root.Stat(strings.TrimSuffix(n.key, "/"))
		switch {
		case err != nil && !missing(err):
			return entry{}, false, err
		case err == nil && (info.Mode().IsRegular() || info.IsDir() && strings.HasSuffix(n.key, "/")):
			return entry{n.key, info}, true, nil
		}
	}
	return entry{}, false, nil
}

// pop takes the next name off the innermost level, or an exhausted level off the walk.
func (w *walk) pop() (name, bool) {
	last := len(w.levels) - 1
	names := w.levels[last]
	if len(names) == 0 {
		w.levels = w.levels[:last]
		return name{}, false
	}
	w.levels[last] = names[1:]
	return names[0], true
}

// enter reads a directory, given as a prefix with its slash, unless it is gone.
func (w *walk) enter(root *os.Root, dir string) error {
	entries, err := readDir(root, cmp.Or(strings.TrimSuffix(dir, "/"), "."))
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	var names level
	add := func(n name) {
		if w.wants(n) {
			names = append(names, n)
		}
	}
	for _, e := range entries {
		if e.IsDir() {
			add(name{dir + e.Name() + "/", true})
		} else {
			add(name{dir + e.Name(), false})
		}
	}
	if len(entries) == 0 && dir != "" {
		add(name{dir, false})
	}
	slices.SortFunc(names, func(a, b name) int { return cmp.Compare(a.key, b.key) })
	w.levels = append(w.levels, names)
	return nil
}

// readDir reads the names in a directory, in no order.
func readDir(root *os.Root, dir string) ([]fs.DirEntry, error) {
	f, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

// wants says whether the listing shows n, or may show something in it.
func (w *walk) wants(n name) bool {
	if w.rolled != "" && strings.HasPrefix(n.key, w.rolled) {
		return false
	}
	if n.dir && strings.HasPrefix(w.prefix, n.key) {
		return true
	}
	return strings.HasPrefix(n.key, w.prefix) && (n.key > w.after || n.dir && strings.HasPrefix(w.after, n.key))
}

// rollUp returns the prefix that a listing shows instead of key, if it does.
func (w *walk) rollUp(key string) (string, bool) {
	rest, ok := strings.CutPrefix(key, w.prefix)
	if !ok || w.delimiter == "" {
		return "", false
	}
	head, _, ok := strings.Cut(rest, w.delimiter)
	return w.prefix + head + w.delimiter, ok
}
