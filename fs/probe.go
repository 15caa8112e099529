package fs

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"allasfs/objstore"
)

// item is one entry of a store's listing: an object or a prefix, as the component behind the directory's prefix.
type item struct {
	component string
	prefix    bool
	object    objstore.Object
}

// key is what the item sorts by.
func (i item) key() string {
	if i.prefix {
		return i.component + delimiter
	}
	return i.component
}

// enter hands the item to n and appends what can be named to out.
func (i item) enter(n *namer, out []Entry) []Entry {
	if i.prefix {
		return n.addPrefix(out, i.component)
	}
	return n.addObject(out, i.component, i.object)
}

// items returns the entries of a page in the order of their keys. A zero-byte object that stands for the directory
// itself isn't one.
func items(page objstore.Page, prefix string) []item {
	out := make([]item, 0, len(page.Objects)+len(page.Prefixes))
	for _, o := range page.Objects {
		if o.Key != prefix || o.Size > 0 {
			out = append(out, item{component: o.Key[len(prefix):], object: o})
		}
	}
	for _, p := range page.Prefixes {
		out = append(out, item{component: strings.TrimSuffix(p[len(prefix):], delimiter), prefix: true})
	}
	slices.SortFunc(out, func(a, b item) int { return cmp.Compare(a.key(), b.key()) })
	return out
}

// probe returns those items of p that have one of the wanted components: one request where the keys that begin alike
// fit on a page, and one more round trip where they don't.
func (t *Tree) probe(ctx context.Context, p Place, wanted []string) ([]item, error) {
	slices.Sort(wanted)
	page, err := t.store.List(ctx, p.Bucket, objstore.ListOptions{Prefix: p.Prefix + wanted[0], Delimiter: delimiter})
	if err != nil {
		return nil, err
	}
	found := items(page, p.Prefix)
	last := wanted[0] + delimiter // "/" sorts behind the "." of the suffix
	if page.Next != "" && (len(found) == 0 || found[len(found)-1].key() < last) {
		if found, err = t.probeEach(ctx, p, wanted); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(found, func(i item) bool { return !slices.Contains(wanted, i.component) }), nil
}

// probeEach asks for each wanted component by itself.
func (t *Tree) probeEach(ctx context.Context, p Place, wanted []string) ([]item, error) {
	found := make([][]item, len(wanted))
	g, ctx := errgroup.WithContext(ctx)
	for i, component := range wanted {
		g.Go(func() (err error) {
			found[i], err = t.probeOne(ctx, p, component)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(found...)
	slices.SortFunc(all, func(a, b item) int { return cmp.Compare(a.key(), b.key()) })
	return all, nil
}

// probeOne asks whether component is an object and whether it is a prefix.
func (t *Tree) probeOne(ctx context.Context, p Place, component string) ([]item, error) {
	var found objstore.Page
	if key := p.Prefix + component; key != "" {
		object, err := t.store.Head(ctx, p.Bucket, key)
		if err == nil {
			found.Objects = append(found.Objects, object)
		} else if !errors.Is(err, objstore.ErrNotExist) {
			return nil, err
		}
	}
	below := p.Prefix + component + delimiter
	page, err := t.store.List(ctx, p.Bucket, objstore.ListOptions{Prefix: below, Max: 1})
	if err != nil {
		return nil, err
	}
	if len(page.Objects) > 0 {
		found.Prefixes = append(found.Prefixes, below)
	}
	return items(found, p.Prefix), nil
}
