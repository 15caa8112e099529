// Package imports holds the rule of which package may import which. It has a test and nothing else.
package imports

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "allasfs"

// allowed says which packages of ours each package may import. A pattern with a slash at its end stands for what lies
// below.
var allowed = []struct {
	pkg     string
	imports []string
}{
	{"c4gh", nil},
	{"objstore", nil},
	{"objstore/", []string{"objstore", "objstore/"}},
	{"cache", []string{"cache/", "c4gh", "objstore"}},
	{"cache/", []string{"c4gh", "objstore"}},
	{"fs", []string{"cache", "c4gh", "objstore"}},
	{"cmd/", []string{"cmd/", "fs", "cache", "cache/", "c4gh", "objstore", "objstore/"}},
	{"test", []string{"test/", "c4gh", "objstore"}},
	{"test/", []string{"test/", "c4gh", "objstore"}},
}

// onlyIn names libraries, by the beginning of their path, that a single part of the program may know.
var onlyIn = []struct {
	library string
	pkgs    []string
}{
	{"github.com/aws/", []string{"objstore/s3store", "cmd/", "test/"}},
	{"github.com/gophercloud/", []string{"objstore/keystone"}},
	{"github.com/hanwen/go-fuse", []string{"fs", "cmd/"}},
	{"github.com/hashicorp/golang-lru", []string{"cache", "cache/", "fs"}},
	{"github.com/prometheus/", []string{"cmd/"}},
	{"github.com/rclone/gofakes3", []string{"test/s3server"}},
	{"github.com/spf13/", []string{"cmd/"}},
	{"net/http", []string{"objstore/s3store", "objstore/swiftstore", "objstore/keystone", "cmd/", "test", "test/"}},
}

type listed struct {
	ImportPath string
	Imports    []string
}

func list(t *testing.T) (pkgs []listed) {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, err.(*exec.ExitError).Stderr)
	}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// within says whether pkg is the pattern, or below it when the pattern ends with a slash.
func within(pkg, pattern string) bool {
	return pkg == pattern || strings.HasSuffix(pattern, "/") && strings.HasPrefix(pkg, pattern)
}

func TestImportsGoOneWay(t *testing.T) {
	for _, p := range list(t) {
		pkg := strings.TrimPrefix(p.ImportPath, module+"/")
		i := slices.IndexFunc(allowed, func(a struct {
			pkg     string
			imports []string
		}) bool {
			return within(pkg, a.pkg)
		})
		if i < 0 {
			t.Errorf("%s: no rule for this package", pkg)
			continue
		}
		for _, imp := range p.Imports {
			ours, ok := strings.CutPrefix(imp, module+"/")
			if ok && !slices.ContainsFunc(allowed[i].imports, func(a string) bool { return within(ours, a) }) {
				t.Errorf("%s imports %s", pkg, ours)
			}
		}
	}
}

func TestLibrariesStayInTheirRoom(t *testing.T) {
	for _, p := range list(t) {
		pkg := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, rule := range onlyIn {
			if slices.ContainsFunc(rule.pkgs, func(a string) bool { return within(pkg, a) }) {
				continue
			}
			for _, imp := range p.Imports {
				if strings.HasPrefix(imp, rule.library) {
					t.Errorf("%s imports %s", pkg, imp)
				}
			}
		}
	}
}

// The rule itself must be able to fail.
func TestWithin(t *testing.T) {
	for _, c := range []struct {
		pkg, pattern string
		want         bool
	}{
		{"cache", "cache", true}, {"cache/x", "cache", false}, {"objstore/s3store", "objstore/", true},
		{"objstore", "objstore/", false}, {"cached", "cache", false},
	} {
		if got := within(c.pkg, c.pattern); got != c.want {
			t.Errorf("within(%q, %q) = %v", c.pkg, c.pattern, got)
		}
	}
}
