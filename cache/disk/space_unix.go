//go:build unix

package disk

import (
	"io/fs"
	"syscall"
)

// space returns the disk space that a file takes, in bytes: less than its length where it is sparse.
func space(info fs.FileInfo) int64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return int64(st.Blocks) * 512
	}
	return info.Size()
}
