package dirstore_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"allasfs/objstore"
	"allasfs/objstore/dirstore"
	"allasfs/objstore/storetest"
)

func open(t *testing.T, dir string) *dirstore.Store {
	t.Helper()
	s, err := dirstore.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func write(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o666); err != nil {
		t.Fatal(err)
	}
}

// put writes a file and waits until the file system's clock has moved on, so that a second put gives another ETag.
func put(t *testing.T, name string, data []byte) {
	t.Helper()
	old, err := os.Stat(name)
	write(t, name, data)
	for now := old; err == nil && now.ModTime().Equal(old.ModTime()); {
		time.Sleep(time.Millisecond)
		write(t, name, data)
		if now, err = os.Stat(name); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		dir := t.TempDir()
		return storetest.Fixture{
			Store: open(t, dir),
			MakeBucket: func(bucket string) {
				if err := os.MkdirAll(filepath.Join(dir, bucket), 0o777); err != nil {
					t.Fatal(err)
				}
			},
			Put:     func(bucket, key string, data []byte) { put(t, filepath.Join(dir, bucket, key), data) },
			CanHold: canHold,
		}
	})
}

// canHold also says no to "both", which can't be a file and a directory, and to components above 255 bytes.
func canHold(key string) bool {
	for part := range strings.SplitSeq(key, "/") {
		if len(part) > 255 {
			return false
		}
	}
	return fs.ValidPath(key) && !strings.Contains(key, "\x00") && key != "both"
}

func keys(t *testing.T, s *dirstore.Store, bucket string, o objstore.ListOptions) []string {
	t.Helper()
	page, err := s.List(t.Context(), bucket, o)
	if err != nil {
		t.Fatal(err)
	}
	found := slices.Clone(page.Prefixes)
	for _, o := range page.Objects {
		found = append(found, o.Key)
	}
	slices.Sort(found)
	return found
}

func TestNew(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), nil)
	for _, name := range []string{"none", "file"} {
		if _, err := dirstore.New(filepath.Join(dir, name)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A replaced file is another version even where time and size are the same.
func TestETagHasInode(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	name, other := filepath.Join(dir, "b/k"), filepath.Join(dir, "other")
	write(t, name, []byte("one"))
	write(t, other, []byte("two"))
	then := time.Now()
	for _, f := range []string{name, other} {
		if err := os.Chtimes(f, then, then); err != nil {
			t.Fatal(err)
		}
	}
	old, err := s.Head(t.Context(), "b", "k")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(other, name); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), old.Version, 0, 3); !errors.Is(err, objstore.ErrChanged) {
		t.Errorf("%v, want %v", err, objstore.ErrChanged)
	}
}

func TestLinks(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	write(t, filepath.Join(dir, "outside"), []byte("secret"))
	write(t, filepath.Join(dir, "other/file"), []byte("other"))
	write(t, filepath.Join(dir, "b/sub/file"), []byte("inside"))
	for link, to := range map[string]string{
		"b/inside": "sub/file", "b/sub/up": "../sub/file", "b/absolute": filepath.Join(dir, "b/sub/file"), "b/outside": "../outside",
		"b/etc": "/etc/passwd", "b/other": "../other/file", "b/loop": "loop", "b/dangling": "nothing", "b/dir": "sub",
		"b/otherdir": "../other", "linkedbucket": "b", "root": "/",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := keys(t, s, "b", objstore.ListOptions{}), []string{"inside", "sub/file", "sub/up"}; !slices.Equal(got, want) {
		t.Errorf("listed: %q, want %q", got, want)
	}
	for _, key := range []string{"inside", "sub/up"} {
		if o, err := s.Head(t.Context(), "b", key); err != nil || o.Size != 6 {
			t.Errorf("%s: %+v, %v", key, o, err)
		}
	}
	for _, key := range []string{"absolute", "outside", "etc", "other", "loop", "dangling", "dir", "otherdir/file"} {
		if _, err := s.Head(t.Context(), "b", key); !errors.Is(err, objstore.ErrNotExist) {
			t.Errorf("head %s: %v, want %v", key, err, objstore.ErrNotExist)
		}
		v := objstore.Version{Bucket: "b", Key: key, ETag: "x", Size: 1}
		if _, err := s.Get(t.Context(), v, 0, 1); !errors.Is(err, objstore.ErrNotExist) {
			t.Errorf("get %s: %v, want %v", key, err, objstore.ErrNotExist)
		}
	}
	for _, bucket := range []string{"linkedbucket", "root", "outside", "..", ".", "b/sub"} {
		if _, err := s.List(t.Context(), bucket, objstore.ListOptions{}); !errors.Is(err, objstore.ErrNoBucket) {
			t.Errorf("bucket %s: %v, want %v", bucket, err, objstore.ErrNoBucket)
		}
	}
}

func TestEmptyDirectories(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := os.MkdirAll(filepath.Join(dir, "b/full/empty"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		o    objstore.ListOptions
		want []string
	}{
		{objstore.ListOptions{}, []string{"full/empty/"}},
		{objstore.ListOptions{Delimiter: "/"}, []string{"full/"}},
		{objstore.ListOptions{Delimiter: "/", Prefix: "full/"}, []string{"full/empty/"}},
		{objstore.ListOptions{Delimiter: "/", Prefix: "full/empty/"}, []string{"full/empty/"}},
		{objstore.ListOptions{StartAfter: "full/empty/"}, nil},
	} {
		if got := keys(t, s, "b", c.o); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.o, got, c.want)
		}
	}
	o, err := s.Head(t.Context(), "b", "full/empty/")
	if err != nil || o.Size != 0 || o.Key != "full/empty/" {
		t.Errorf("%+v, %v", o, err)
	}
	for _, key := range []string{"full/", "full", "full/empty", "/", "./", "none/"} {
		if _, err := s.Head(t.Context(), "b", key); !errors.Is(err, objstore.ErrNotExist) {
			t.Errorf("%q: %v, want %v", key, err, objstore.ErrNotExist)
		}
	}
}

// Names that aren't UTF-8 are names.
func TestLatin1(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	write(t, filepath.Join(dir, "b/\xe4\xe4/\xf6"), []byte("x"))
	if got := keys(t, s, "b", objstore.ListOptions{}); !slices.Equal(got, []string{"\xe4\xe4/\xf6"}) {
		t.Errorf("listed: %q", got)
	}
	if o, err := s.Head(t.Context(), "b", "\xe4\xe4/\xf6"); err != nil || o.Size != 1 {
		t.Errorf("%+v, %v", o, err)
	}
}

// Pages come from one reading of a large directory, and the listing goes on when that is forgotten.
func TestManyPages(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	const files = 5000
	var want []string
	for i := range files {
		key := fmt.Sprintf("f%04d", i)
		write(t, filepath.Join(dir, "b", key), nil)
		want = append(want, key)
	}
	other := open(t, dir)
	var got []string
	var o objstore.ListOptions
	for {
		store := s
		if len(got) == 2000 {
			store = other
		}
		page, err := store.List(t.Context(), "b", o)
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range page.Objects {
			got = append(got, object.Key)
		}
		if o.Token = page.Next; o.Token == "" {
			break
		}
		if len(got) == 1000 { // the listing shows the directory as it was
			write(t, filepath.Join(dir, "b", "f1000a"), nil)
		}
	}
	i := slices.Index(got, "f1000a")
	if i >= 0 {
		got = slices.Delete(got, i, i+1)
	}
	if i >= 0 || !slices.Equal(got, want) {
		t.Errorf("%d keys, want %d; the file that came later is at %d, want -1", len(got), len(want), i)
	}
}

// More listings under way than are kept: each still comes to its end.
func TestManyListings(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	const listings = 40
	tokens := make([]string, listings)
	for i := range listings {
		for k := range 3 {
			write(t, filepath.Join(dir, "b", fmt.Sprintf("%02d/%d", i, k)), nil)
		}
	}
	for round := range 3 {
		for i := range listings {
			prefix := fmt.Sprintf("%02d/", i)
			page, err := s.List(t.Context(), "b", objstore.ListOptions{Prefix: prefix, Max: 1, Token: tokens[i]})
			if err != nil || len(page.Objects) != 1 || page.Objects[0].Key != fmt.Sprintf("%s%d", prefix, round) {
				t.Fatalf("round %d of %s: %+v, %v", round, prefix, page, err)
			}
			tokens[i] = page.Next
		}
	}
}

func TestBadToken(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "b/k"), nil)
	if _, err := open(t, dir).List(t.Context(), "b", objstore.ListOptions{Token: "x"}); err == nil {
		t.Error("no error")
	}
}
