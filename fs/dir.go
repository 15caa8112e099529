package fs

import (
	"context"
	"path"
	"sync"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
)

// dir is the node of a directory: all buckets, a bucket, or a prefix.
type dir struct {
	fusefs.Inode
	mount *Mount
	place Place

	mu      sync.Mutex
	listing *Listing // may be stale, incomplete, or nil
	next    *Listing // takes its place when it is complete; nil while there is no need for one
}

var (
	_ fusefs.NodeLookuper       = (*dir)(nil)
	_ fusefs.NodeGetattrer      = (*dir)(nil)
	_ fusefs.NodeOpendirHandler = (*dir)(nil)
	_ fusefs.NodeStatfser       = (*dir)(nil)
	_ fusefs.NodeIoctler        = (*dir)(nil)
)

const renewal = 4 // in the last quarter of its time, a listing that is in use is read anew

// path returns the directory's path below the mount point, for messages.
func (d *dir) path(name string) string { return path.Join("/", d.Path(nil), name) }

// Lookup finds a name, in the listing if there is a fresh one and by a request or two if not. It answers when the
// size is known, which for an encrypted object takes its header.
func (d *dir) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	p := newPatient(ctx)
	defer p.finish()
	entry, ttl, err := d.find(p, name)
	if err != nil {
		return nil, d.mount.errno("lookup", d.path(name), err)
	}
	if entry.Dir {
		return d.dirChild(ctx, entry, ttl, out), 0
	}
	content, err := d.content(p, entry)
	if err != nil {
		return nil, d.mount.errno("lookup", d.path(name), err)
	}
	return d.fileChild(ctx, entry, content, ttl, out), 0
}

// find returns the entry with a name and for how long it may be believed.
func (d *dir) find(ctx context.Context, name string) (Entry, time.Duration, error) {
	if l := d.current(); l != nil {
		i, found, known := l.Find(name)
		if found {
			entry, err := l.At(ctx, i)
			if err != nil {
				return Entry{}, 0, err
			}
			return *entry, l.remaining(), nil
		}
		if known && d.mount.tree.bucketsIn(d.place) == nil { // a bucket that isn't listed may be shared with us
			return Entry{}, 0, d.mount.tree.notFound(d.place, name)
		}
	}
	entry, err := d.mount.tree.Lookup(ctx, d.place, name)
	return entry, d.mount.tree.options.ListTTL, err
}

// current returns the listing if it may be believed, or nil.
func (d *dir) current() *Listing {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fresh()
}

// fresh is current for a caller that holds d.mu. A listing that is in use is read anew before it is too old, so that
// nobody has to wait for the next one.
func (d *dir) fresh() *Listing {
	if d.next != nil && d.next.isComplete() {
		d.listing, d.next = d.next, nil
	}
	if d.listing == nil || !d.listing.fresh() {
		return nil
	}
	if d.next == nil && d.listing.isComplete() && d.listing.remaining() < d.mount.tree.options.ListTTL/renewal {
		d.next = d.mount.tree.List(d.place)
		d.next.loadAhead()
	}
	return d.listing
}

// content returns what an entry holds. The listing, where there is one, reads headers ahead.
func (d *dir) content(ctx context.Context, e Entry) (*Content, error) {
	if l := d.current(); l != nil {
		if i, found, _ := l.Find(e.Name); found {
			return l.content(ctx, i, e)
		}
	}
	return d.mount.tree.Content(ctx, e)
}

// dirChild returns the inode of a sub-directory, the one there is already if possible: it holds the listing.
func (d *dir) dirChild(ctx context.Context, e Entry, ttl time.Duration, out *fuse.EntryOut) *fusefs.Inode {
	place := d.place.child(e.Component)
	out.SetEntryTimeout(ttl)
	out.SetAttrTimeout(ttl)
	if child := d.GetChild(e.Name); child != nil {
		if known, ok := child.Operations().(*dir); ok && known.place == place {
			known.fill(&out.Attr)
			return child
		}
	}
	node := &dir{mount: d.mount, place: place}
	inode := d.NewInode(ctx, node, fusefs.StableAttr{Mode: syscall.S_IFDIR, Ino: d.mount.inode(place)})
	node.fill(&out.Attr)
	return inode
}

// fileChild returns the inode of a file, the one there is already if it is the same version.
func (d *dir) fileChild(ctx context.Context, e Entry, content *Content, ttl time.Duration, out *fuse.EntryOut) *fusefs.Inode {
	out.SetEntryTimeout(ttl)
	out.SetAttrTimeout(fileAttrTimeout)
	if child := d.GetChild(e.Name); child != nil {
		if known, ok := child.Operations().(*file); ok && known.content.Version == content.Version {
			known.fill(&out.Attr)
			return child
		}
	}
	node := &file{mount: d.mount, content: content, modified: e.Object.Modified}
	inode := d.NewInode(ctx, node, fusefs.StableAttr{Mode: syscall.S_IFREG, Ino: d.mount.inode(content.Version)})
	node.fill(&out.Attr)
	return inode
}

// Getattr tells owner and mode; the store knows no times of directories.
func (d *dir) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	d.fill(&out.Attr)
	out.SetTimeout(d.mount.tree.options.ListTTL)
	return 0
}

func (d *dir) fill(a *fuse.Attr) {
	o := d.mount.options
	a.Mode = syscall.S_IFDIR | o.DirMode
	a.Owner = fuse.Owner{Uid: o.UID, Gid: o.GID}
	a.Nlink = 2
	a.Ino = d.mount.inode(d.place)
	a.SetTimes(&d.mount.begun, &d.mount.begun, &d.mount.begun)
}

// Statfs tells block sizes and nothing else: a store has no size.
func (d *dir) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	out.Bsize, out.Frsize, out.NameLen = blockSize, blockSize, maxName
	return 0
}

// OpendirHandle begins a listing, or shares the one that is fresh.
func (d *dir) OpendirHandle(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fresh() == nil {
		d.listing, d.next = d.mount.tree.List(d.place), nil
	}
	return &dirHandle{dir: d, listing: d.listing}, 0, 0
}

// dirHandle is an opened directory.
type dirHandle struct {
	dir     *dir
	listing *Listing
	next    int // position in the listing; go-fuse calls one method at a time
}

var (
	_ fusefs.FileReaddirenter = (*dirHandle)(nil)
	_ fusefs.FileSeekdirer    = (*dirHandle)(nil)
	_ fusefs.FileLookuper     = (*dirHandle)(nil)
)

// Readdirent returns the next entry that isn't hidden, nil at the end.
func (h *dirHandle) Readdirent(ctx context.Context) (*fuse.DirEntry, syscall.Errno) {
	p := newPatient(ctx)
	defer p.finish()
	for {
		entry, err := h.listing.At(p, h.next)
		if err != nil {
			return nil, h.dir.mount.errno("list", h.dir.path(""), err)
		}
		if entry == nil {
			return nil, 0
		}
		h.next++
		if !entry.Hidden {
			return h.dirent(entry), 0
		}
	}
}

// dirent returns the entry for the kernel; its offset is the position of the next one.
func (h *dirHandle) dirent(e *Entry) *fuse.DirEntry {
	out := &fuse.DirEntry{Name: e.Name, Mode: syscall.S_IFREG, Off: uint64(h.next)}
	if e.Dir {
		out.Mode = syscall.S_IFDIR
		out.Ino = h.dir.mount.inode(h.dir.place.child(e.Component))
	} else {
		out.Ino = h.dir.mount.inode(e.Object.Version)
	}
	return out
}

// Seekdir goes on at a position that a dirent named.
func (h *dirHandle) Seekdir(_ context.Context, off uint64) syscall.Errno {
	h.next = int(off)
	return 0
}

// Lookup is for READDIRPLUS: it adds the attributes of what is known already and doesn't wait. An entry that isn't
// filled in is looked up when somebody wants its size, so that a plain listing never reads a header. The kernel sends
// READDIRPLUS at the beginning, and then only while somebody wants to know more than names.
func (h *dirHandle) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fusefs.Inode, syscall.Errno) {
	i, found, _ := h.listing.Find(name)
	if !found {
		return nil, syscall.ENOENT
	}
	e, err := h.listing.At(ctx, i)
	if err != nil {
		return nil, Errno(err)
	}
	ttl := max(0, h.listing.remaining())
	if e.Dir {
		return h.dir.dirChild(ctx, *e, ttl, out), 0
	}
	content := h.listing.peek(i, *e)
	if content == nil {
		return nil, syscall.EAGAIN
	}
	return h.dir.fileChild(ctx, *e, content, ttl, out), 0
}

// RefreshCommand is the ioctl on a directory that makes it forget its listing and those below. It carries no data.
const RefreshCommand = 'A'<<8 | 1

// Ioctl answers [RefreshCommand], of which files that are open stay as they are, and [ReadStatus].
func (d *dir) Ioctl(_ context.Context, _ fusefs.FileHandle, cmd uint32, _ uint64, _, out []byte) (int32, syscall.Errno) {
	switch cmd {
	case RefreshCommand:
		d.refresh()
		d.mount.log.Info("refreshed", "path", d.path(""))
		return 0, 0
	case statusCommand:
		return d.mount.answerStatus(out)
	}
	return 0, syscall.ENOTTY
}

// refresh forgets the listings of d and everything below, here and in the kernel.
func (d *dir) refresh() {
	d.mu.Lock()
	d.listing, d.next = nil, nil
	d.mu.Unlock()
	for name, child := range d.Children() {
		if sub, ok := child.Operations().(*dir); ok {
			sub.refresh()
		}
		d.NotifyEntry(name)
	}
}
