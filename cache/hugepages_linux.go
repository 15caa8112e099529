package cache

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

const hugePage = 2 << 20 // bytes; of x86-64, and of arm64 with pages of 4 KiB

// adviseHugePages asks for huge pages where they fit into b. Nothing depends on getting them.
func adviseHugePages(b []byte) {
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(b))) % hugePage
	if size := uintptr(len(b)); size >= skip+hugePage {
		_ = unix.Madvise(b[skip:skip+(size-skip)/hugePage*hugePage], unix.MADV_HUGEPAGE)
	}
}
