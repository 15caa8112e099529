package fs

import (
	"context"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"allasfs/c4gh"
	"allasfs/objstore"
)

const delimiter = "/"

// Place is a directory of the tree: a bucket and a prefix that is empty or ends in "/". The zero value is the directory
// of all buckets. With [TreeOptions.Profiles], Bucket is a profile and Prefix begins with the bucket.
type Place struct {
	Bucket string
	Prefix string
}

// String returns the place as BUCKET/PREFIX.
func (p Place) String() string { return p.Bucket + delimiter + p.Prefix }

// child returns the place of a directory entry.
func (p Place) child(component string) Place {
	if p.Bucket == "" {
		return Place{Bucket: component}
	}
	return Place{Bucket: p.Bucket, Prefix: p.Prefix + component + delimiter}
}

// TreeOptions say what a [Tree] shows.
type TreeOptions struct {
	// Root is the place that is shown as the root.
	Root Place
	// Profiles says that the store is one of several that are joined ([objstore.Join]): a directory for each comes first.
	Profiles bool
	// Buckets are shown in the directory of all buckets whether or not the store lists them: those that others share.
	// With Profiles each is PROFILE/BUCKET.
	Buckets []string
	// Keys are tried on every header.
	Keys []*c4gh.SecretKey
	// Headers supplies the headers of objects without one; nil for none.
	Headers HeaderSource
	// HeaderDB remembers headers from one mount to the next; nil doesn't. The tree doesn't close it.
	HeaderDB *HeaderDB
	// ListTTL is how long a listing is believed; 0 means for one use.
	ListTTL time.Duration
	// ShowAll lists buckets that end in _segments and objects that end in _ameta.
	ShowAll bool
	// KeepSuffix shows encrypted objects with their .c4gh.
	KeepSuffix bool
	// Logger gets a line for what is left out; by default none.
	Logger *slog.Logger
}

// Tree maps the keys of a store to directories and files. All methods may be called from any number of goroutines.
type Tree struct {
	store    objstore.Store
	options  TreeOptions
	contents *contents
	pages    *flights[*Listing, struct{}]      // that become entries
	requests *flights[*Listing, objstore.Page] // for them
	cancel   context.CancelFunc
}

// NewTree returns the tree of store. It sends nothing. Close it to end what it has under way.
func NewTree(store objstore.Store, o TreeOptions) *Tree {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Profiles && o.Headers != nil {
		o.Headers = headersInside{o.Headers}
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Tree{
		store: store, options: o, cancel: cancel,
		contents: newContents(ctx, store, o),
		pages:    newFlights[*Listing, struct{}](ctx),
		requests: newFlights[*Listing, objstore.Page](ctx),
	}
}

// Close ends every request under way and waits for it.
func (t *Tree) Close() {
	t.cancel()
	t.contents.flights.close()
	t.pages.close()
	t.requests.close()
}

// Root returns the place shown as the root.
func (t *Tree) Root() Place { return t.options.Root }

// Check asks the store for as little of the root as it can, so that a mount which can't work fails at once.
func (t *Tree) Check(ctx context.Context) error {
	root := t.options.Root
	if root.Bucket != "" {
		_, err := t.store.List(ctx, root.Bucket, objstore.ListOptions{Prefix: root.Prefix, Delimiter: delimiter, Max: 1})
		return err
	}
	if !t.options.Profiles {
		return t.checkBuckets(ctx, root)
	}
	profiles, err := t.profiles(ctx)
	for i := 0; i < len(profiles) && err == nil; i++ {
		err = t.checkBuckets(ctx, root.child(profiles[i].Component))
	}
	return err
}

func (t *Tree) checkBuckets(ctx context.Context, p Place) error {
	_, err := t.bucketsIn(p).Buckets(ctx)
	if errors.Is(err, objstore.ErrDenied) && len(t.named(p)) > 0 {
		return nil // the credentials may be good for the named buckets alone
	}
	return err
}

// Content returns what a file entry holds. The first call for an encrypted object reads its header.
func (t *Tree) Content(ctx context.Context, e Entry) (*Content, error) { return t.contents.get(ctx, e) }

// Lookup returns the entry with a name without listing the whole directory. The error is [objstore.ErrNotExist] where
// there is none.
func (t *Tree) Lookup(ctx context.Context, p Place, name string) (Entry, error) {
	if store := t.bucketsIn(p); store != nil {
		return t.lookupBucket(ctx, store, name)
	}
	if p.Bucket == "" {
		return t.lookupProfile(ctx, name)
	}
	component, ok := unescape(strings.TrimSuffix(name, objectMark))
	if !ok {
		return t.lookupListed(ctx, p, name)
	}
	wanted := t.wanted(component)
	items, err := t.probe(ctx, p, wanted)
	if err != nil {
		return Entry{}, err
	}
	n := t.namer()
	var entries []Entry
	for _, i := range items {
		entries = i.enter(n, entries)
	}
	for _, e := range n.end(entries) {
		if e.Name == name {
			return e, nil
		}
	}
	return Entry{}, t.notFound(p, name)
}

func (t *Tree) namer() *namer {
	return &namer{keepSuffix: t.options.KeepSuffix, showAll: t.options.ShowAll}
}

func (t *Tree) notFound(p Place, name string) error {
	return &objstore.Error{Op: "lookup", Bucket: p.Bucket, Key: p.Prefix + name, Err: objstore.ErrNotExist}
}

// wanted returns the components that decide who has the name of component: with the suffix and without.
func (t *Tree) wanted(component string) []string {
	w := []string{component, component + Suffix}
	if b, ok := base(component); ok {
		w = append(w, b)
	}
	return w
}

// lookupListed finds a name that doesn't tell its component.
func (t *Tree) lookupListed(ctx context.Context, p Place, name string) (Entry, error) {
	l := t.List(p)
	for i := 0; ; i++ {
		e, err := l.At(ctx, i)
		if err != nil {
			return Entry{}, err
		}
		if e == nil {
			return Entry{}, t.notFound(p, name)
		}
		if e.Name == name {
			return *e, nil
		}
	}
}

// bucketName is what a bucket can be called, old ones with upper case and "_" included. What a desktop or a shell
// looks for in the root (".Trash-1000", ".git") isn't worth a request.
var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$`)

// lookupBucket finds a bucket by asking for its content, because shared ones are never listed.
func (t *Tree) lookupBucket(ctx context.Context, store objstore.Store, name string) (Entry, error) {
	if !bucketName.MatchString(name) {
		return Entry{}, &objstore.Error{Op: "lookup", Bucket: name, Err: objstore.ErrNoBucket}
	}
	if _, err := store.List(ctx, name, objstore.ListOptions{Max: 1}); err != nil {
		return Entry{}, err
	}
	return t.bucketEntry(name), nil
}

func (t *Tree) bucketEntry(name string) Entry {
	return Entry{
		Name: escape(name), Dir: true, Component: name,
		Hidden: !t.options.ShowAll && strings.HasSuffix(name, segmentsSuffix),
	}
}
