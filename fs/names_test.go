package fs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"allasfs/objstore"
	"allasfs/objstore/storetest"
)

func TestNames(t *testing.T) {
	long := strings.Repeat("x", 300)
	longName := "~[" + long[:longHead] + "~" + digest(long) + "]"
	tests := []struct {
		keys []string
		want map[string]string // name → key; a directory's key ends in "/"
	}{
		{[]string{"a.c4gh"}, map[string]string{"a": "a.c4gh"}},
		{[]string{"a", "a.c4gh"}, map[string]string{"a": "a", "a.c4gh": "a.c4gh"}},
		{[]string{"a.c4gh", "a/b"}, map[string]string{"a": "a/", "a.c4gh": "a.c4gh"}},
		{[]string{"a", "a.c4gh", "a/b"}, map[string]string{"a": "a/", "a~object": "a", "a.c4gh": "a.c4gh"}},
		{[]string{"a", "a/b"}, map[string]string{"a": "a/", "a~object": "a"}},
		{[]string{"a.c4gh", "a.c4gh/b"}, map[string]string{"a": "a.c4gh", "a.c4gh": "a.c4gh/"}},
		{[]string{"a", "a.c4gh", "a.c4gh/b"}, map[string]string{"a": "a", "a.c4gh": "a.c4gh/", "a.c4gh~object": "a.c4gh"}},
		{[]string{"a.c4gh", "a.c4gh.c4gh"}, map[string]string{"a": "a.c4gh", "a.c4gh.c4gh": "a.c4gh.c4gh"}},
		{[]string{"a.c4gh.c4gh"}, map[string]string{"a.c4gh": "a.c4gh.c4gh"}},
		{[]string{".c4gh"}, map[string]string{".c4gh": ".c4gh"}},
		{[]string{"..c4gh", "...c4gh"}, map[string]string{"~(.)": "..c4gh", "~(..)": "...c4gh"}},
		{[]string{"./x", "../x", "/x"}, map[string]string{"~(.)": "./", "~(..)": "../", "~()": "/"}},
		{[]string{"a~object", "a", "a/b"}, map[string]string{"a": "a/", "a~object": "a", "~(a~object)": "a~object"}},
		{[]string{"~(.)", "./x"}, map[string]string{"~(.)": "./", "~(~(.))": "~(.)"}},
		{[]string{"~(100%)"}, map[string]string{"~(~(100%25))": "~(100%)"}},
		{[]string{"100%"}, map[string]string{"100%": "100%"}},
		{[]string{"new\nline", "käse", "\xff\xfe"}, map[string]string{"new\nline": "new\nline", "käse": "käse", "\xff\xfe": "\xff\xfe"}},
		{[]string{long}, map[string]string{longName: long}},
		{[]string{long, long + "/b"}, map[string]string{longName: long + "/", longName + "~object": long}},
		{[]string{long + ".c4gh"}, map[string]string{longName: long + ".c4gh"}},
		{[]string{"x_ameta", "x"}, map[string]string{"x": "x", "x_ameta": "x_ameta"}},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("%.40q", test.keys), func(t *testing.T) {
			tree := treeOf(t, TreeOptions{}, test.keys...)
			got := make(map[string]string)
			for _, e := range list(t, tree, Place{Bucket: "b"}) {
				got[e.Name] = keyOf(e)
				if len(e.Name) > maxName {
					t.Errorf("%q has %d bytes", e.Name, len(e.Name))
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			for name, key := range test.want {
				e, err := tree.Lookup(context.Background(), Place{Bucket: "b"}, name)
				if err != nil || keyOf(e) != key {
					t.Errorf("Lookup(%q) is %q, %v; want %q", name, keyOf(e), err, key)
				}
			}
		})
	}
}

// keyOf returns what an entry stands for; a directory's ends in "/".
func keyOf(e Entry) string {
	if e.Dir {
		return e.Component + "/"
	}
	return e.Object.Key
}

// treeOf returns a tree over bucket "b" with the given keys, each holding one byte.
func treeOf(t *testing.T, o TreeOptions, keys ...string) *Tree {
	t.Helper()
	store := new(storetest.Memory)
	store.MakeBucket("b")
	for _, key := range keys {
		store.Put("b", key, []byte{1})
	}
	return treeOver(t, store, o)
}

func treeOver(t *testing.T, store objstore.Store, o TreeOptions) *Tree {
	t.Helper()
	tree := NewTree(store, o)
	t.Cleanup(tree.Close)
	return tree
}

// list returns all entries of a place, the hidden ones too.
func list(t *testing.T, tree *Tree, p Place) (entries []Entry) {
	t.Helper()
	l := tree.List(p)
	for i := 0; ; i++ {
		e, err := l.At(context.Background(), i)
		if err != nil {
			t.Fatal(err)
		}
		if e == nil {
			return entries
		}
		entries = append(entries, *e)
	}
}

// Names must not depend on where pages end, every key must have exactly one name, and Lookup must agree with the
// listing about every name and about those that aren't there.
func TestNamesOfRandomBuckets(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	pieces := []string{"a", "b", ".c4gh", "/", "/x", "~object", "-", ".", "~(", ")", "_ameta", ".d"}
	for round := range 400 {
		keys := make(map[string]bool)
		for range 1 + r.IntN(12) {
			var key strings.Builder
			for range 1 + r.IntN(4) {
				key.WriteString(pieces[r.IntN(len(pieces))])
			}
			keys[key.String()] = true
		}
		store := new(storetest.Memory)
		for key := range keys {
			store.Put("b", key, []byte{1})
		}
		whole := list(t, treeOver(t, store, TreeOptions{}), Place{Bucket: "b"})
		paged := list(t, treeOver(t, smallPages{store, 1 + r.IntN(3)}, TreeOptions{}), Place{Bucket: "b"})
		if !slices.EqualFunc(sorted(whole), sorted(paged), func(a, b Entry) bool { return a == b }) {
			t.Fatalf("round %d, keys %v: the page size changes names\n%v\n%v", round, keys, names(whole), names(paged))
		}
		checkBijection(t, keys, whole)
		checkLookups(t, treeOver(t, smallPages{store, 2}, TreeOptions{}), whole)
	}
}

// smallPages is a store with pages of n entries.
type smallPages struct {
	objstore.Store
	n int
}

func (s smallPages) List(ctx context.Context, bucket string, o objstore.ListOptions) (objstore.Page, error) {
	if o.Max == 0 {
		o.Max = s.n
	}
	return s.Store.List(ctx, bucket, o)
}

func sorted(entries []Entry) []Entry {
	out := slices.Clone(entries)
	slices.SortFunc(out, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func names(entries []Entry) (out []string) {
	for _, e := range entries {
		out = append(out, e.Name)
	}
	return out
}

// checkBijection checks that every top-level component has one name and every name one component.
func checkBijection(t *testing.T, keys map[string]bool, entries []Entry) {
	t.Helper()
	want := make(map[string]bool)
	for key := range keys {
		component, _, isDir := strings.Cut(key, "/")
		if isDir {
			component += "/"
		}
		want[component] = true
	}
	seen := make(map[string]bool)
	for _, e := range entries {
		key := keyOf(e)
		if seen[e.Name] {
			t.Errorf("keys %v: two entries are called %q", keys, e.Name)
		}
		if !want[key] {
			t.Errorf("keys %v: %q is listed twice or isn't there", keys, key)
		}
		seen[e.Name] = true
		delete(want, key)
	}
	if len(want) > 0 {
		t.Errorf("keys %v: not listed: %v", keys, want)
	}
}

func checkLookups(t *testing.T, tree *Tree, entries []Entry) {
	t.Helper()
	there := make(map[string]Entry)
	for _, e := range entries {
		there[e.Name] = e
	}
	try := []string{"a", "b", "a.c4gh", "a~object", "~(a)", "~()", "a.c4gh~object", "nothing", "~[x~0]"}
	for _, name := range append(try, names(entries)...) {
		got, err := tree.Lookup(context.Background(), Place{Bucket: "b"}, name)
		want, ok := there[name]
		if ok && (err != nil || got != want) || !ok && !errors.Is(err, objstore.ErrNotExist) {
			t.Errorf("of %q: Lookup(%q) is %+v, %v; listed: %v", names(entries), name, got, err, ok)
		}
	}
}

func TestMarkersAreTheirDirectory(t *testing.T) {
	store := new(storetest.Memory)
	store.Put("b", "d/", nil)
	store.Put("b", "d/x", []byte{1})
	store.Put("b", "full/", []byte("content"))
	tree := treeOver(t, store, TreeOptions{})
	if got := names(list(t, tree, Place{"b", "d/"})); !slices.Equal(got, []string{"x"}) {
		t.Errorf("d/ shows %q", got)
	}
	if got := names(list(t, tree, Place{"b", "full/"})); !slices.Equal(got, []string{"~()"}) {
		t.Errorf("full/ shows %q", got)
	}
}

func TestHiddenEntries(t *testing.T) {
	store := new(storetest.Memory)
	for _, bucket := range []string{"data", "data_segments"} {
		store.Put(bucket, "x", []byte{1})
		store.Put(bucket, "x_ameta", []byte{1})
	}
	for _, showAll := range []bool{false, true} {
		tree := treeOver(t, store, TreeOptions{ShowAll: showAll})
		for _, p := range []Place{{}, {Bucket: "data"}} {
			for _, e := range list(t, tree, p) {
				special := strings.HasSuffix(e.Name, segmentsSuffix) || strings.HasSuffix(e.Name, metaSuffix)
				if e.Hidden != (special && !showAll) {
					t.Errorf("showAll %v: %s is hidden: %v", showAll, e.Name, e.Hidden)
				}
			}
		}
	}
}

func TestKeepSuffix(t *testing.T) {
	tree := treeOf(t, TreeOptions{KeepSuffix: true}, "a.c4gh", "b", "b.c4gh", "b.c4gh/x")
	got := names(sorted(list(t, tree, Place{Bucket: "b"})))
	if want := []string{"a.c4gh", "b", "b.c4gh", "b.c4gh~object"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", ".", "..", "a", "~()", "~(x)", "a~object", "%00", "\x00", strings.Repeat("é", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, component string) {
		component = strings.ReplaceAll(component, "/", "")
		for _, name := range []string{escape(component), strings.TrimSuffix(escapeMarked(component), objectMark)} {
			if name == "" || name == "." || name == ".." || len(name) > maxName || strings.ContainsAny(name, "/\x00") {
				t.Errorf("%q has the name %q, which no file can have", component, name)
			}
			if back, ok := unescape(name); ok && back != component {
				t.Errorf("%q has the name %q, which stands for %q", component, name, back)
			}
		}
	})
}
