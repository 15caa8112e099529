package fs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"allasfs/c4gh"
	"allasfs/objstore"
	"allasfs/objstore/storetest"
)

// twoProfiles joins ann, who has buckets of every kind, and bob, in whose bucket an object has no header.
func twoProfiles(t *testing.T, o TreeOptions) (*Tree, *storetest.Faults) {
	t.Helper()
	ann, bob := new(storetest.Memory), new(storetest.Memory)
	ann.Put("data", "dir/x", []byte("of ann"))
	ann.Put("data_segments", "x", []byte{1})
	ann.Put("shared", "x", []byte{1})
	ann.Put("2000001-a-tools", "buckets_shared_to", []byte("noted\n"))
	bob.Put("data", "dir/x", []byte("of bob's"))
	faults := &storetest.Faults{Store: bob}
	o.Profiles = true
	return treeOver(t, objstore.Join(map[string]objstore.Store{"ann's": hideBucket{ann, "shared"}, "bob": faults}), o), faults
}

func TestProfilesAreDirectories(t *testing.T) {
	tree, _ := twoProfiles(t, TreeOptions{Buckets: []string{"bob/named", "ann's/shared"}})
	for _, c := range []struct {
		place Place
		want  []string
	}{
		{Place{}, []string{"ann's", "bob"}},
		{Place{Bucket: "ann's"}, []string{"2000001-a-tools", "data", "data_segments (hidden)", "noted", "shared"}},
		{Place{Bucket: "bob"}, []string{"data", "named"}},
		{Place{"ann's", "data/"}, []string{"dir"}},
		{Place{"bob", "data/dir/"}, []string{"x"}},
	} {
		if got := namesAndHidden(list(t, tree, c.place)); !slices.Equal(got, c.want) {
			t.Errorf("%v: %q, want %q", c.place, got, c.want)
		}
	}
}

func namesAndHidden(entries []Entry) (all []string) {
	for _, e := range entries {
		if e.Hidden {
			e.Name += " (hidden)"
		}
		all = append(all, e.Name)
	}
	return all
}

func TestLookupBelowProfiles(t *testing.T) {
	tree, faults := twoProfiles(t, TreeOptions{})
	ctx := context.Background()
	place := tree.Root()
	for _, name := range []string{"bob", "data", "dir"} {
		e, err := tree.Lookup(ctx, place, name)
		if err != nil || !e.Dir || e.Name != name {
			t.Fatalf("%v, %s: %+v, %v", place, name, e, err)
		}
		place = place.child(e.Component)
	}
	e, err := tree.Lookup(ctx, place, "x")
	if err != nil || e.Object.Bucket != "bob" || e.Object.Key != "data/dir/x" || e.Object.Size != 8 {
		t.Errorf("%+v, %v", e, err)
	}
	if e, err := tree.Lookup(ctx, Place{Bucket: "ann's"}, "shared"); err != nil || !e.Dir {
		t.Errorf("a bucket that isn't listed: %+v, %v", e, err)
	}
	if _, err := tree.Lookup(ctx, Place{Bucket: "bob"}, "shared"); !errors.Is(err, objstore.ErrNoBucket) || !strings.Contains(err.Error(), "bob/shared") {
		t.Errorf("the bucket of the other profile: %v", err)
	}
	before := len(faults.Requests())
	if _, err := tree.Lookup(ctx, Place{}, "eve"); !errors.Is(err, objstore.ErrNotExist) {
		t.Errorf("no such profile: %v", err)
	}
	if _, err := tree.Lookup(ctx, Place{Bucket: "bob"}, ".Trash-1000"); !errors.Is(err, objstore.ErrNotExist) {
		t.Errorf("what no bucket is called: %v", err)
	}
	if n := len(faults.Requests()); n != before {
		t.Errorf("%d requests for names that can't be there", n-before)
	}
}

// A profile whose credentials aren't good is found out at once, unless its buckets are named.
func TestCheckAsksEachProfile(t *testing.T) {
	for _, c := range []struct {
		buckets []string
		want    error
	}{{nil, objstore.ErrDenied}, {[]string{"ann/b"}, objstore.ErrDenied}, {[]string{"bob/b"}, nil}} {
		faults := &storetest.Faults{Store: new(storetest.Memory)}
		faults.Set(func(storetest.Request) storetest.Fault { return storetest.Fault{Err: objstore.ErrDenied} })
		joined := objstore.Join(map[string]objstore.Store{"ann": new(storetest.Memory), "bob": faults})
		tree := treeOver(t, joined, TreeOptions{Profiles: true, Buckets: c.buckets})
		if err := tree.Check(context.Background()); !errors.Is(err, c.want) {
			t.Errorf("with the buckets %q: %v, want %v", c.buckets, err, c.want)
		} else if e, ok := errors.AsType[*objstore.Error](err); err != nil && (!ok || e.Bucket != "bob") {
			t.Errorf("%v doesn't name the profile", err)
		}
	}
}

// A source of headers knows buckets and keys as the profile's own store has them.
func TestHeadersHeldElsewhereBelowProfiles(t *testing.T) {
	key, dir := newKey(t), t.TempDir()
	object := seal(t, make([]byte, 1000), key)
	store := new(storetest.Memory)
	store.Put("b", "dir/x.c4gh", object[124:])
	if err := os.MkdirAll(filepath.Join(dir, "b", "dir"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "b", "dir", "x.c4gh"), object[:124], 0o600); err != nil {
		t.Fatal(err)
	}
	headers, err := OpenHeaderDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer headers.Close()
	joined := objstore.Join(map[string]objstore.Store{"ann": store})
	tree := treeOver(t, joined, TreeOptions{Profiles: true, Headers: headers, Keys: []*c4gh.SecretKey{key}})
	e, err := tree.Lookup(context.Background(), Place{"ann", "b/dir/"}, "x")
	if err != nil {
		t.Fatal(err)
	}
	if c, err := tree.Content(context.Background(), e); err != nil || c.Err != nil || c.Size != 1000 {
		t.Errorf("%+v, %v", c, err)
	}
	if profile, bucket, key := tree.stored(e.Object.Version); fmt.Sprint(profile, " ", bucket, " ", key) != "ann b dir/x.c4gh" {
		t.Errorf("stored at %s, %s, %s", profile, bucket, key)
	}
}
