package dirstore

import (
	"context"
	"os"
	"slices"
	"sync"

	"allasfs/objstore"
)

// pageLimit is the number of entries in a page when the caller doesn't bound it.
const pageLimit = 1000

// List returns one page of a bucket's keys. The next page goes on where this one stopped; a listing shows the names of
// a directory as they were when it came to the directory.
func (s *Store) List(ctx context.Context, bucket string, o objstore.ListOptions) (objstore.Page, error) {
	page, err := s.list(ctx, bucket, o)
	if err != nil {
		return objstore.Page{}, &objstore.Error{Op: "list", Bucket: bucket, Key: o.Prefix, Err: explain(err)}
	}
	return page, nil
}

func (s *Store) list(ctx context.Context, bucket string, o objstore.ListOptions) (objstore.Page, error) {
	root, err := s.open(ctx, bucket)
	if err != nil {
		return objstore.Page{}, err
	}
	defer root.Close()
	at := place{bucket, o.Prefix, o.Delimiter, o.Token}
	w := s.walks.take(at)
	if w == nil {
		if w, err = newWalk(root, o); err != nil {
			return objstore.Page{}, err
		}
	}
	if o.Max <= 0 {
		o.Max = pageLimit
	}
	page, err := w.page(ctx, root, bucket, o.Max)
	if page.Next != "" {
		at.token = page.Next
		s.walks.keep(at, w)
	}
	return page, err
}

func (w *walk) page(ctx context.Context, root *os.Root, bucket string, limit int) (objstore.Page, error) {
	var page objstore.Page
	var last entry
	for len(page.Objects)+len(page.Prefixes) < limit {
		if ctx.Err() != nil {
			return objstore.Page{}, context.Cause(ctx)
		}
		e, ok, err := w.next(root)
		switch {
		case err != nil:
			return objstore.Page{}, err
		case !ok:
			return page, nil
		case e.info == nil:
			page.Prefixes = append(page.Prefixes, e.key)
		default:
			page.Objects = append(page.Objects, object(bucket, e.key, e.info))
		}
		last = e
	}
	page.Next = last.token()
	return page, nil
}

// walks keeps the walks of listings under way, so that the next page doesn't read again what the last one has read. A
// walk that isn't here any more is begun anew behind the page's last entry.
type walks struct {
	mu   sync.Mutex
	kept []keptWalk // oldest first
}

type keptWalk struct {
	at   place
	walk *walk
}

// place is what the next page will be asked for with.
type place struct{ bucket, prefix, delimiter, token string }

// maxWalks bounds the memory that listings cost which nobody takes to their end.
const maxWalks = 16

// take returns the walk that stopped at a place, or nil. Nobody else gets it then.
func (w *walks) take(at place) *walk {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.kept, func(k keptWalk) bool { return k.at == at })
	if i < 0 {
		return nil
	}
	found := w.kept[i].walk
	w.kept = slices.Delete(w.kept, i, i+1)
	return found
}

func (w *walks) keep(at place, walk *walk) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kept = slices.DeleteFunc(w.kept, func(k keptWalk) bool { return k.at == at })
	if len(w.kept) == maxWalks {
		w.kept = slices.Delete(w.kept, 0, 1)
	}
	w.kept = append(w.kept, keptWalk{at, walk})
}
