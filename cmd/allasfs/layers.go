package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"allasfs/cache"
	"allasfs/cache/disk"
	"allasfs/fs"
	"allasfs/objstore"
)

// localFlags say what a mount keeps on this machine.
type localFlags struct {
	cacheSize     byteSize
	diskCache     string
	diskCacheSize byteSize
	headerCache   string
	headerDir     string
}

func (f *localFlags) register(flags *pflag.FlagSet) {
	f.cacheSize, f.diskCacheSize = 512<<20, 10<<30
	flags.Var(&f.cacheSize, "cache-size", "memory for plaintext segments")
	flags.StringVar(&f.diskCache, "disk-cache", "", "directory to keep encrypted segments in, for reading them again; may be shared by mounts")
	flags.Var(&f.diskCacheSize, "disk-cache-size", "disk space for --disk-cache")
	flags.StringVar(&f.headerCache, "header-cache", defaultHeaderCache(), "file that remembers headers, so that sizes are known at once after a restart; empty for none")
	flags.StringVar(&f.headerDir, "header-dir", "", "directory with headers of objects without one: files BUCKET/KEY, or manifests of sd-lock (*.json)")
}

// defaultHeaderCache returns a file in the user's cache directory, or nothing where that isn't known.
func defaultHeaderCache() string {
	directory, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(directory, "allasfs", "headers.db")
}

// layers is what stands between a mount and its store.
type layers struct {
	meter   *objstore.Meter
	tree    *fs.Tree
	cache   *cache.Cache
	closers []func()
}

// close takes the layers down, the highest first.
func (l *layers) close() {
	for _, f := range slices.Backward(l.closers) {
		f()
	}
}

// connect unlocks the keys, finds the store, builds the layers on it, and looks whether the source is there.
func (o *mountOptions) connect(ctx context.Context, c *console, log *slog.Logger) (*layers, error) {
	o.keys.warn = c.say
	keys, err := o.keys.load()
	if err != nil {
		return nil, err
	}
	store, err := o.store.openMetered(ctx, o.source, log)
	if err != nil {
		return nil, err
	}
	l := &layers{meter: store.meter}
	options := fs.TreeOptions{
		Root: o.source.directoryPlace(), Profiles: o.store.several(), Buckets: o.buckets, Keys: keys,
		ListTTL: o.listTTL, ShowAll: o.showAll, KeepSuffix: o.keepSuffix,
		HeaderDB: o.local.openHeaderDB(l, store.name, log), Logger: log,
	}
	if options.Headers, err = o.local.openHeaderDir(l); err != nil {
		l.close()
		return nil, err
	}
	tier, err := o.local.openDisk(l, store.name, log)
	if err != nil {
		l.close()
		return nil, err
	}
	l.tree = fs.NewTree(store, options)
	l.cache = cache.New(store, cache.Options{Budget: int64(o.local.cacheSize), Disk: tier, Logger: log})
	l.closers = append(l.closers, l.cache.Close, l.tree.Close)
	if err := o.check(ctx, c, l.tree); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// patience is how long a mount waits for the store before it says so.
const patience = 3 * time.Second

// check looks whether the source is there.
func (o *mountOptions) check(ctx context.Context, c *console, tree *fs.Tree) error {
	slow := time.AfterFunc(patience, func() {
		c.say("the store doesn't answer yet; trying for up to %v", o.store.timeout)
	})
	defer slow.Stop()
	if err := tree.Check(ctx); err != nil {
		return o.store.about(o.source, err)
	}
	return nil
}

// openHeaderDB returns the database of headers, or nil: another mount may have it open, and nothing depends on it.
func (f *localFlags) openHeaderDB(l *layers, store string, log *slog.Logger) *fs.HeaderDB {
	if f.headerCache == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(f.headerCache), 0o700); err != nil {
		log.Debug("headers aren't remembered", "cause", err)
		return nil
	}
	db, err := fs.OpenHeaderDB(f.headerCache, store, log)
	if err != nil {
		log.Debug("headers aren't remembered", "cause", err)
		return nil
	}
	l.closers = append(l.closers, func() { db.Close() })
	return db
}

// openHeaderDir returns the source of headers held elsewhere, or nil.
func (f *localFlags) openHeaderDir(l *layers) (fs.HeaderSource, error) {
	if f.headerDir == "" {
		return nil, nil
	}
	dir, err := fs.OpenHeaderDir(f.headerDir)
	if err != nil {
		return nil, fmt.Errorf("--header-dir: %w", err)
	}
	l.closers = append(l.closers, func() { dir.Close() })
	return dir, nil
}

// openDisk returns the tier on disk, or nil.
func (f *localFlags) openDisk(l *layers, store string, log *slog.Logger) (*disk.Tier, error) {
	if f.diskCache == "" {
		return nil, nil
	}
	dir, err := filepath.Abs(f.diskCache)
	if err != nil {
		return nil, err
	}
	tier, err := disk.Open(disk.Options{Dir: dir, Limit: int64(f.diskCacheSize), Namespace: store, Logger: log})
	if err != nil {
		return nil, hint(err, "--disk-cache takes a directory that you can write to")
	}
	l.closers = append(l.closers, tier.Close)
	return tier, nil
}
