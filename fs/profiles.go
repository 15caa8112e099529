package fs

import (
	"context"
	"strings"

	"allasfs/objstore"
)

// profile is the store of one profile among several that are joined ([objstore.Join]), as far as its buckets and the
// objects directly in them are looked at. Versions and errors are the joined store's.
type profile struct {
	objstore.Store
	name string
}

// Buckets lists those that belong to the profile's credentials, in the order of their names and "/".
func (p profile) Buckets(ctx context.Context) (all []objstore.Bucket, err error) {
	for o := (objstore.ListOptions{Delimiter: delimiter}); ; {
		page, err := p.Store.List(ctx, p.name, o)
		if err != nil {
			return nil, err
		}
		for _, prefix := range page.Prefixes {
			all = append(all, objstore.Bucket{Name: strings.TrimSuffix(prefix, delimiter)})
		}
		if page.Next == "" {
			return all, nil
		}
		o.Token = page.Next
	}
}

func (p profile) List(ctx context.Context, bucket string, o objstore.ListOptions) (objstore.Page, error) {
	o.Prefix = bucket + delimiter + o.Prefix
	return p.Store.List(ctx, p.name, o)
}

func (p profile) Head(ctx context.Context, bucket, key string) (objstore.Object, error) {
	return p.Store.Head(ctx, p.name, bucket+delimiter+key)
}

// bucketsIn returns the store whose buckets are the entries of p, or nil if its entries are something else: keys, or
// profiles.
func (t *Tree) bucketsIn(p Place) objstore.Store {
	switch {
	case t.options.Profiles && p.Bucket != "" && p.Prefix == "":
		return profile{t.store, p.Bucket}
	case !t.options.Profiles && p.Bucket == "":
		return t.store
	}
	return nil
}

// named returns the buckets of p that are shown whether or not the store lists them.
func (t *Tree) named(p Place) []string {
	if !t.options.Profiles {
		return t.options.Buckets
	}
	var names []string
	for _, path := range t.options.Buckets {
		if name, bucket, _ := strings.Cut(path, delimiter); name == p.Bucket {
			names = append(names, bucket)
		}
	}
	return names
}

// lookupProfile finds a profile. They are known without asking anybody.
func (t *Tree) lookupProfile(ctx context.Context, name string) (Entry, error) {
	profiles, err := t.profiles(ctx)
	for _, e := range profiles {
		if e.Name == name {
			return e, nil
		}
	}
	if err == nil {
		err = t.notFound(Place{}, name)
	}
	return Entry{}, err
}

func (t *Tree) profiles(ctx context.Context) (all []Entry, err error) {
	names, err := t.store.Buckets(ctx)
	for _, b := range names {
		all = append(all, Entry{Name: escape(b.Name), Dir: true, Component: b.Name})
	}
	return all, err
}

// stored returns the bucket and the key of a version as its own store has them, and the profile if there are several.
func (t *Tree) stored(v objstore.Version) (profile, bucket, key string) {
	if !t.options.Profiles {
		return "", v.Bucket, v.Key
	}
	bucket, key, _ = strings.Cut(v.Key, delimiter)
	return v.Bucket, bucket, key
}

// headersInside is a source of headers that doesn't know of profiles.
type headersInside struct{ HeaderSource }

func (h headersInside) Header(ctx context.Context, _, key string) ([]byte, error) {
	bucket, key, _ := strings.Cut(key, delimiter)
	return h.HeaderSource.Header(ctx, bucket, key)
}
