package fs

import (
	"context"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"allasfs/cache"
)

// file is the node of one object version.
type file struct {
	fusefs.Inode
	mount    *Mount
	content  *Content
	modified time.Time
}

var (
	_ fusefs.NodeGetattrer   = (*file)(nil)
	_ fusefs.NodeOpener      = (*file)(nil)
	_ fusefs.NodeGetxattrer  = (*file)(nil)
	_ fusefs.NodeListxattrer = (*file)(nil)
)

// path returns the file's path below the mount point, for messages.
func (f *file) path() string { return "/" + f.Path(nil) }

// Getattr tells the exact plaintext size, which was known before there was a node.
func (f *file) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	f.fill(&out.Attr)
	out.SetTimeout(fileAttrTimeout)
	return 0
}

func (f *file) fill(a *fuse.Attr) {
	o := f.mount.options
	a.Mode = syscall.S_IFREG | o.FileMode
	a.Owner = fuse.Owner{Uid: o.UID, Gid: o.GID}
	a.Nlink = 1
	a.Ino = f.mount.inode(f.content.Version)
	a.Size = uint64(f.content.Size)
	a.Blksize = blockSize
	a.Blocks = (a.Size + 511) / 512
	a.SetTimes(&f.modified, &f.modified, &f.modified)
}

// Open gives the reason at once if no key of ours opens the object. The kernel may keep the pages of earlier opens:
// a node is one version.
func (f *file) Open(ctx context.Context, flags uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	if flags&syscall.O_ACCMODE != syscall.O_RDONLY {
		return nil, 0, syscall.EROFS
	}
	p := newPatient(ctx)
	defer p.finish()
	handle, err := f.open(p)
	if err != nil {
		return nil, 0, f.mount.errno("open", f.path(), err)
	}
	f.mount.openFiles.Add(1)
	return &fileHandle{file: f, handle: handle}, fuse.FOPEN_KEEP_CACHE, 0
}

func (f *file) open(ctx context.Context) (*cache.Handle, error) {
	source, err := f.mount.tree.contents.source(ctx, f.content)
	if err != nil {
		return nil, err
	}
	return f.mount.cache.Open(source)
}

// fileHandle is an opened file.
type fileHandle struct {
	file   *file
	handle *cache.Handle
}

var (
	_ fusefs.FileReader   = (*fileHandle)(nil)
	_ fusefs.FileReleaser = (*fileHandle)(nil)
)

// Read answers with the cache's own segments.
func (h *fileHandle) Read(ctx context.Context, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	p := newPatient(ctx)
	defer p.finish()
	view, err := h.handle.ReadAt(p, off, len(dest))
	if err != nil {
		return nil, h.file.mount.errno("read", h.file.path(), err)
	}
	return reply{view}, 0
}

// Release lets go of the object.
func (h *fileHandle) Release(context.Context) syscall.Errno {
	h.handle.Close()
	h.file.mount.openFiles.Add(-1)
	return 0
}

// reply hands a view to the kernel by writev, without a copy. Having Slices is what makes go-fuse call Done after the
// write and not before it.
type reply struct{ view *cache.View }

// Slices implements go-fuse's scatter-gather reply.
func (r reply) Slices() ([][]byte, fuse.Status) { return r.view.Slices(), fuse.OK }

// Size implements [fuse.ReadResult].
func (r reply) Size() int { return r.view.Size() }

// Done implements [fuse.ReadResult].
func (r reply) Done() { r.view.Release() }

// Bytes implements [fuse.ReadResult].
func (r reply) Bytes(buf []byte) ([]byte, fuse.Status) {
	buf = buf[:0]
	for _, s := range r.view.Slices() {
		buf = append(buf, s...)
	}
	return buf, fuse.OK
}
