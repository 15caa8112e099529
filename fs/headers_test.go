package fs

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"allasfs/c4gh"
	"allasfs/objstore/storetest"
)

func TestHeadersHeldElsewhere(t *testing.T) {
	ours, theirs := newKey(t), newKey(t)
	store := new(storetest.Memory)
	dir := t.TempDir()
	manifest := `{"bucket": "b", "owner": "x", "owner_name": "y", "headers": [`
	for i, key := range []*c4gh.SecretKey{ours, ours, theirs} {
		object := seal(t, make([]byte, 70_000+i), key)
		name := fmt.Sprintf("dir/%d.c4gh", i)
		store.Put("b", name, object[124:])
		switch i {
		case 0:
			if err := os.MkdirAll(filepath.Join(dir, "b", "dir"), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "b", name), object[:124], 0o600); err != nil {
				t.Fatal(err)
			}
		default:
			manifest += fmt.Sprintf(`{"key": %q, "header": %q},`, name, base64.URLEncoding.EncodeToString(object[:124]))
		}
	}
	manifest = manifest[:len(manifest)-1] + "]}"
	if err := os.WriteFile(filepath.Join(dir, "sd-lock-manifest.json"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	store.Put("b", "dir/3.c4gh", make([]byte, 100))
	headers, err := OpenHeaderDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer headers.Close()
	tree := treeOver(t, store, TreeOptions{Keys: []*c4gh.SecretKey{ours}, Headers: headers})
	for i, want := range []error{nil, nil, c4gh.ErrNoKey, ErrHeaderElsewhere} {
		e, err := tree.Lookup(context.Background(), Place{"b", "dir/"}, fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		c, err := tree.Content(context.Background(), e)
		if err != nil {
			t.Fatal(err)
		}
		if !errors.Is(c.Err, want) || c.source != nil && c.source.HeaderSize != 0 || i < 3 && c.Size != int64(70_000+i) {
			t.Errorf("object %d: %+v, want %v", i, c, want)
		}
	}
}

func TestHeaderDirRefusesWhatIsNotOne(t *testing.T) {
	for name, content := range map[string]string{"not-json.json": "{", "no-bucket.json": `{"headers": []}`} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenHeaderDir(dir); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	if err := os.WriteFile(outside, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	inside := filepath.Join(dir, "inside")
	if err := os.Mkdir(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	headers, err := OpenHeaderDir(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer headers.Close()
	for _, key := range []string{"../outside", "../../outside", "b/../../outside"} {
		if got, _ := headers.Header(context.Background(), "b", key); got != nil {
			t.Errorf("the key %q reads a file outside of the directory", key)
		}
	}
}
