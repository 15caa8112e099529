package fs

import (
	"context"
	"errors"
	"fmt"
	"io"

	lru "github.com/hashicorp/golang-lru/v2"

	"allasfs/c4gh"
	"allasfs/cache"
	"allasfs/objstore"
)

// ErrHeaderElsewhere says that an object whose name promises Crypt4GH doesn't begin with a header.
var ErrHeaderElsewhere = errors.New("no Crypt4GH header in the object: it is held elsewhere, or this isn't Crypt4GH")

// Content is what is known of one object version. It doesn't change.
type Content struct {
	// Version is the object. Its size, in ciphertext bytes, is right even where a listing says 0.
	Version objstore.Version
	// Encrypted says that the object is served as plaintext, or would be if its keys were at hand.
	Encrypted bool
	// Size is the size that a reader sees, in plaintext bytes.
	Size int64
	// Err says why the object can't be read with the keys at hand: it wraps [c4gh.ErrNoKey] or is
	// [ErrHeaderElsewhere]. The size is exact all the same, save for an edit list that can't be seen.
	Err error

	source *cache.Source // nil if it can't be read, or if its header hasn't been opened since we began
}

const (
	knownContents = 1 << 18 // contents remembered
	headersAhead  = 128     // headers read at once before somebody asks for them
)

// contents finds out what objects hold and remembers it by version. Failures aren't remembered.
type contents struct {
	store   objstore.Store
	keys    []*c4gh.SecretKey
	reader  readerID     // who has the keys
	headers HeaderSource // may be nil
	db      *HeaderDB    // may be nil
	known   *lru.Cache[objstore.Version, *Content]
	flights *flights[objstore.Version, *Content]
	slots   chan struct{} // one for each header that is read ahead
}

func newContents(ctx context.Context, store objstore.Store, o TreeOptions) *contents {
	known, _ := lru.New[objstore.Version, *Content](knownContents) // fails for a size below 1 alone
	return &contents{
		store: store, keys: o.Keys, reader: identify(o.Keys), headers: o.Headers, db: o.HeaderDB, known: known,
		flights: newFlights[objstore.Version, *Content](ctx),
		slots:   make(chan struct{}, headersAhead),
	}
}

// peek returns what is known without asking the store, or nil.
func (c *contents) peek(e Entry) *Content {
	v := e.Object.Version
	if !e.Encrypted() && v.Size > 0 {
		return plain(v)
	}
	if known, ok := c.known.Get(v); ok {
		return known
	}
	known := c.recall(v)
	if known != nil {
		c.known.Add(v, known)
	}
	return known
}

// recall returns what an earlier mount with the same keys has found out, or nil. It opens no header.
func (c *contents) recall(v objstore.Version) *Content {
	r, ok := c.db.get(v, c.reader)
	if !ok || !r.opens {
		return nil
	}
	size, err := c4gh.PlaintextSize(v.Size - int64(len(r.header)))
	if err != nil {
		return nil
	}
	return &Content{Version: v, Encrypted: true, Size: size}
}

// get returns the content of e and reads its header if need be.
func (c *contents) get(ctx context.Context, e Entry) (*Content, error) {
	if known := c.peek(e); known != nil {
		return known, nil
	}
	return c.begin(e).wait(ctx)
}

// begin starts to find out what e holds.
func (c *contents) begin(e Entry) *call[*Content] {
	return c.flights.start(e.Object.Version, func(ctx context.Context) (*Content, error) { return c.load(ctx, e) })
}

// beginAhead is begin for what nobody waits for yet: it comes after others like it.
func (c *contents) beginAhead(e Entry) {
	c.flights.start(e.Object.Version, func(ctx context.Context) (*Content, error) {
		select {
		case c.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		defer func() { <-c.slots }()
		return c.load(ctx, e)
	})
}

// source returns what it takes to read an object whose content is known. It opens the header if that wasn't needed to
// tell the size.
func (c *contents) source(ctx context.Context, known *Content) (cache.Source, error) {
	if known.source == nil && known.Err == nil {
		shown := known.Size
		var err error
		if known, err = c.opened(ctx, known.Version); err != nil {
			return cache.Source{}, err
		}
		if known.Err == nil && known.Size != shown {
			return cache.Source{}, fmt.Errorf("%d bytes were shown, and it has %d: %w", shown, known.Size, c4gh.ErrMalformed)
		}
	}
	if known.Err != nil {
		return cache.Source{}, known.Err
	}
	return *known.source, nil
}

// opened returns the content of an encrypted object after its header has been opened.
func (c *contents) opened(ctx context.Context, v objstore.Version) (*Content, error) {
	if known := c.settled(v); known != nil {
		return known, nil
	}
	return c.flights.start(v, func(ctx context.Context) (*Content, error) {
		if known := c.settled(v); known != nil {
			return known, nil
		}
		content, err := c.open(ctx, v)
		return c.keep(v, content, err)
	}).wait(ctx)
}

// settled returns the content of what is listed as v if nothing is left to find out, or nil. It is asked first thing in a
// flight: the one before may have ended just after somebody looked in vain.
func (c *contents) settled(v objstore.Version) *Content {
	if known, ok := c.known.Get(v); ok && (known.source != nil || known.Err != nil) {
		return known
	}
	return nil
}

// keep remembers the content of what is listed as v, unless it couldn't be found out.
func (c *contents) keep(v objstore.Version, content *Content, err error) (*Content, error) {
	if err == nil {
		c.known.Add(v, content)
	}
	return content, err
}

func plain(v objstore.Version) *Content {
	return &Content{Version: v, Size: v.Size, source: &cache.Source{Version: v}}
}

func (c *contents) load(ctx context.Context, e Entry) (*Content, error) {
	if known := c.settled(e.Object.Version); known != nil {
		return known, nil
	}
	content, err := c.find(ctx, e)
	return c.keep(e.Object.Version, content, err)
}

func (c *contents) find(ctx context.Context, e Entry) (*Content, error) {
	v := e.Object.Version
	if v.Size == 0 { // a manifest, perhaps: see objstore.Store.List
		o, err := c.store.Head(ctx, v.Bucket, v.Key)
		if err != nil {
			return nil, err
		}
		v = o.Version
	}
	if !e.Encrypted() {
		return plain(v), nil
	}
	return c.open(ctx, v)
}

// open finds the header of v and opens it with the keys.
func (c *contents) open(ctx context.Context, v objstore.Version) (*Content, error) {
	content, err := c.openStored(ctx, v)
	if err != nil {
		return nil, &objstore.Error{Op: "open", Bucket: v.Bucket, Key: v.Key, Err: err}
	}
	return content, nil
}

// openStored opens the header that v begins with: from an earlier mount, or from the store. The next mount gets to know
// what this one finds out.
func (c *contents) openStored(ctx context.Context, v objstore.Version) (*Content, error) {
	found, ok := c.db.get(v, c.reader)
	if !ok {
		stored, err := c.readHeader(ctx, v)
		if err != nil {
			return nil, err
		}
		found.header = stored
		c.db.put(v, c.reader, found)
	}
	if len(found.header) == 0 {
		return c.openElsewhere(ctx, v)
	}
	header, err := parseHeader(found.header)
	if err != nil {
		return nil, err
	}
	content, err := c.openWith(ctx, v, header, header.Size())
	if err == nil && !found.opens && content.isUnedited() {
		found.opens = true
		c.db.put(v, c.reader, found)
	}
	return content, err
}

// isUnedited tells whether the size follows from what lies in the bucket in clear.
func (c *Content) isUnedited() bool {
	if c.source == nil {
		return false
	}
	_, edited := c.source.Body.EditList()
	return !edited
}

// readHeader returns the header that v begins with, empty if it begins with something else.
func (c *contents) readHeader(ctx context.Context, v objstore.Version) ([]byte, error) {
	r := &headerReader{ctx: ctx, store: c.store, version: v}
	defer r.close()
	header, err := c4gh.ReadHeader(r)
	if errors.Is(err, c4gh.ErrNotCrypt4GH) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return header.Marshal(), nil
}

// openElsewhere is for an object without header: another source may have it.
func (c *contents) openElsewhere(ctx context.Context, v objstore.Version) (*Content, error) {
	if c.headers == nil {
		return headerless(v)
	}
	data, err := c.headers.Header(ctx, v.Bucket, v.Key)
	if err != nil {
		return nil, err
	}
	if data == nil {
		return headerless(v)
	}
	header, err := parseHeader(data)
	if err != nil {
		return nil, fmt.Errorf("the header that is held elsewhere: %w", err)
	}
	return c.openWith(ctx, v, header, 0)
}

// headerless returns the content of an object without header. What no body can be is cut or was never Crypt4GH.
func headerless(v objstore.Version) (*Content, error) {
	size, err := c4gh.PlaintextSize(v.Size)
	if err != nil || v.Size == 0 {
		return nil, fmt.Errorf("no header, and %d bytes are no body either: %w", v.Size, c4gh.ErrMalformed)
	}
	return &Content{Version: v, Encrypted: true, Size: size, Err: ErrHeaderElsewhere}, nil
}

// openWith opens a header, which takes size bytes of the object.
func (c *contents) openWith(ctx context.Context, v objstore.Version, header *c4gh.Header, size int64) (*Content, error) {
	content := &Content{Version: v, Encrypted: true}
	body, err := header.Open(c.keys, c4gh.OpenOptions{})
	if errors.Is(err, c4gh.ErrNoKey) {
		content.Err = err
		content.Size, err = c4gh.PlaintextSize(v.Size - size)
		return content, err
	}
	if err != nil {
		return nil, err
	}
	content.source = &cache.Source{Version: v, HeaderSize: size, Body: body}
	extents, err := content.source.Extents()
	if err != nil {
		return nil, err
	}
	content.Size = extents.Size()
	return content, c.checkTail(ctx, content.source)
}

// checkTail opens an empty last segment, which is never read otherwise: it may be the stump of one that was cut.
func (c *contents) checkTail(ctx context.Context, src *cache.Source) error {
	var tail [c4gh.SegmentOverhead]byte
	if (src.Version.Size-src.HeaderSize)%c4gh.SealedSegmentSize != int64(len(tail)) {
		return nil
	}
	off := src.Version.Size - int64(len(tail))
	body, err := c.store.Get(ctx, src.Version, off, int64(len(tail)))
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := io.ReadFull(body, tail[:]); err != nil {
		return err
	}
	_, err = src.Body.OpenSegment(tail[:])
	return err
}
