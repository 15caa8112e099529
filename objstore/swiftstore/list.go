package swiftstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"allasfs/objstore"
	"allasfs/objstore/largeobject"
)

// pageLimit is the number of entries in a page when the caller doesn't bound it.
const pageLimit = 1000

// List returns one page of a bucket's keys.
//
// A page may hold fewer entries than were asked for and still not be the last one, and Swift doesn't say which: only an
// empty page ends a listing.
func (s *Store) List(ctx context.Context, bucket string, o objstore.ListOptions) (objstore.Page, error) {
	page, err := s.list(ctx, bucket, o)
	if err != nil {
		if errors.Is(err, objstore.ErrNotExist) && !errors.Is(err, objstore.ErrNoBucket) {
			err = fmt.Errorf("%w: %v", objstore.ErrNoBucket, err)
		}
		return objstore.Page{}, &objstore.Error{Op: "list", Bucket: bucket, Key: o.Prefix, Err: err}
	}
	return page, nil
}

// errDisorder: a listing that doesn't get on would go on for ever.
var errDisorder = errors.New("the store doesn't list names in their order")

// entry is a line of a listing: an object, or a prefix that keys are rolled up into.
type entry struct {
	Subdir   string
	Name     string
	Hash     string
	Bytes    int64
	Modified string `json:"last_modified"`
}

// key is what the entry sorts by.
func (e entry) key() string { return cmp.Or(e.Subdir, e.Name) }

func (s *Store) list(ctx context.Context, bucket string, o objstore.ListOptions) (objstore.Page, error) {
	if err := checkBucket(bucket); err != nil {
		return objstore.Page{}, err
	}
	if o.Max <= 0 || o.Max > pageLimit {
		o.Max = pageLimit
	}
	after := cmp.Or(o.Token, o.StartAfter)
	entries, err := s.entries(ctx, bucket, o, after)
	if err == nil && o.Prefix == "" && after < o.Delimiter {
		entries, err = s.withLeading(ctx, bucket, o, entries)
	}
	if err != nil {
		return objstore.Page{}, err
	}
	return pageOf(bucket, entries, after)
}

func (s *Store) entries(ctx context.Context, bucket string, o objstore.ListOptions, after string) ([]entry, error) {
	query := url.Values{"limit": {strconv.Itoa(o.Max)}}
	for name, value := range map[string]string{"prefix": o.Prefix, "delimiter": o.Delimiter, "marker": after} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var all []entry
	err := s.getJSON(ctx, bucket, query, &all)
	return all, err
}

// withLeading adds the prefix that is the delimiter and nothing else, where the entries pass it: Ceph leaves that one
// out, and may leave a page empty for it.
func (s *Store) withLeading(ctx context.Context, bucket string, o objstore.ListOptions, entries []entry) ([]entry, error) {
	leading := entry{Subdir: o.Delimiter}
	if n := len(entries); n > 0 && entries[n-1].key() < o.Delimiter || slices.Contains(entries, leading) {
		return entries, nil
	}
	found, err := s.entries(ctx, bucket, objstore.ListOptions{Prefix: o.Delimiter, Max: 1}, "")
	if err != nil || len(found) == 0 {
		return entries, err
	}
	entries = append(entries, leading)
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Compare(a.key(), b.key()) })
	return entries[:min(len(entries), o.Max)], nil
}

// pageOf makes a page of what is listed, without a prefix that the page before has ended with: some stores repeat it.
func pageOf(bucket string, entries []entry, after string) (page objstore.Page, err error) {
	for _, e := range entries {
		page.Next = max(page.Next, e.key())
		switch {
		case e.Subdir != "" && e.Subdir == after:
		case e.key() <= after && (e.Subdir == "" || !strings.HasPrefix(after, e.Subdir)):
			return objstore.Page{}, errDisorder
		case e.Subdir != "":
			page.Prefixes = append(page.Prefixes, e.Subdir)
		default:
			object, err := e.object(bucket)
			if err != nil {
				return objstore.Page{}, err
			}
			page.Objects = append(page.Objects, object)
		}
	}
	if page.Next == after { // there was nothing but what the page before has ended with
		page.Next = ""
	}
	slices.Sort(page.Prefixes)
	return page, nil
}

// object gives a manifest the size 0 even where its own size is listed, so that it is looked at with Head.
func (e entry) object(bucket string) (objstore.Object, error) {
	modified, err := time.Parse("2006-01-02T15:04:05.999999999Z07:00", e.Modified)
	if err != nil {
		modified, err = time.Parse("2006-01-02T15:04:05.999999999", e.Modified) // in UTC, as Swift itself writes it
	}
	if err != nil || e.Hash == "" || e.Bytes < 0 {
		return objstore.Object{}, fmt.Errorf("the store lists %q without time, ETag or size", e.Name)
	}
	v := objstore.Version{Bucket: bucket, Key: e.Name, ETag: bareETag(e.Hash), Size: e.Bytes}
	if v.ETag == largeobject.EmptyMD5 {
		v.Size = 0
	}
	return objstore.Object{Version: v, Modified: modified}, nil
}
