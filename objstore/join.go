package objstore

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
)

// Join returns a store that holds several ones side by side, each under its name: to the outside the names are buckets,
// and the keys in them begin with the bucket and a slash. A [Version] is the joined store's, Bucket being the name, and
// an [Error] names what was asked of it. A name may hold no slash.
//
// In a name, List shows the buckets that belong to the store's credentials as prefixes, with the delimiter "/" and no
// other; below a bucket it shows whatever is there, listed or not. Buckets sends nothing.
func Join(stores map[string]Store) Store { return joined{maps.Clone(stores)} }

type joined struct{ stores map[string]Store }

func (j joined) Buckets(ctx context.Context) ([]Bucket, error) {
	if ctx.Err() != nil {
		return nil, &Error{Op: "buckets", Err: context.Cause(ctx)}
	}
	var all []Bucket
	for _, name := range slices.Sorted(maps.Keys(j.stores)) {
		all = append(all, Bucket{Name: name})
	}
	return all, nil
}

func (j joined) List(ctx context.Context, name string, o ListOptions) (page Page, err error) {
	store, ok := j.stores[name]
	bucket, prefix, inside := strings.Cut(o.Prefix, "/")
	switch {
	case !ok:
		err = ErrNoBucket
	case !inside:
		page, err = listBuckets(ctx, store, o)
	default:
		o.Prefix = prefix
		page, err = member{store, name}.list(ctx, bucket, o)
		return page, renamed(err, name)
	}
	if err != nil {
		return Page{}, &Error{Op: "list", Bucket: name, Key: o.Prefix, Err: bare(err)}
	}
	return page, nil
}

// listBuckets returns buckets as prefixes. Their order is that of the prefixes: "a-b/" comes before "a/".
func listBuckets(ctx context.Context, store Store, o ListOptions) (page Page, err error) {
	if o.Delimiter != "/" {
		return Page{}, errors.New("a listing of more than one bucket needs the delimiter /")
	}
	buckets, err := store.Buckets(ctx)
	if err != nil {
		return Page{}, err
	}
	for _, b := range buckets {
		if entry := b.Name + "/"; strings.HasPrefix(entry, o.Prefix) && entry > cmp.Or(o.Token, o.StartAfter) {
			page.Prefixes = append(page.Prefixes, entry)
		}
	}
	slices.Sort(page.Prefixes)
	if o.Max > 0 && len(page.Prefixes) > o.Max {
		page.Prefixes = page.Prefixes[:o.Max]
		page.Next = page.Prefixes[o.Max-1]
	}
	return page, nil
}

func (j joined) Head(ctx context.Context, name, key string) (Object, error) {
	m, bucket, below, err := j.find(name, key)
	if err != nil {
		return Object{}, &Error{Op: "head", Bucket: name, Key: key, Err: err}
	}
	object, err := m.store.Head(ctx, bucket, below)
	if err != nil {
		return Object{}, renamed(err, name)
	}
	return m.outside(object), nil
}

func (j joined) Get(ctx context.Context, v Version, off, n int64) (io.ReadCloser, error) {
	m, bucket, key, err := j.find(v.Bucket, v.Key)
	if err != nil {
		return nil, &Error{Op: "get", Bucket: v.Bucket, Key: v.Key, Offset: off, Err: err}
	}
	inside := v
	inside.Bucket, inside.Key = bucket, key
	body, err := m.store.Get(ctx, inside, off, n)
	if err != nil {
		return nil, renamed(err, v.Bucket)
	}
	return renamedBody{body, v.Bucket}, nil
}

// find returns who has a key, and the key as its owner calls it. A bucket by itself isn't an object.
func (j joined) find(name, key string) (m member, bucket, below string, err error) {
	store, ok := j.stores[name]
	if !ok {
		return m, "", "", ErrNoBucket
	}
	bucket, below, ok = strings.Cut(key, "/")
	if !ok {
		return m, "", "", ErrNotExist
	}
	return member{store, name}, bucket, below, nil
}

// member is one of the stores that are joined.
type member struct {
	store Store
	name  string
}

// list returns a page of a bucket in the joined store's terms; o.Prefix is that inside of the bucket.
func (m member) list(ctx context.Context, bucket string, o ListOptions) (Page, error) {
	all := bucket + "/" // what all keys begin with
	after, within := strings.CutPrefix(o.StartAfter, all)
	switch {
	case within:
		o.StartAfter = after
	case o.StartAfter > all && o.Token == "":
		return Page{}, nil
	default:
		o.StartAfter = ""
	}
	page, err := m.store.List(ctx, bucket, o)
	if err != nil {
		return Page{}, err
	}
	out := Page{Next: page.Next}
	for _, object := range page.Objects {
		out.Objects = append(out.Objects, m.outside(object))
	}
	for _, prefix := range page.Prefixes {
		out.Prefixes = append(out.Prefixes, all+prefix)
	}
	return out, nil
}

// outside returns an object of the store's as one of the joined store's.
func (m member) outside(o Object) Object {
	o.Bucket, o.Key = m.name, o.Bucket+"/"+o.Key
	return o
}

// renamed makes the error of a store one of the joined store's.
func renamed(err error, name string) error {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return err
	}
	outside := *e
	outside.Bucket, outside.Key = name, e.Bucket+"/"+e.Key
	return &outside
}

type renamedBody struct {
	io.ReadCloser
	name string
}

func (b renamedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		err = renamed(err, b.name)
	}
	return n, err
}
