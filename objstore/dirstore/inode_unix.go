//go:build unix

package dirstore

import (
	"io/fs"
	"syscall"
)

// inode is the number of a file, which another file of the same name doesn't have as long as the first is in use.
func inode(info fs.FileInfo) uint64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(stat.Ino)
	}
	return 0
}
