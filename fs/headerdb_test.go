package fs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"allasfs/c4gh"
	"allasfs/objstore"
	"allasfs/objstore/storetest"
)

// restart looks at a bucket as a new mount with the keys and the database does.
func restart(t *testing.T, store objstore.Store, file, endpoint string, look func(*Tree, Entry), keys ...*c4gh.SecretKey) {
	t.Helper()
	db, err := OpenHeaderDB(file, endpoint, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tree := NewTree(store, TreeOptions{Keys: keys, HeaderDB: db})
	defer tree.Close()
	for _, e := range list(t, tree, Place{Bucket: "b"}) {
		look(tree, e)
	}
}

func TestHeadersSurviveARestart(t *testing.T) {
	key := newKey(t)
	store := new(storetest.Memory)
	for i := range 50 {
		store.Put("b", fmt.Sprintf("%02d.c4gh", i), seal(t, make([]byte, i), key))
	}
	faults := &storetest.Faults{Store: store}
	file := filepath.Join(t.TempDir(), "headers.db")
	look := func(endpoint string) {
		t.Helper()
		i := 0
		restart(t, faults, file, endpoint, func(tree *Tree, e Entry) {
			c, err := tree.Content(context.Background(), e)
			if err != nil || c.Size != int64(i) || c.Err != nil || !c.Encrypted {
				t.Errorf("object %d: %+v, %v", i, c, err)
			}
			i++
		}, key)
	}
	look("https://one")
	if n := faults.Count("get"); n != 50 {
		t.Errorf("%d GETs for 50 headers", n)
	}
	look("https://one")
	if n := faults.Count("get"); n != 50 {
		t.Errorf("%d GETs after a restart, none should be needed", n-50)
	}
	look("https://two")
	if n := faults.Count("get"); n != 100 {
		t.Errorf("another endpoint's objects were taken for these: %d GETs", n-50)
	}
	store.Put("b", "07.c4gh", seal(t, make([]byte, 7), key))
	look("https://one")
	if n := faults.Count("get"); n != 101 {
		t.Errorf("%d GETs for one object that was replaced", n-100)
	}
}

// TestWhatIsRemembered: after a restart the size of an object without edits is known before its header is opened; for
// everything else, and for other keys, the header is opened anew. In no case it is fetched again.
func TestWhatIsRemembered(t *testing.T) {
	ann, bob, eve := newKey(t), newKey(t), newKey(t)
	store := new(storetest.Memory)
	const size = 70_000
	store.Put("b", "0-plain.c4gh", seal(t, make([]byte, size), ann, bob))
	store.Put("b", "1-edited.c4gh", editedFor(t, size, nil, ann))
	store.Put("b", "2-edited-for-bob.c4gh", editedFor(t, size, ann, bob))
	store.Put("b", "3-headerless.c4gh", seal(t, make([]byte, size), ann)[124:])
	faults := &storetest.Faults{Store: store}
	file := filepath.Join(t.TempDir(), "headers.db")
	noKey, elsewhere := c4gh.ErrNoKey, ErrHeaderElsewhere
	tests := []struct {
		name  string
		keys  []*c4gh.SecretKey
		known []bool // without opening a header
		sizes []int64
		opens []error
	}{
		{"first", []*c4gh.SecretKey{ann}, []bool{false, false, false, false}, []int64{size, 10, size, size}, []error{nil, nil, nil, elsewhere}},
		{"again", []*c4gh.SecretKey{ann}, []bool{true, false, true, false}, []int64{size, 10, size, size}, []error{nil, nil, nil, elsewhere}},
		{"another", []*c4gh.SecretKey{bob}, []bool{false, false, false, false}, []int64{size, size, 10, size}, []error{nil, noKey, nil, elsewhere}},
		{"both", []*c4gh.SecretKey{ann, bob}, []bool{false, false, false, false}, []int64{size, 10, 10, size}, []error{nil, nil, nil, elsewhere}},
		{"both, again", []*c4gh.SecretKey{bob, ann}, []bool{true, false, false, false}, []int64{size, 10, 10, size}, []error{nil, nil, nil, elsewhere}},
		{"stranger", []*c4gh.SecretKey{eve}, []bool{false, false, false, false}, []int64{size, size, size, size}, []error{noKey, noKey, noKey, elsewhere}},
		{"no key", nil, []bool{false, false, false, false}, []int64{size, size, size, size}, []error{noKey, noKey, noKey, elsewhere}},
	}
	for _, test := range tests {
		i := 0
		restart(t, faults, file, "https://one", func(tree *Tree, e Entry) {
			if known := tree.contents.peek(e) != nil; known != test.known[i] {
				t.Errorf("%s, %s: known without opening the header: %t", test.name, e.Name, known)
			}
			content, err := tree.Content(context.Background(), e)
			if err != nil || content.Size != test.sizes[i] {
				t.Fatalf("%s, %s: %+v, %v; want %d bytes", test.name, e.Name, content, err, test.sizes[i])
			}
			source, err := tree.contents.source(context.Background(), content)
			if !errors.Is(err, test.opens[i]) || err == nil && source.Body == nil {
				t.Errorf("%s, %s: it opens with %v, want %v", test.name, e.Name, err, test.opens[i])
			}
			i++
		}, test.keys...)
	}
	if n := faults.Count("get"); n != 4 {
		t.Errorf("%d GETs for 4 headers", n)
	}
}

// editedFor returns an object of size plaintext bytes of which an edit list keeps 10. Only those who are listed last see
// the list; another one, who may be nil, sees none.
func editedFor(t *testing.T, size int, other *c4gh.SecretKey, keys ...*c4gh.SecretKey) []byte {
	t.Helper()
	dataKey, err := c4gh.NewDataKey()
	if err != nil {
		t.Fatal(err)
	}
	o := c4gh.HeaderOptions{DataKeys: []*c4gh.DataKey{dataKey}, Edits: c4gh.EditList{5, 10, uint64(size)}}
	for _, k := range keys {
		o.Recipients = append(o.Recipients, k.Public())
	}
	header, err := c4gh.NewHeader(o)
	if err != nil {
		t.Fatal(err)
	}
	if other != nil {
		o.Recipients, o.Edits = []c4gh.PublicKey{other.Public()}, nil
		more, err := c4gh.NewHeader(o)
		if err != nil {
			t.Fatal(err)
		}
		header.Packets = append(header.Packets, more.Packets...)
	}
	object := header.Marshal()
	for ; size > 0; size -= c4gh.SegmentSize {
		segment := make([]byte, min(size, c4gh.SegmentSize)+c4gh.SegmentOverhead)
		if err := dataKey.SealSegment(segment); err != nil {
			t.Fatal(err)
		}
		object = append(object, segment...)
	}
	return object
}

func TestNoHeaderDatabase(t *testing.T) {
	var none *HeaderDB
	none.put(objstore.Version{}, readerID{}, headerRecord{})
	if _, ok := none.get(objstore.Version{}, readerID{}); ok || none.Close() != nil {
		t.Error("a database that isn't there remembers")
	}
}

func TestHeaderDatabaseInUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "headers.db")
	db, err := OpenHeaderDB(file, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if second, err := OpenHeaderDB(file, "", slog.New(slog.DiscardHandler)); err == nil {
		second.Close()
		t.Error("two have the database open")
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("who came second took the database away: %v", err)
	}
}

// TestForeignHeaderDatabase: what isn't a database of ours is begun anew.
func TestForeignHeaderDatabase(t *testing.T) {
	for name, damage := range map[string]func(file string) error{
		"text": func(file string) error {
			return os.WriteFile(file, []byte("this is no database, though long enough"), 0o600)
		},
		"short": func(file string) error { return os.Truncate(file, 5000) },
		"old":   makeOld,
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "headers.db")
			v := fillDatabase(t, file, 1)[0]
			if err := damage(file); err != nil {
				t.Fatal(err)
			}
			db, err := OpenHeaderDB(file, "", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if r, ok := db.get(v, readerID{}); ok {
				t.Errorf("a new database knows %+v", r)
			}
			db.Close()
			if v = fillDatabase(t, file, 1)[0]; !hasRecord(t, file, v) {
				t.Error("nothing is remembered afterwards")
			}
		})
	}
}

// makeOld makes the file a database of another version.
func makeOld(file string) error {
	if err := os.Remove(file); err != nil {
		return err
	}
	db, err := bolt.Open(file, 0o600, nil)
	if err != nil {
		return err
	}
	return errors.Join(db.Update(func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket([]byte("headers-1"))
		return err
	}), db.Close())
}

// fillDatabase remembers the headers of n objects and returns their versions.
func fillDatabase(t *testing.T, file string, n int) (versions []objstore.Version) {
	t.Helper()
	db, err := OpenHeaderDB(file, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		v := objstore.Version{Bucket: "b", Key: fmt.Sprint(i), ETag: "e", Size: 100}
		db.put(v, readerID{}, headerRecord{header: headerOf(v), opens: true})
		versions = append(versions, v)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return versions
}

// headerOf returns what the tests of the database take for a header.
func headerOf(v objstore.Version) []byte { return fmt.Appendf(nil, "%0124s", v.Key) }

func hasRecord(t *testing.T, file string, v objstore.Version) bool {
	t.Helper()
	db, err := OpenHeaderDB(file, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, ok := db.get(v, readerID{})
	return ok && r.opens && slices.Equal(r.header, headerOf(v))
}

// TestDamagedHeaderDatabase flips bytes everywhere: what is read is right or isn't there.
func TestDamagedHeaderDatabase(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "headers.db")
	versions := fillDatabase(t, file, 300)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	lost := 0
	for range 40 {
		damaged := slices.Clone(whole)
		for range 1 + random.IntN(20) {
			page := random.IntN(len(damaged) / 4096)
			damaged[page*4096+random.IntN(64)] = byte(random.Uint32()) // what begins a page says where everything is
			damaged[random.IntN(len(damaged))] ^= 1 << random.IntN(8)
		}
		lost += readDamaged(t, filepath.Join(dir, "damaged.db"), damaged, versions)
	}
	if lost == 0 {
		t.Error("no damage did any harm: the test tests nothing")
	}
}

// readDamaged reads all records of a damaged database, adds one, and returns how many are lost.
func readDamaged(t *testing.T, file string, data []byte, versions []objstore.Version) (lost int) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	db, err := OpenHeaderDB(file, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, v := range versions {
		r, ok := db.get(v, readerID{})
		if !ok {
			lost++
		} else if !slices.Equal(r.header, headerOf(v)) {
			t.Errorf("the header of %s is %q", v.Key, r.header)
		}
	}
	db.put(objstore.Version{Key: "another"}, readerID{}, headerRecord{})
	return lost
}
