package objstore_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"allasfs/objstore"
	"allasfs/objstore/storetest"
)

// part shows one name of a joined store as the store that it stands for, so that the suite sees what Join makes of
// requests and answers. It is Join's inverse.
type part struct {
	joined objstore.Store
	name   string
}

func (p part) Buckets(ctx context.Context) ([]objstore.Bucket, error) {
	page, err := p.joined.List(ctx, p.name, objstore.ListOptions{Delimiter: "/"})
	var all []objstore.Bucket
	for _, prefix := range page.Prefixes {
		all = append(all, objstore.Bucket{Name: strings.TrimSuffix(prefix, "/")})
	}
	slices.SortFunc(all, func(a, b objstore.Bucket) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

func (p part) List(ctx context.Context, bucket string, o objstore.ListOptions) (objstore.Page, error) {
	o.Prefix = bucket + "/" + o.Prefix
	if o.StartAfter != "" {
		o.StartAfter = bucket + "/" + o.StartAfter
	}
	page, err := p.joined.List(ctx, p.name, o)
	for i, object := range page.Objects {
		page.Objects[i].Version = p.inside(object.Version)
	}
	for i, prefix := range page.Prefixes {
		page.Prefixes[i] = strings.TrimPrefix(prefix, bucket+"/")
	}
	return page, p.error(err)
}

func (p part) Head(ctx context.Context, bucket, key string) (objstore.Object, error) {
	object, err := p.joined.Head(ctx, p.name, bucket+"/"+key)
	object.Version = p.inside(object.Version)
	return object, p.error(err)
}

func (p part) Get(ctx context.Context, v objstore.Version, off, n int64) (io.ReadCloser, error) {
	v.Bucket, v.Key = p.name, v.Bucket+"/"+v.Key
	body, err := p.joined.Get(ctx, v, off, n)
	return body, p.error(err)
}

func (p part) inside(v objstore.Version) objstore.Version {
	v.Bucket, v.Key, _ = strings.Cut(v.Key, "/")
	return v
}

// error leaves an error alone that doesn't name the joined store.
func (p part) error(err error) error {
	e, ok := errors.AsType[*objstore.Error](err)
	if !ok || e.Bucket != p.name {
		return err
	}
	inside := *e
	inside.Bucket, inside.Key, _ = strings.Cut(e.Key, "/")
	return &inside
}

func TestJoinSuite(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Fixture {
		var one, other storetest.Memory
		other.Put("suite", "of the other", content())
		joined := objstore.Join(map[string]objstore.Store{"one": &one, "other": &other})
		return storetest.Fixture{
			Store: part{joined, "one"}, MakeBucket: one.MakeBucket,
			Put: func(bucket, key string, data []byte) { one.Put(bucket, key, data) },
		}
	})
}

// unlisted has a bucket that others own.
type unlisted struct{ *storetest.Memory }

func (unlisted) Buckets(context.Context) ([]objstore.Bucket, error) { return nil, nil }

// twoProjects joins "ann" with the buckets a-b and a, and "bob" who lists none.
func twoProjects() (joined objstore.Store, ann, bob *storetest.Memory) {
	ann, bob = new(storetest.Memory), new(storetest.Memory)
	ann.Put("a", "k", []byte("of ann"))
	ann.Put("a-b", "k", content())
	bob.Put("a", "k", []byte("of bob's"))
	return objstore.Join(map[string]objstore.Store{"bob": unlisted{bob}, "ann": ann}), ann, bob
}

func TestJoinNames(t *testing.T) {
	joined, _, _ := twoProjects()
	names, err := joined.Buckets(t.Context())
	if err != nil || len(names) != 2 || names[0].Name != "ann" || names[1].Name != "bob" {
		t.Errorf("%v, %v", names, err)
	}
	for _, c := range []struct {
		name string
		o    objstore.ListOptions
		want []string
		next string
	}{
		{"ann", objstore.ListOptions{}, []string{"a-b/", "a/"}, ""},
		{"ann", objstore.ListOptions{Max: 1}, []string{"a-b/"}, "a-b/"},
		{"ann", objstore.ListOptions{Max: 1, Token: "a-b/"}, []string{"a/"}, ""},
		{"ann", objstore.ListOptions{StartAfter: "a-b/"}, []string{"a/"}, ""},
		{"ann", objstore.ListOptions{Prefix: "a-"}, []string{"a-b/"}, ""},
		{"bob", objstore.ListOptions{}, nil, ""},
	} {
		c.o.Delimiter = "/"
		page, err := joined.List(t.Context(), c.name, c.o)
		if err != nil || len(page.Objects) > 0 || !slices.Equal(page.Prefixes, c.want) || page.Next != c.next {
			t.Errorf("%s, %+v: %+v, %v", c.name, c.o, page, err)
		}
	}
	if _, err := joined.List(t.Context(), "ann", objstore.ListOptions{}); err == nil {
		t.Error("keys of several buckets are listed as one")
	}
}

// Buckets of the same name, one of them not listed, and everything named as it is from outside.
func TestJoinTellsApart(t *testing.T) {
	joined, _, _ := twoProjects()
	for name, want := range map[string]string{"ann": "of ann", "bob": "of bob's"} {
		page, err := joined.List(t.Context(), name, objstore.ListOptions{Prefix: "a/"})
		if err != nil || len(page.Objects) != 1 || page.Objects[0].Bucket != name || page.Objects[0].Key != "a/k" {
			t.Fatalf("%s: %+v, %v", name, page, err)
		}
		object, err := joined.Head(t.Context(), name, "a/k")
		if err != nil || object != page.Objects[0] {
			t.Errorf("%s: %+v, %v", name, object, err)
		}
		if data, err := getAll(t.Context(), joined, object.Version); err != nil || string(data) != want {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
}

func TestJoinStartAfter(t *testing.T) {
	joined, _, _ := twoProjects()
	for after, want := range map[string]int{"a": 1, "a-b": 1, "a-b/k": 1, "a/": 1, "a/j": 1, "a/k": 0, "a0": 0, "b": 0} {
		page, err := joined.List(t.Context(), "ann", objstore.ListOptions{Prefix: "a/", StartAfter: after})
		if err != nil || len(page.Objects) != want {
			t.Errorf("after %q: %+v, %v", after, page, err)
		}
	}
}

func TestJoinErrors(t *testing.T) {
	joined, ann, _ := twoProjects()
	ctx := t.Context()
	old, err := joined.Head(ctx, "ann", "a/k")
	if err != nil {
		t.Fatal(err)
	}
	ann.Put("a", "k", []byte("newer!"))
	head := func(name, key string) error { _, err := joined.Head(ctx, name, key); return err }
	list := func(name, prefix string) error {
		_, err := joined.List(ctx, name, objstore.ListOptions{Prefix: prefix, Delimiter: "/"})
		return err
	}
	_, changed := joined.Get(ctx, old.Version, 2, 1)
	for _, c := range []struct {
		err, is error
		says    string
	}{
		{head("eve", "a/k"), objstore.ErrNoBucket, "head eve/a/k: "},
		{head("ann", "a"), objstore.ErrNotExist, "head ann/a: "},
		{head("ann", "a/none"), objstore.ErrNotExist, "head ann/a/none: "},
		{head("ann", "none/k"), objstore.ErrNoBucket, "head ann/none/k: "},
		{list("eve", ""), objstore.ErrNoBucket, "list eve/: "},
		{list("bob", "none/x"), objstore.ErrNoBucket, "list bob/none/x: "},
		{changed, objstore.ErrChanged, "get ann/a/k at byte 2: "},
	} {
		if !errors.Is(c.err, c.is) || !strings.HasPrefix(c.err.Error(), c.says) {
			t.Errorf("%v, want %s%v", c.err, c.says, c.is)
		}
	}
}

// Above a joined store Retry resumes a body, and its error names the object as it is from outside.
func TestJoinBelowRetry(t *testing.T) {
	var memory storetest.Memory
	memory.Put("b", "k", content())
	faults := &storetest.Faults{Store: &memory}
	faults.Set(storetest.First(2, "get", storetest.Reset(100)))
	store := objstore.Retry(objstore.Join(map[string]objstore.Store{"ann": faults}), objstore.RetryOptions{FirstWait: 1})
	object, err := store.Head(t.Context(), "ann", "b/k")
	if err != nil {
		t.Fatal(err)
	}
	if data, err := getAll(t.Context(), store, object.Version); err != nil || string(data) != string(content()) {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	faults.Set(every(storetest.Fault{Body: storetest.Break{After: 7, Err: objstore.ErrChanged}}))
	if _, err = getAll(t.Context(), store, object.Version); !errors.Is(err, objstore.ErrChanged) || !strings.HasPrefix(err.Error(), "get ann/b/k at byte 7: ") {
		t.Error(err)
	}
}
