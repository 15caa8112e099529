package storetest

import (
	"slices"
	"strings"
	"testing"

	"allasfs/objstore"
)

// checkStrings compares two lists and shows the first difference.
func checkStrings(t *testing.T, what string, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("%s: %d entries, want %d; %q is missing", what, len(got), len(want), want[i])
		case i >= len(want):
			t.Errorf("%s: %d entries, want %d; %q is too many", what, len(got), len(want), got[i])
		case got[i] != want[i]:
			t.Errorf("%s: entry %d is %q, want %q", what, i, got[i], want[i])
		default:
			continue
		}
		return
	}
}

// list returns all entries of a listing, objects and prefixes in one, after it has checked each page.
func (f Fixture) list(t *testing.T, o objstore.ListOptions) []string {
	t.Helper()
	var all []string
	for pages := 0; ; pages++ {
		if pages > 1000 {
			t.Fatalf("%+v: no end", o)
		}
		page, err := f.Store.List(t.Context(), bucket, o)
		if err != nil {
			t.Fatalf("%+v: %v", o, err)
		}
		entries := checkPage(t, o, page)
		if len(all) > 0 && len(entries) > 0 && entries[0] <= all[len(all)-1] {
			t.Errorf("%+v: %q comes on a page after %q", o, entries[0], all[len(all)-1])
		}
		all = append(all, entries...)
		if page.Next == "" {
			return all
		}
		o.Token = page.Next
	}
}

// checkPage returns the entries of a page, sorted.
func checkPage(t *testing.T, o objstore.ListOptions, page objstore.Page) []string {
	t.Helper()
	var keys []string
	for _, object := range page.Objects {
		keys = append(keys, object.Key)
		if object.Bucket != bucket || object.ETag == "" || object.Modified.IsZero() {
			t.Errorf("%+v: incomplete object %+v", o, object)
		}
	}
	for what, list := range map[string][]string{"objects": keys, "prefixes": page.Prefixes} {
		if !slices.IsSorted(list) {
			t.Errorf("%+v: %s not in byte order: %q", o, what, list)
		}
	}
	entries := slices.Concat(keys, page.Prefixes)
	if o.Max > 0 && len(entries) > o.Max {
		t.Errorf("%+v: a page of %d entries", o, len(entries))
	}
	slices.Sort(entries)
	return entries
}

// treeKeys holds what is easily got wrong: names that sort between a directory's name and its slash, or behind it,
// and siblings that share a beginning.
var treeKeys = []string{
	"a-b", "a.c4gh", "a/1", "a/2", "a/b/3", "a/b/c/4", "a/b.c4gh", "a0", "ab/5", "b", "b!/6", "b-/7", "b.d/8", "b0",
	"z/y/x/w/v", "~", "Ä/ö", "é",
}

func (f Fixture) putTree(t *testing.T, keys []string) []string {
	t.Helper()
	for _, key := range keys {
		f.Put(bucket, key, pattern(len(key), 0))
	}
	return slices.Sorted(slices.Values(keys))
}

// want is what a listing of keys has to show.
func want(keys []string, o objstore.ListOptions) []string {
	var entries []string
	for _, key := range keys {
		entry, _ := rollUp(key, o)
		if strings.HasPrefix(key, o.Prefix) && key > o.StartAfter && !slices.Contains(entries, entry) {
			entries = append(entries, entry)
		}
	}
	return entries
}

func testListEverything(t *testing.T, f Fixture) {
	keys := f.putTree(t, treeKeys)
	for _, limit := range []int{0, 1, 2, 3, len(keys) - 1, len(keys), len(keys) + 1} {
		checkStrings(t, "everything", f.list(t, objstore.ListOptions{Max: limit}), keys)
	}
}

func testListPrefixes(t *testing.T, f Fixture) {
	keys := f.putTree(t, treeKeys)
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b/", "a/b/c/4", "a/b/c/4/", "b", "b-", "z/y", "z/y/", "none/", "/", "Ä"} {
		for _, delimiter := range []string{"", "/"} {
			for _, limit := range []int{0, 2} {
				o := objstore.ListOptions{Prefix: prefix, Delimiter: delimiter, Max: limit}
				checkStrings(t, "prefix "+prefix, f.list(t, o), want(keys, o))
			}
		}
	}
}

// testListStartAfter leaves out what the contract leaves to the store: a start inside of a rolled-up prefix.
func testListStartAfter(t *testing.T, f Fixture) {
	keys := f.putTree(t, treeKeys)
	for _, after := range []string{"a", "a-b", "a-c", "a.c4gh", "a0", "b", "b!", "b.", "b0", "~", "zzz", "é", "ÿ"} {
		for _, delimiter := range []string{"", "/"} {
			for _, limit := range []int{0, 2} {
				o := objstore.ListOptions{StartAfter: after, Delimiter: delimiter, Max: limit}
				checkStrings(t, "after "+after, f.list(t, o), want(keys, o))
			}
		}
	}
	for _, after := range []string{"a/1", "a/b", "a/b/", "a/b/c/4", "z/y/x/w"} {
		o := objstore.ListOptions{StartAfter: after, Max: 2}
		checkStrings(t, "after "+after, f.list(t, o), want(keys, o))
	}
}

func testListEmpty(t *testing.T, f Fixture) {
	for _, o := range []objstore.ListOptions{{}, {Prefix: "a"}, {Delimiter: "/"}, {StartAfter: "b"}} {
		checkStrings(t, "an empty bucket", f.list(t, o), nil)
	}
}

// oddKeys survive only if every layer quotes them as it should.
var oddKeys = []string{
	"space here", " leading", "trailing ", "plus+plus", "per%cent", "%2F", "%2f%zz", "new\nline", "tab\t", "amp&amp;", "a=b&c=d",
	"question?mark", "hash#tag", "semi;colon", "quote\"'`", "back\\slash", "<xml>&", "tilde~", "star*", "(round)[square]{curly}",
	"ääkköset/öljy", "e\u0301", "日本語/キー", "\U0001f9ec.bam", "dot./.dot", "...", "deep/a+b/c d/%/é", "comma,colon:at@", "\x01control", "|^",
	"both", "both/", "both/below", "marker/", "double//slash", "/leading", "dot/./dot", "up/../up", "..", "nul\x00nul",
	strings.Repeat("long", 70) + "/x",
}

func testListOddKeys(t *testing.T, f Fixture) {
	var keys []string
	for _, key := range oddKeys {
		if f.CanHold == nil || f.CanHold(key) {
			keys = append(keys, key)
		}
	}
	keys = f.putTree(t, keys)
	for _, o := range []objstore.ListOptions{{}, {Max: 1}, {Max: 3}, {Delimiter: "/"}, {Delimiter: "/", Max: 1}} {
		checkStrings(t, "odd keys", f.list(t, o), want(keys, o))
	}
	for _, key := range keys {
		o, err := f.Store.Head(t.Context(), bucket, key)
		if err != nil || o.Size != int64(len(key)) || o.Key != key {
			t.Errorf("%q: %+v, %v", key, o, err)
			continue
		}
		if got, err := f.get(t.Context(), o.Version, 0, o.Size); err != nil || string(got) != string(pattern(len(key), 0)) {
			t.Errorf("%q: %d bytes, %v", key, len(got), err)
		}
		options := objstore.ListOptions{Prefix: key}
		checkStrings(t, "prefix "+key, f.list(t, options), want(keys, options))
	}
}
