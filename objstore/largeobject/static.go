package largeobject

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"allasfs/objstore"
)

// Blame says why a GET of a byte of an SLO that is there was answered with err: it names the segment that has the byte
// if one is found where Swift's tools put them, which are BUCKET_segments and the bucket itself. A segment that isn't
// there is [objstore.ErrIncomplete].
func Blame(ctx context.Context, store objstore.Store, v objstore.Version, off int64, err error) error {
	if errors.Is(err, objstore.ErrNotExist) {
		err = fmt.Errorf("%w: %v", objstore.ErrIncomplete, err)
	}
	for _, bucket := range []string{v.Bucket + SegmentsSuffix, v.Bucket} {
		for _, s := range series(ctx, store, bucket, v.Key+"/") {
			if whole := declaredSize(s.prefix); whole != 0 && whole != v.Size {
				continue
			}
			if key, there := s.at(off, v.Size); there == !errors.Is(err, objstore.ErrIncomplete) {
				return &Error{bucket, key, err}
			}
		}
	}
	return fmt.Errorf("the segment that has byte %d: %w", off, err)
}

// run are the segments that somebody uploaded at a time, as far as they are there.
type run struct {
	prefix string
	size   int64 // of each but the last
	last   int64 // number
	there  map[int64]bool
}

// series returns the runs of segments below a prefix. What can't be listed has none.
func series(ctx context.Context, store objstore.Store, bucket, prefix string) (all []*run) {
	for o := (objstore.ListOptions{Prefix: prefix}); ; {
		page, err := store.List(ctx, bucket, o)
		if err != nil {
			return all
		}
		for _, object := range page.Objects {
			all = addTo(all, object)
		}
		if o.Token = page.Next; o.Token == "" {
			return all
		}
	}
}

// addTo adds a segment to its run; they come in the order of their keys.
func addTo(all []*run, object objstore.Object) []*run {
	prefix := object.Key[:strings.LastIndexByte(object.Key, '/')+1]
	number, ok := numberOf(object.Key, prefix)
	if !ok {
		return all
	}
	if len(all) == 0 || all[len(all)-1].prefix != prefix {
		all = append(all, &run{prefix: prefix, there: make(map[int64]bool)})
	}
	r := all[len(all)-1]
	r.size, r.last, r.there[number] = max(r.size, object.Size), number, true
	return all
}

// at returns the key of the segment that has a byte of an object with the given size, and whether it is there.
func (r *run) at(off, whole int64) (key string, there bool) {
	if r.size == 0 {
		return numbered(r.prefix, 0), r.there[0]
	}
	number := off / r.size
	if r.last == (whole+r.size-1)/r.size { // there would be one too many if they began with 0
		number++
	}
	return numbered(r.prefix, number), r.there[number]
}
