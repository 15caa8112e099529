package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// makeTree makes empty files, and the directories they are in, below the current directory.
func makeTree(t *testing.T, files ...string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for _, file := range files {
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlan(t *testing.T) {
	tree := []string{"d/a.c4gh", "d/sub dir/b.c4gh", "d/.c4gh", "e/a.c4gh", "one.c4gh", "have/x"}
	for _, c := range []struct {
		name, out string
		args      []string
		want      []string // SOURCE>RESULT
		failed    int
	}{
		{"streams", "", nil, []string{"->-"}, 0},
		{"streams by name", "-", []string{"-"}, []string{"->-"}, 0},
		{"into a file", "new", nil, []string{"->new"}, 0},
		{"a file to the stream", "", []string{"one.c4gh"}, []string{"one.c4gh>-"}, 0},
		{"a file", "new", []string{"one.c4gh"}, []string{"one.c4gh>new"}, 0},
		{"a file into a directory", "have", []string{"one.c4gh"}, []string{"one.c4gh>have/one"}, 0},
		{"a file into a new directory", "new/", []string{"one.c4gh"}, []string{"one.c4gh>new/one"}, 0},
		{"a directory", "new", []string{"d"}, []string{"d/.c4gh>new/.c4gh", "d/a.c4gh>new/a", "d/sub dir/b.c4gh>new/sub dir/b"}, 0},
		{"a directory with a slash", "new", []string{"e/"}, []string{"e/a.c4gh>new/a"}, 0},
		{"several", "new", []string{"e", "one.c4gh"}, []string{"e/a.c4gh>new/e/a", "one.c4gh>new/one"}, 0},
		{"dots", "new", []string{"e/.", "d/../e/a.c4gh"}, []string{"e/a.c4gh>new/e/a", "d/../e/a.c4gh>new/a"}, 0},
		{"two of one name", "new", []string{"d/a.c4gh", "e/a.c4gh"}, []string{"d/a.c4gh>new/a"}, 1},
		{"what isn't there", "new", []string{"no", "one.c4gh"}, []string{"one.c4gh>new/one"}, 1},
		{"results inside", "e/out", []string{"e"}, []string{"e/a.c4gh>e/out/a"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			makeTree(t, tree...)
			if c.name == "results inside" {
				if err := os.MkdirAll("e/out", 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile("e/out/a.c4gh", nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			p, err := newPlan(c.args, c.out, withoutSuffix)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, task := range p.tasks {
				got = append(got, task.src+">"+task.dst)
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) || len(p.failed) != c.failed {
				t.Errorf("got  %q, failed %v\nwant %q", got, p.failed, c.want)
			}
		})
	}
}

func TestPlanWithoutDestination(t *testing.T) {
	makeTree(t, "d/a", "b")
	for _, args := range [][]string{{"d"}, {"d/a", "b"}} {
		if _, err := newPlan(args, "", sameName); err == nil {
			t.Errorf("%q went into one stream", args)
		}
	}
}

// Links are followed where the user names them, and nowhere else.
func TestPlanWithLinks(t *testing.T) {
	makeTree(t, "d/a", "elsewhere/b")
	for link, to := range map[string]string{"to-d": "d", "d/to-b": "../elsewhere/b", "d/to-elsewhere": "../elsewhere"} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	p, err := newPlan([]string{"to-d"}, "new", sameName)
	if err != nil || len(p.tasks) != 1 || p.tasks[0].dst != "new/a" || p.special != 2 {
		t.Errorf("%+v, %v", p, err)
	}
}
