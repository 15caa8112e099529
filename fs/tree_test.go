package fs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"allasfs/c4gh"
	"allasfs/objstore"
	"allasfs/objstore/storetest"
)

func newKey(t *testing.T) *c4gh.SecretKey {
	t.Helper()
	key, err := c4gh.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// seal returns an encrypted object for the owners of keys.
func seal(t *testing.T, plaintext []byte, keys ...*c4gh.SecretKey) []byte {
	t.Helper()
	o := c4gh.EncryptOptions{}
	for _, k := range keys {
		o.Recipients = append(o.Recipients, k.Public())
	}
	var object bytes.Buffer
	if _, err := c4gh.Encrypt(&object, bytes.NewReader(plaintext), o); err != nil {
		t.Fatal(err)
	}
	return object.Bytes()
}

func TestContent(t *testing.T) {
	ours, theirs := newKey(t), newKey(t)
	object := seal(t, make([]byte, 100_000), ours)
	store := new(storetest.Memory)
	put := func(name string, data []byte) { store.Put("b", name, data) }
	put("ours.c4gh", object)
	put("theirs.c4gh", seal(t, make([]byte, 70_000), theirs))
	put("headerless.c4gh", object[124:])
	put("cut.c4gh", object[:60])
	put("tail.c4gh", object[:124+c4gh.SealedSegmentSize+27])
	put("stump.c4gh", object[:124+c4gh.SealedSegmentSize+28])
	put("empty.c4gh", nil)
	put("plain", []byte("12345"))
	put("nothing", nil)
	tree := treeOver(t, store, TreeOptions{Keys: []*c4gh.SecretKey{ours}})
	tests := []struct {
		name   string
		size   int64
		opens  error // of the content
		failed error // of finding out
	}{
		{"ours", 100_000, nil, nil},
		{"theirs", 70_000, c4gh.ErrNoKey, nil},
		{"headerless", 100_000, ErrHeaderElsewhere, nil},
		{"cut", 0, nil, c4gh.ErrMalformed},
		{"tail", 0, nil, c4gh.ErrMalformed},
		{"stump", 0, nil, c4gh.ErrSegment},
		{"empty", 0, nil, c4gh.ErrMalformed},
		{"plain", 5, nil, nil},
		{"nothing", 0, nil, nil},
	}
	for _, test := range tests {
		e, err := tree.Lookup(context.Background(), Place{Bucket: "b"}, test.name)
		if err != nil {
			t.Fatal(err)
		}
		content, err := tree.Content(context.Background(), e)
		if !errors.Is(err, test.failed) {
			t.Errorf("%s: %v, want %v", test.name, err, test.failed)
		}
		if err == nil && (content.Size != test.size || !errors.Is(content.Err, test.opens)) {
			t.Errorf("%s: %d bytes, %v; want %d bytes, %v", test.name, content.Size, content.Err, test.size, test.opens)
		}
	}
}

func TestLongHeader(t *testing.T) {
	keys := make([]*c4gh.SecretKey, 1500) // 162016 bytes of header: three steps
	for i := range keys {
		keys[i] = newKey(t)
	}
	store := new(storetest.Memory)
	store.Put("b", "o.c4gh", seal(t, []byte("content"), keys...))
	faults := &storetest.Faults{Store: store}
	tree := treeOver(t, faults, TreeOptions{Keys: keys[1499:]})
	e, err := tree.Lookup(context.Background(), Place{Bucket: "b"}, "o")
	if err != nil {
		t.Fatal(err)
	}
	content, err := tree.Content(context.Background(), e)
	if err != nil || content.Size != 7 || content.Err != nil {
		t.Errorf("%+v, %v", content, err)
	}
	if n := faults.Count("get"); n > 3 {
		t.Errorf("%d GETs for one header", n)
	}
}

func TestHeadersAreReadOnceAndFailuresAgain(t *testing.T) {
	key := newKey(t)
	store := new(storetest.Memory)
	store.Put("b", "o.c4gh", seal(t, make([]byte, 1000), key))
	faults := &storetest.Faults{Store: store}
	tree := treeOver(t, faults, TreeOptions{Keys: []*c4gh.SecretKey{key}})
	e, err := tree.Lookup(context.Background(), Place{Bucket: "b"}, "o")
	if err != nil {
		t.Fatal(err)
	}
	faults.Set(storetest.First(1, "get", storetest.Fault{Err: objstore.ErrDenied}))
	if _, err := tree.Content(context.Background(), e); !errors.Is(err, objstore.ErrDenied) {
		t.Errorf("refused header: %v", err)
	}
	var askers sync.WaitGroup
	for range 20 {
		askers.Go(func() {
			if c, err := tree.Content(context.Background(), e); err != nil || c.Size != 1000 {
				t.Errorf("%+v, %v", c, err)
			}
		})
	}
	askers.Wait()
	if n := faults.Count("get"); n != 2 {
		t.Errorf("%d GETs: one was refused, one should do for all", n)
	}
}

func TestManifestSizes(t *testing.T) {
	store := new(storetest.Memory)
	store.Put("b", "manifest", []byte("the whole object"))
	tree := treeOver(t, zeroSizes{store}, TreeOptions{})
	e, err := tree.Lookup(context.Background(), Place{Bucket: "b"}, "manifest")
	if err != nil {
		t.Fatal(err)
	}
	c, err := tree.Content(context.Background(), e)
	if err != nil || c.Size != 16 || c.Version.Size != 16 {
		t.Errorf("%+v, %v", c, err)
	}
}

// zeroSizes lists every object with size 0, as stores do with Swift's large ones.
type zeroSizes struct{ objstore.Store }

func (z zeroSizes) List(ctx context.Context, bucket string, o objstore.ListOptions) (objstore.Page, error) {
	page, err := z.Store.List(ctx, bucket, o)
	for i := range page.Objects {
		page.Objects[i].Size = 0
	}
	return page, err
}

func TestListingIsReadAsItIsLookedAt(t *testing.T) {
	store := new(storetest.Memory)
	for i := range 1000 {
		store.Put("b", fmt.Sprintf("%04d", i), []byte{1})
	}
	faults := &storetest.Faults{Store: smallPages{store, 100}}
	tree := treeOver(t, faults, TreeOptions{ListTTL: time.Minute})
	l := tree.List(Place{Bucket: "b"})
	if faults.Count("list") != 0 {
		t.Error("a listing was begun before anybody looked")
	}
	if _, err := l.At(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	tree.pages.work.Wait()
	if n := faults.Count("list"); n > 2 {
		t.Errorf("%d pages for the first entry; the page and the one behind it are enough", n)
	}
	for i := range 1001 {
		e, err := l.At(context.Background(), i)
		if err != nil || (e == nil) != (i == 1000) || e != nil && e.Name != fmt.Sprintf("%04d", i) {
			t.Fatalf("entry %d: %+v, %v", i, e, err)
		}
	}
	if n := faults.Count("list"); n != 10 {
		t.Errorf("%d requests for 10 pages", n)
	}
}

func TestFailedPageIsAskedForAgain(t *testing.T) {
	store := new(storetest.Memory)
	store.Put("b", "x", []byte{1})
	faults := &storetest.Faults{Store: store}
	faults.Set(storetest.First(1, "list", storetest.Fault{Err: objstore.ErrTimeout}))
	l := treeOver(t, faults, TreeOptions{}).List(Place{Bucket: "b"})
	if _, err := l.At(context.Background(), 0); !errors.Is(err, objstore.ErrTimeout) {
		t.Errorf("failed page: %v", err)
	}
	if e, err := l.At(context.Background(), 0); err != nil || e.Name != "x" {
		t.Errorf("the next try: %v, %v", e, err)
	}
}

func TestLookupInACrowd(t *testing.T) {
	store := new(storetest.Memory)
	for i := range 3000 {
		store.Put("b", fmt.Sprintf("run-%04d", i), []byte{1})
	}
	store.Put("b", "run.c4gh", []byte{1})
	store.Put("b", "run/x", []byte{1})
	faults := &storetest.Faults{Store: store}
	tree := treeOver(t, faults, TreeOptions{})
	e, err := tree.Lookup(context.Background(), Place{Bucket: "b"}, "run")
	if err != nil || !e.Dir {
		t.Errorf("run: %+v, %v", e, err)
	}
	e, err = tree.Lookup(context.Background(), Place{Bucket: "b"}, "run.c4gh")
	if err != nil || e.Object.Key != "run.c4gh" {
		t.Errorf("run.c4gh: %+v, %v", e, err)
	}
}

func TestBuckets(t *testing.T) {
	store := new(storetest.Memory)
	store.Put("mine", "x", []byte{1})
	store.Put("shared", "x", []byte{1})
	faults := &storetest.Faults{Store: hideBucket{store, "shared"}}
	tree := treeOver(t, faults, TreeOptions{})
	if got := names(list(t, tree, Place{})); !slices.Equal(got, []string{"mine"}) {
		t.Errorf("buckets: %q", got)
	}
	if e, err := tree.Lookup(context.Background(), Place{}, "shared"); err != nil || !e.Dir {
		t.Errorf("a shared bucket, by name: %+v, %v", e, err)
	}
	if _, err := tree.Lookup(context.Background(), Place{}, "nobodys"); !errors.Is(err, objstore.ErrNoBucket) {
		t.Errorf("a bucket that isn't there: %v", err)
	}
	requests := len(faults.Requests())
	if _, err := tree.Lookup(context.Background(), Place{}, ".Trash-1000"); !errors.Is(err, objstore.ErrNotExist) {
		t.Errorf("what no bucket is called: %v", err)
	}
	if len(faults.Requests()) != requests {
		t.Error("a name that no bucket can have cost a request")
	}
	named := treeOver(t, hideBucket{store, "shared"}, TreeOptions{Buckets: []string{"shared"}})
	if got := names(list(t, named, Place{})); !slices.Equal(got, []string{"mine", "shared"}) {
		t.Errorf("with --bucket shared: %q", got)
	}
}

func TestBucketsThatToolsNoted(t *testing.T) {
	store := new(storetest.Memory)
	store.Put("2000001-a-tools", "buckets_shared_to", []byte("theirs\nothers\n"))
	tree := treeOver(t, store, TreeOptions{})
	if got := names(list(t, tree, Place{})); !slices.Equal(got, []string{"2000001-a-tools", "others", "theirs"}) {
		t.Errorf("buckets: %q", got)
	}
}

// hideBucket lists all buckets but one.
type hideBucket struct {
	objstore.Store
	name string
}

func (h hideBucket) Buckets(ctx context.Context) ([]objstore.Bucket, error) {
	buckets, err := h.Store.Buckets(ctx)
	return slices.DeleteFunc(buckets, func(b objstore.Bucket) bool { return b.Name == h.name }), err
}

func TestErrno(t *testing.T) {
	wrap := func(err error) error {
		return fmt.Errorf("reading: %w", &objstore.Error{Op: "get", Bucket: "b", Key: "k", Err: err})
	}
	tests := []struct {
		err  error
		want syscall.Errno
	}{
		{nil, 0},
		{wrap(objstore.ErrNotExist), syscall.ENOENT},
		{wrap(objstore.ErrNoBucket), syscall.ENOENT},
		{wrap(objstore.ErrDenied), syscall.EACCES},
		{wrap(c4gh.ErrNoKey), syscall.ENOKEY},
		{ErrHeaderElsewhere, syscall.ENOKEY},
		{wrap(c4gh.ErrSegment), syscall.EIO},
		{wrap(c4gh.ErrMalformed), syscall.EIO},
		{wrap(objstore.ErrChanged), syscall.ESTALE},
		{wrap(fmt.Errorf("%w: %w", objstore.ErrTimeout, objstore.ErrUnavailable)), syscall.ETIMEDOUT},
		{wrap(context.Canceled), syscall.EINTR},
		{wrap(errors.New("anything else")), syscall.EIO},
	}
	for _, test := range tests {
		if got := Errno(test.err); got != test.want {
			t.Errorf("Errno(%v) is %v, want %v", test.err, got, test.want)
		}
	}
}

func TestErrorsNameTheObject(t *testing.T) {
	store := new(storetest.Memory)
	store.Put("bucket", "cut.c4gh", []byte("crypt4gh"))
	tree := treeOver(t, store, TreeOptions{})
	e, err := tree.Lookup(context.Background(), Place{Bucket: "bucket"}, "cut")
	if err != nil {
		t.Fatal(err)
	}
	_, err = tree.Content(context.Background(), e)
	if err == nil || !strings.Contains(err.Error(), "bucket/cut.c4gh") {
		t.Errorf("the error doesn't name the object: %v", err)
	}
}
