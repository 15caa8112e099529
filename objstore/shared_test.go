package objstore_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"allasfs/objstore"
	"allasfs/objstore/dirstore"
)

func TestSharedBuckets(t *testing.T) {
	for _, c := range []struct {
		name, bucket, list string
		want               []string
	}{
		{"a list", "2000001-a-tools", "zeta\nalpha\r\n\n  beta  \nalpha\nours\n", []string{"alpha", "beta", "zeta"}},
		{"another name", "project_2000001-a-tools", "one", []string{"one"}},
		{"what isn't a bucket", "2000001-a-tools", "a/b\ns3://c\nd e\nf", []string{"f"}},
		{"empty", "2000001-a-tools", "", nil},
		{"not the tools' bucket", "x-a-tools", "one", nil},
	} {
		dir := t.TempDir()
		for _, bucket := range []string{c.bucket, "ours"} {
			if err := os.Mkdir(filepath.Join(dir, bucket), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, c.bucket, "buckets_shared_to"), []byte(c.list), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := shared(t, dir); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSharedBucketsWithoutList(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "2000001-a-tools"), 0o700); err != nil {
		t.Fatal(err)
	}
	if got := shared(t, dir); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

func shared(t *testing.T, dir string) []string {
	t.Helper()
	store, err := dirstore.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	own, err := store.Buckets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names, err := objstore.SharedBuckets(t.Context(), store, own)
	if err != nil {
		t.Fatal(err)
	}
	return names
}
