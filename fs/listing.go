package fs

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"allasfs/objstore"
)

// Listing is the content of one directory, which grows page by page as somebody reads it. What is there doesn't
// change. All methods may be called from any number of goroutines.
type Listing struct {
	tree  *Tree
	place Place
	begun time.Time

	mu       sync.Mutex
	entries  entries
	byName   map[string]int
	complete bool
	ahead    readAhead

	// Of load, of which there is one at a time:
	namer *namer
	last  string // key of the last item, to drop what a store repeats at a page border
	token string
	next  *call[objstore.Page] // the page that is under way; nil for none
}

// List returns a listing of p of which nothing is read yet.
func (t *Tree) List(p Place) *Listing {
	return &Listing{tree: t, place: p, begun: time.Now(), byName: make(map[string]int), namer: t.namer()}
}

// At returns entry i, or nil behind the last one. It reads as many pages as that takes; a page that can't be read is
// an error and is asked for again by the next call. While a page is being handed out, the next one is under way.
func (l *Listing) At(ctx context.Context, i int) (*Entry, error) {
	for {
		l.mu.Lock()
		entry, complete := l.entries.at(i), l.complete
		l.mu.Unlock()
		if entry != nil || complete {
			return entry, nil
		}
		if _, err := l.tree.pages.start(l, l.load).wait(ctx); err != nil {
			return nil, err
		}
	}
}

// Find returns the position of a name. It asks nobody: known says whether the answer is one, which a missing name of
// an incomplete listing isn't.
func (l *Listing) Find(name string) (i int, found, known bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, found = l.byName[name]
	return i, found, found || l.complete
}

// isComplete tells whether all pages were read.
func (l *Listing) isComplete() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.complete
}

// loadAhead reads all pages in the background. When one fails, it stops; the listing stays incomplete.
func (l *Listing) loadAhead() {
	l.tree.pages.start(l, func(ctx context.Context) (none struct{}, err error) {
		for err == nil && !l.isComplete() {
			_, err = l.load(ctx)
		}
		return none, err
	})
}

// fresh tells whether the listing may still be believed.
func (l *Listing) fresh() bool { return l.remaining() > 0 }

// remaining returns for how long the listing may be believed.
func (l *Listing) remaining() time.Duration { return l.tree.options.ListTTL - time.Since(l.begun) }

// load reads the next page. The flights see to it that there is one load of a listing at a time.
func (l *Listing) load(ctx context.Context) (struct{}, error) {
	if l.isComplete() {
		return struct{}{}, nil
	}
	if store := l.tree.bucketsIn(l.place); store != nil {
		return struct{}{}, l.loadBuckets(ctx, store)
	}
	if l.place.Bucket == "" {
		return struct{}{}, l.loadProfiles(ctx)
	}
	page, err := l.nextPage(ctx)
	if err != nil {
		return struct{}{}, err
	}
	named := make([]Entry, 0, len(l.namer.held)+len(page.Objects)+len(page.Prefixes))
	for _, i := range items(page, l.place.Prefix) {
		if i.key() > l.last || l.last == "" {
			named = i.enter(l.namer, named)
			l.last = i.key()
		}
	}
	if page.Next == "" {
		named = l.namer.end(named)
	}
	l.append(named, page.Next == "")
	return struct{}{}, nil
}

// nextPage returns the page that comes next, and asks for the one behind it before anything is done with it: a listing
// is to take no longer than its requests.
func (l *Listing) nextPage(ctx context.Context) (objstore.Page, error) {
	next := l.next
	l.next = nil
	if next == nil || next.hasFailed() {
		next = l.fetch()
	}
	page, err := next.wait(ctx)
	if err != nil {
		return page, err
	}
	l.token = page.Next
	if page.Next != "" {
		l.next = l.fetch()
	}
	return page, nil
}

// fetch asks for the page that the token stands for.
func (l *Listing) fetch() *call[objstore.Page] {
	o := objstore.ListOptions{Prefix: l.place.Prefix, Delimiter: delimiter, Token: l.token}
	return l.tree.requests.start(l, func(ctx context.Context) (objstore.Page, error) {
		return l.tree.store.List(ctx, l.place.Bucket, o)
	})
}

// append adds entries.
func (l *Listing) append(named []Entry, complete bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, e := range named {
		l.byName[e.Name] = l.entries.n + i
	}
	l.entries.add(named)
	l.complete = complete
}

// loadBuckets reads the list of buckets and adds the ones that were named.
func (l *Listing) loadBuckets(ctx context.Context, store objstore.Store) error {
	buckets, err := store.Buckets(ctx)
	named := l.tree.named(l.place)
	if err != nil && !(errors.Is(err, objstore.ErrDenied) && len(named) > 0) {
		return err
	}
	shared, err := objstore.SharedBuckets(ctx, store, buckets)
	if err != nil { // the list of a convenience; the buckets themselves are found by name
		l.tree.options.Logger.Debug("list of shared buckets not read", "cause", err)
	}
	names := slices.Concat(named, shared)
	for _, b := range buckets {
		names = append(names, b.Name)
	}
	slices.Sort(names)
	var entries []Entry
	for _, name := range slices.Compact(names) {
		entries = append(entries, l.tree.bucketEntry(name))
	}
	l.append(entries, true)
	return nil
}

func (l *Listing) loadProfiles(ctx context.Context) error {
	profiles, err := l.tree.profiles(ctx)
	if err != nil {
		return err
	}
	l.append(profiles, true)
	return nil
}
