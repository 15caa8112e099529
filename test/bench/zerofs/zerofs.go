// Package zerofs mounts files of zeros with the options of an allasfs mount: what FUSE costs when nothing has to be
// fetched or decrypted.
package zerofs

import (
	"context"
	"fmt"
	"os"
	"syscall"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// Files is how many files the mount has.
const Files = 4

// Name returns the name of file i.
func Name(i int) string { return fmt.Sprintf("zeros%d", i) }

// These are the options of an allasfs mount; see its package fs.
const (
	blockSize     = 1 << 20 // bytes
	maxRead       = 1 << 20 // bytes
	maxBackground = 64
	readAheadKiB  = 1024
	segment       = 64 << 10 // bytes; replies are slices of this size
)

// Mount mounts a file of size bytes at mountpoint and returns when the mount is gone.
func Mount(mountpoint string, size int64) error {
	server, err := fusefs.Mount(mountpoint, &root{size: size}, &fusefs.Options{
		MountOptions: fuse.MountOptions{
			FsName: "zeros", Name: "zerofs", DirectMount: true, Options: []string{"ro", "default_permissions"},
			MaxWrite: maxRead, MaxReadAhead: maxRead, MaxBackground: maxBackground, DisableSplice: true,
		},
	})
	if err != nil {
		return err
	}
	var st syscall.Stat_t
	if err := syscall.Stat(mountpoint, &st); err != nil {
		return err
	}
	// As allasfs does: only root may, and without it the mount works too.
	bdi := fmt.Sprintf("/sys/class/bdi/%d:%d/read_ahead_kb", unix.Major(st.Dev), unix.Minor(st.Dev))
	_ = os.WriteFile(bdi, fmt.Appendf(nil, "%d", readAheadKiB), 0)
	server.Wait()
	return nil
}

type root struct {
	fusefs.Inode
	size int64
}

// OnAdd implements [fusefs.NodeOnAdder].
func (r *root) OnAdd(ctx context.Context) {
	for i := range Files {
		f := &file{size: r.size}
		r.AddChild(Name(i), r.NewPersistentInode(ctx, f, fusefs.StableAttr{Mode: syscall.S_IFREG}), false)
	}
}

type file struct {
	fusefs.Inode
	size int64
}

// zeros is what every read shows.
var zeros [segment]byte

// Getattr implements [fusefs.NodeGetattrer].
func (f *file) Getattr(_ context.Context, _ fusefs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	out.Size, out.Mode, out.Blksize = uint64(f.size), syscall.S_IFREG|0o444, blockSize
	out.SetTimeout(24 * 60 * 60 * 1e9)
	return 0
}

// Open implements [fusefs.NodeOpener].
func (f *file) Open(context.Context, uint32) (fusefs.FileHandle, uint32, syscall.Errno) {
	return f, fuse.FOPEN_KEEP_CACHE, 0
}

// Read implements [fusefs.NodeReader].
func (f *file) Read(_ context.Context, _ fusefs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	return reply(max(0, min(int64(len(dest)), f.size-off))), 0
}

// reply is that many zeros, in slices as allasfs answers.
type reply int

// Slices makes go-fuse write the reply without a copy.
func (r reply) Slices() (out [][]byte, _ fuse.Status) {
	for n := int(r); n > 0; n -= segment {
		out = append(out, zeros[:min(n, segment)])
	}
	return out, fuse.OK
}

// Size implements [fuse.ReadResult].
func (r reply) Size() int { return int(r) }

// Done implements [fuse.ReadResult].
func (r reply) Done() {}

// Bytes implements [fuse.ReadResult].
func (r reply) Bytes([]byte) ([]byte, fuse.Status) { return make([]byte, r), fuse.OK }
