package test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// nameCase are keys that matter to each other's names, and the path of each below the mount point. An object holds its
// own key, encrypted if it ends in .c4gh; one whose path ends in a slash is empty, and is the directory itself.
type nameCase map[string]string

var (
	n250 = strings.Repeat("n", 250)
	n255 = strings.Repeat("N", 255)
	long = strings.Repeat("long", 75)     // 300 bytes
	even = strings.Repeat("ä", 150)       // the 180th byte ends a character
	odd  = "x" + strings.Repeat("ä", 150) // the 180th byte doesn't
)

// longName is the name of a component of more than 255 bytes, so many of which it begins with.
func longName(component string, head int) string {
	sum := sha256.Sum256([]byte(component))
	return fmt.Sprintf("~[%s~%x]", component[:head], sum[:16])
}

// nameTable is the table of names in docs/semantics.md.
var nameTable = slices.Concat([]nameCase{
	// With the suffix and without.
	{"only.c4gh": "only"},
	{"plain.txt": "plain.txt"},
	{"both": "both", "both.c4gh": "both.c4gh"},
	{"dir.c4gh": "dir.c4gh", "dir/inside.c4gh": "dir/inside"},
	{"twice.c4gh": "twice", "twice.c4gh.c4gh": "twice.c4gh.c4gh"},
	{"doubled.c4gh.c4gh": "doubled.c4gh"},
	{"suffixed.c4gh": "suffixed", "suffixed.c4gh/x": "suffixed.c4gh/x"},
	{"dots/.c4gh": "dots/.c4gh", "dots/..c4gh": "dots/~(.)", "dots/...c4gh": "dots/~(..)"},
	{"of.c4gh": "of", "of.c4gh_ameta": "of.c4gh_ameta"},
	// An object whose key is a prefix, with its marker and what is encrypted beside it.
	{"mark": "mark~object", "mark/inside": "mark/inside"},
	{"x": "x~object", "x/": "x/", "x.c4gh": "x.c4gh"},
	{"y": "y~object", "y/": "y/", "y.c4gh": "y.c4gh", "y/~object": "y/~(~object)", "y~object": "~(y~object)"},
	{"three": "three~object", "three.c4gh": "three.c4gh~object", "three/a": "three/a", "three.c4gh/b": "three.c4gh/b"},
	{n250: longName(n250, 180) + "~object", n250 + "/x": n250 + "/x"},
	// Slashes at the end.
	{"empty/": "empty/"},
	{"folder/": "folder/", "folder/x": "folder/x"},
	{"filled/": "filled/~()"},
	{"ends//": "ends/~()/", "ends/x//": "ends/x/~()/", "ends/x///y": "ends/x/~()/~()/y"},
	// Components that no file can have.
	{"a//b": "a/~()/b", "a/b": "a/b", "a///b": "a/~()/~()/b"},
	{"./x": "~(.)/x", "../x": "~(..)/x", "/x": "~()/x", "//": "~()/~()/", "..c4gh": "..c4gh"},
	{"in/./x": "in/~(.)/x", "in/../x": "in/~(..)/x", "in/...": "in/..."},
	{"at/.": "at/~(.)", "at/..": "at/~(..)"},
	{"nul\x00%": "~(nul%00%25)", "nul%00%25": "nul%00%25"},
	// What looks like a mark of ours.
	{"~()": "~(~())", "~(.)": "~(~(.))", "~(50%)": "~(~(50%25))", "~[x]": "~(~[x])", "q~object": "~(q~object)", "~(": "~(", "~": "~"},
	{"w~object.c4gh": "~(w~object)", "~(w~object)": "~(~(w~object))"},
	// Lengths.
	{n255: n255, n255 + ".c4gh": longName(n255+".c4gh", 180)},
	{n250 + "last.c4gh": n250 + "last"},
	{long: longName(long, 180), long + "!": longName(long+"!", 180), long + ".c4gh": longName(long+".c4gh", 180)},
	{"l/" + long: "l/" + longName(long, 180) + "~object", "l/" + long + "/" + long: "l/" + longName(long, 180) + "/" + longName(long, 180)},
	{even: longName(even, 180), odd: longName(odd, 179)},
	{strings.Repeat("k", 1024): longName(strings.Repeat("k", 1024), 180)},
	{strings.Repeat("d/", 511) + "x": strings.Repeat("d/", 511) + "x"},
},
	// What shells, URLs, XML and other systems take for something else.
	asTheyAre("new\nline", "tab\tand\rreturn", " leading", "trailing ", "back\\slash", "quote\"'`", "star*?[a-z]", "-rf", "#hash", "a+b", "a b", "%2F",
		"%zz", "50%", "a=b&c=d;e", "<xml>&amp;", "ä ö/€", "日本語/キー", "\U0001f9ec", "e\u0301", "\u00e9", "\u202eabc", "\ufeffbom", "Case", "case", "CON",
		"dot.", "~tilde", "a:b", "|pipe", "\x7fdel", "\u0085next", "\uffffnone"),
	// Not UTF-8: Latin-1, half a character, a surrogate, a slash in too many bytes.
	asTheyAre("k\xe4se", "\xff\xfe", "h\xc3", "\xed\xa0\x80", "\xc0\xaf", "\x80"),
	everyByte(),
)

// asTheyAre are keys that are their own paths.
func asTheyAre(keys ...string) (cases []nameCase) {
	for _, key := range keys {
		cases = append(cases, nameCase{key: key})
	}
	return cases
}

// everyByte are all names of one byte.
func everyByte() (cases []nameCase) {
	for b := range 256 {
		if b != 0 && b != '/' && b != '.' {
			cases = append(cases, asTheyAre("byte/"+string([]byte{byte(b)}))...)
		}
	}
	return cases
}

// namesHeldBy returns the cases that a store can hold, in one.
func namesHeldBy(can func(nameCase) bool) nameCase {
	all := nameCase{}
	for _, c := range nameTable {
		if can(c) {
			maps.Copy(all, c)
		}
	}
	return all
}

// body is what the object with a key holds.
func (c nameCase) body(t *testing.T, key string, k keyPair) []byte {
	t.Helper()
	switch {
	case strings.HasSuffix(c[key], "/"):
		return nil
	case strings.HasSuffix(key, ".c4gh"):
		return encrypt(t, []byte(key), k)
	}
	return []byte(key)
}

// below returns the same keys with paths that begin with a directory.
func (c nameCase) below(dir string) nameCase {
	moved := nameCase{}
	for key, path := range c {
		moved[key] = dir + "/" + path
	}
	return moved
}

// check looks every path up in a new mount, and lists another one.
func (c nameCase) check(t *testing.T, env []string, args ...string) {
	t.Helper()
	asked := mount(t, env, append([]string{"--list-ttl", "0s"}, args...)...)
	for key, path := range c {
		c.checkPath(t, asked, key, path)
	}
	asked.end()

	listed := mount(t, env, args...)
	want := map[string]bool{}
	for _, path := range c {
		if !strings.HasSuffix(path, "_ameta") { // which is hidden
			want[path] = true
		}
		for dir := filepath.Dir(strings.TrimSuffix(path, "/")); dir != "."; dir = filepath.Dir(dir) {
			want[dir+"/"] = true
		}
	}
	for _, path := range tree(t, listed.dir) {
		if !want[path] {
			t.Errorf("%q is listed", path)
		}
		delete(want, path)
	}
	for path := range want {
		t.Errorf("%q isn't listed", path)
	}
	for key, path := range c {
		c.checkPath(t, listed, key, path)
	}
}

// checkPath holds that a path is the object with the key.
func (c nameCase) checkPath(t *testing.T, m *mountedFS, key, path string) {
	t.Helper()
	if strings.HasSuffix(path, "/") {
		if info, err := os.Stat(m.path(path)); err != nil || !info.IsDir() {
			t.Errorf("%.100q, which is empty, is %v, %v", key, info, err)
		}
		return
	}
	if got, err := os.ReadFile(m.path(path)); err != nil || string(got) != key {
		t.Errorf("%.100q reads %.100q, %v", key, got, err)
	}
	told := make([]byte, 2000)
	if n, err := unix.Getxattr(m.path(path), "user.allasfs.key", told); err != nil || string(told[:n]) != key {
		t.Errorf("%.100q says that it is %.100q, %v", key, told[:max(n, 0)], err)
	}
}

func TestNames(t *testing.T) {
	l := newLab(t)
	held := namesHeldBy(func(nameCase) bool { return true })
	for key := range held {
		l.put(key, held.body(t, key, l.key))
	}
	held.check(t, l.account(0).environ(t), "--sk", l.key.secret, "s3://"+bucket)
}

// randomKeys returns a key of each length from 1 to 1024 bytes, of whatever bytes or of whatever characters but NUL.
func randomKeys(seed uint64, valid bool) map[string]bool {
	r := rand.New(rand.NewPCG(seed, 0))
	keys := map[string]bool{}
	for length := 1; length <= 1024; {
		key := make([]byte, 0, length)
		for len(key) < length {
			switch n := r.IntN(200); {
			case n == 0 && !strings.HasSuffix(string(key), "/"):
				key = append(key, '/')
			case n < 60:
				key = append(key, "~().%[]-a"[n%9])
			case valid:
				key = utf8.AppendRune(key, 1+r.Int32N([]int32{'.', 0x7f, 0x7ff, 0xd7fe, 0x10fffe}[n%5]))
			default:
				key = append(key, byte(r.IntN(256)))
			}
		}
		if len(key) == length && !keys[string(key)] && string(key) != "/" {
			keys[string(key)] = true
			length++
		}
	}
	return keys
}

// checkEach holds that a walk through a mount finds each key once, and each object under a path that leads to it.
func checkEach(t *testing.T, m *mountedFS, keys map[string]bool) {
	t.Helper()
	missing := maps.Clone(keys)
	for _, path := range tree(t, m.dir) {
		if strings.HasSuffix(path, "/") {
			continue
		}
		key := string(m.read(path))
		if !missing[key] {
			t.Errorf("%.100q is there twice, or nobody put it", key)
		}
		delete(missing, key)
		nameCase{key: path}.checkPath(t, m, key, path)
	}
	for key := range missing {
		t.Errorf("%.100q isn't listed", key)
	}
}

// TestNamesOfEveryLength: whatever a key consists of, it has one path.
func TestNamesOfEveryLength(t *testing.T) {
	l := newLab(t)
	keys := randomKeys(1, false)
	for key := range keys {
		l.put(key, []byte(key))
	}
	checkEach(t, l.mount(), keys)
}

// TestNamesOfFiles: a directory holds those keys that are paths of files.
func TestNamesOfFiles(t *testing.T) {
	dir, key := t.TempDir(), newKey(t)
	held := namesHeldBy(nameCase.areFiles)
	for name, path := range held {
		if file := filepath.Join(dir, "names", name); !strings.HasSuffix(path, "/") {
			write(t, file, held.body(t, name, key))
		} else if err := os.MkdirAll(file, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	held.below("names").check(t, account{}.environ(t), "--sk", key.secret, "file://"+dir)
}

// areFiles tells whether all keys are paths of files and directories that can be there at the same time.
func (c nameCase) areFiles() bool {
	for key, path := range c {
		for part := range strings.SplitSeq(strings.TrimSuffix(key, "/"), "/") {
			if part == "" || part == "." || part == ".." || len(part) > 255 || strings.Contains(part, "\x00") {
				return false
			}
		}
		if strings.HasSuffix(key, "/") != strings.HasSuffix(path, "/") || c.above(key) {
			return false // it is an object and a directory
		}
	}
	return true
}

// above tells whether a key is a prefix of another one as well.
func (c nameCase) above(key string) bool {
	for other := range c {
		if !strings.HasSuffix(key, "/") && strings.HasPrefix(other, key+"/") {
			return true
		}
	}
	return false
}
