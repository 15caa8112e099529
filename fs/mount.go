package fs

import (
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	fusefs "github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"github.com/moby/sys/mountinfo"

	"allasfs/cache"
	"allasfs/objstore"
)

// FilesystemType is what /proc/mounts calls a mount of ours.
const FilesystemType = "fuse.allasfs"

const (
	// blockSize is the st_blksize: programs that go by it (htslib) read in pieces of this size, in bytes.
	blockSize = 1 << 20

	maxRead       = 1 << 20 // bytes; the kernel's own bound
	maxBackground = 64      // reads that the kernel's read-ahead has under way at once
	readAheadKiB  = 1024    // more only makes the reading of regions dearer

	// A file node is one version and never changes, so its attributes are good for as long as it lives.
	fileAttrTimeout = 24 * time.Hour
)

// Options say how a tree is mounted. Uid, Gid and the modes are taken as they are.
type Options struct {
	// Name is shown as the device of the mount.
	Name string
	// AllowOther lets users other than the mounting one in, as far as the modes let them.
	AllowOther bool
	UID, GID   uint32
	FileMode   uint32 // permission bits of files
	DirMode    uint32 // permission bits of directories
	// Logger gets one line for each operation that failed, with path and cause.
	Logger *slog.Logger
	// Meter is what the tree's and the cache's store counts by; nil leaves that out of the status.
	Meter *objstore.Meter
}

// Mount is a tree that the kernel shows at a mount point.
type Mount struct {
	tree    *Tree
	cache   *cache.Cache
	options Options
	log     *slog.Logger
	seed    maphash.Seed
	begun   time.Time
	server  *fuse.Server

	openFiles atomic.Int64
	failures  [len(errnos)]atomic.Int64 // by row of errnos
}

// New mounts tree at mountpoint and returns when the kernel has accepted it. The caller unmounts it, and closes tree and
// cache afterwards.
//
// It never looks into the mount itself: a process that is killed while it waits for its own answer can't end.
func New(mountpoint string, tree *Tree, c *cache.Cache, o Options) (*Mount, error) {
	m := &Mount{tree: tree, cache: c, options: o, log: o.Logger, seed: maphash.MakeSeed(), begun: time.Now()}
	options := m.fuseOptions()
	nodes := fusefs.NewNodeFS(&dir{mount: m, place: tree.Root()}, options)
	server, err := fuse.NewServer(nodes, mountpoint, &options.MountOptions)
	if err != nil {
		return nil, fmt.Errorf("mount: %w", err)
	}
	m.server = server
	go server.Serve() // until it is unmounted; Wait waits for it
	setReadAhead(mountpoint, m.log)
	return m, nil
}

func (m *Mount) fuseOptions() *fusefs.Options {
	return &fusefs.Options{
		MountOptions: fuse.MountOptions{
			FsName: m.options.Name, Name: "allasfs",
			AllowOther:    m.options.AllowOther,
			Options:       []string{"ro", "default_permissions"},
			DirectMount:   true, // as root; otherwise fusermount3 does it
			MaxWrite:      maxRead,
			MaxReadAhead:  maxRead,
			MaxBackground: maxBackground,
			// Splicing fails for reads of this size, and slices are written without a copy anyway.
			DisableSplice: true,
			// READDIRPLUS fills in what is known; see dirHandle.Lookup.
			ExtraCapabilities: fuse.CAP_IOCTL_DIR | fuse.CAP_READDIRPLUS_AUTO,
			Logger:            slog.NewLogLogger(m.log.Handler(), slog.LevelWarn),
		},
		RootStableAttr:  &fusefs.StableAttr{Mode: syscall.S_IFDIR, Ino: m.inode(m.tree.Root())},
		NullPermissions: true, // the modes are set here, also when they are 0
	}
}

// Wait returns when the mount is gone, whoever unmounted it.
func (m *Mount) Wait() { m.server.Wait() }

// inode returns the inode number of a place or a version. It is a hash under a seed of this process, so that nobody
// who names objects can make two of them look the same.
func (m *Mount) inode(identity any) uint64 { return maphash.Comparable(m.seed, identity) | 1 }

// setReadAhead raises the kernel's read-ahead for the mount from 128 KiB, which only root may do.
func setReadAhead(mountpoint string, log *slog.Logger) {
	mounts, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(mountpoint))
	if err == nil && len(mounts) == 0 {
		err = errors.New("the mount isn't in the list of mounts")
	}
	if err == nil {
		file := fmt.Sprintf("/sys/class/bdi/%d:%d/read_ahead_kb", mounts[0].Major, mounts[0].Minor)
		err = os.WriteFile(file, fmt.Appendf(nil, "%d", readAheadKiB), 0)
	}
	if err != nil {
		log.Debug("read-ahead of the kernel left as it is", "cause", err)
	}
}
