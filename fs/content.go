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

// Content is what is known of one object version once its header has been read. It doesn't change.
type Content struct {
	// Source is what the cache needs to read the object.
	Source cache.Source
	// Size is the size that a reader sees, in plaintext bytes.
	Size int64
	// Err says why the object can't be read with the keys at hand: it wraps [c4gh.ErrNoKey] or is
	// [ErrHeaderElsewhere]. The size is exact all the same, save for an edit list that can't be seen.
	Err error
}

const (
	knownContents = 1 << 18 // headers remembered
	headerGets    = 64      // headers read at once

	// The first bytes asked for hold the header of some 35 recipients; what is longer is fetched in growing steps.
	firstHeaderGet = 4 << 10 // ciphertext bytes
	headerGrowth   = 16
)

// contents finds out what objects hold and remembers it by version. Failures aren't remembered.
type contents struct {
	store   objstore.Store
	keys    []*c4gh.SecretKey
	headers HeaderSource // may be nil
	db      *HeaderDB    // may be nil
	known   *lru.Cache[objstore.Version, *Content]
	flights *flights[objstore.Version, *Content]
	slots   chan struct{} // one for each header being read
}

func newContents(ctx context.Context, store objstore.Store, o TreeOptions) *contents {
	known, _ := lru.New[objstore.Version, *Content](knownContents) // fails for a size below 1 alone
	return &contents{
		store: store, keys: o.Keys, headers: o.Headers, db: o.HeaderDB, known: known,
		flights: newFlights[objstore.Version, *Content](ctx),
		slots:   make(chan struct{}, headerGets),
	}
}

// peek returns what is known without asking the store, or nil.
func (c *contents) peek(e Entry) *Content {
	if !e.Encrypted() && e.Object.Size > 0 {
		return plain(e.Object.Version)
	}
	known, _ := c.known.Get(e.Object.Version)
	return known
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
	return c.flights.start(e.Object.Version, func(ctx context.Context) (*Content, error) {
		select {
		case c.slots <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		defer func() { <-c.slots }()
		content, err := c.load(ctx, e)
		if err == nil {
			c.known.Add(e.Object.Version, content)
		}
		return content, err
	})
}

func plain(v objstore.Version) *Content {
	return &Content{Source: cache.Source{Version: v}, Size: v.Size}
}

func (c *contents) load(ctx context.Context, e Entry) (*Content, error) {
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
	content, err := c.open(ctx, v)
	if err != nil {
		return nil, &objstore.Error{Op: "open", Bucket: v.Bucket, Key: v.Key, Err: err}
	}
	return content, nil
}

// open finds the header of v and opens it with the keys.
func (c *contents) open(ctx context.Context, v objstore.Version) (*Content, error) {
	header, err := c.header(ctx, v)
	size := int64(0) // of the header in the object
	if err == nil {
		size = header.Size()
	} else if errors.Is(err, c4gh.ErrNotCrypt4GH) {
		header, err = c.heldElsewhere(ctx, v)
		if header == nil && err == nil {
			return headerless(v)
		}
	}
	if err != nil {
		return nil, err
	}
	content := &Content{Source: cache.Source{Version: v, HeaderSize: size}}
	content.Source.Body, err = header.Open(c.keys, c4gh.OpenOptions{})
	if errors.Is(err, c4gh.ErrNoKey) {
		content.Err = err
		content.Size, err = c4gh.PlaintextSize(v.Size - size)
		return content, err
	}
	if err != nil {
		return nil, err
	}
	extents, err := content.Source.Extents()
	if err != nil {
		return nil, err
	}
	content.Size = extents.Size()
	return content, c.checkTail(ctx, content.Source)
}

// header returns the header that v begins with: from an earlier mount, or from the store.
func (c *contents) header(ctx context.Context, v objstore.Version) (*c4gh.Header, error) {
	if data := c.db.get(v); data != nil {
		if header, err := parseHeader(data); err == nil {
			return header, nil
		}
	}
	r := &headerReader{ctx: ctx, store: c.store, version: v}
	defer r.close()
	header, err := c4gh.ReadHeader(r)
	if err != nil {
		return nil, err
	}
	c.db.put(v, header.Marshal())
	return header, nil
}

// heldElsewhere returns the header that another source has for v, or nil.
func (c *contents) heldElsewhere(ctx context.Context, v objstore.Version) (*c4gh.Header, error) {
	if c.headers == nil {
		return nil, nil
	}
	data, err := c.headers.Header(ctx, v.Bucket, v.Key)
	if data == nil || err != nil {
		return nil, err
	}
	return parseHeader(data)
}

// headerless returns the content of an object without header. What no body can be is cut or was never Crypt4GH.
func headerless(v objstore.Version) (*Content, error) {
	size, err := c4gh.PlaintextSize(v.Size)
	if err != nil || v.Size == 0 {
		return nil, fmt.Errorf("no header, and %d bytes are no body either: %w", v.Size, c4gh.ErrMalformed)
	}
	return &Content{Source: cache.Source{Version: v}, Size: size, Err: ErrHeaderElsewhere}, nil
}

// checkTail opens an empty last segment, which is never read otherwise: it may be the stump of one that was cut.
func (c *contents) checkTail(ctx context.Context, src cache.Source) error {
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

// headerReader reads an object from its beginning in steps that grow, so that a short header costs one small request
// and a long one few.
type headerReader struct {
	ctx     context.Context
	store   objstore.Store
	version objstore.Version
	body    io.ReadCloser
	next    int64 // offset of the next step in ciphertext bytes
	step    int64
}

func (r *headerReader) Read(p []byte) (int, error) {
	for {
		if r.body == nil {
			if err := r.advance(); err != nil {
				return 0, err
			}
		}
		n, err := r.body.Read(p)
		if err == io.EOF {
			r.close()
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// advance asks for the next step.
func (r *headerReader) advance() error {
	if r.next == r.version.Size {
		return io.EOF
	}
	r.step = max(firstHeaderGet, r.step*headerGrowth)
	n := min(r.step, r.version.Size-r.next)
	body, err := r.store.Get(r.ctx, r.version, r.next, n)
	if err != nil {
		return err
	}
	r.body, r.next = body, r.next+n
	return nil
}

func (r *headerReader) close() {
	if r.body != nil {
		r.body.Close()
		r.body = nil
	}
}
