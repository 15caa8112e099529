//go:build !unix

package disk

import "io/fs"

// space returns the length of a file, which is no less than the space it takes.
func space(info fs.FileInfo) int64 { return info.Size() }
