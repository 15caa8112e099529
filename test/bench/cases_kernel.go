package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// readAheads are sizes of the kernel's read-ahead, in KiB. allasfs chooses one of them where it may.
var readAheads = []int{128, 512, 1024, 4096}

func readAheadName(kib int) string { return fmt.Sprintf("read-ahead %d KiB", kib) }

const direct = "direct I/O"

// kernelCase reads a file in sequence with other settings of the kernel than those that allasfs chooses.
func kernelCase(b *bench, c benchCase) error {
	path := func(m *mount) string { return m.path(largeName(0)) }
	for _, kib := range readAheads {
		err := b.one(ours, func(m *mount) error {
			if err := setReadAhead(m.root, kib); err != nil {
				return err
			}
			return b.sequentialAs(c.id, readAheadName(kib), m, func() (pass, error) {
				return sequential(20*time.Second, readBlock, path(m))
			})
		})
		if err != nil {
			return err
		}
	}
	return b.one(ours, func(m *mount) error {
		return b.sequentialAs(c.id, direct, m, func() (pass, error) { return readDirect(path(m)) })
	})
}

// sequentialAs writes down rate and processor time of a sequential read under a name.
func (b *bench) sequentialAs(id, name string, m *mount, read func() (pass, error)) error {
	before := m.cpu()
	p, err := read()
	if err != nil {
		return err
	}
	b.results.add(id, name, rate, p.mbps())
	b.results.add(id, name, "CPU s/GB", p.perGB(m.cpu()-before))
	return nil
}

// kernelRegionCase reads regions of 256 KiB at random places with each size of read-ahead.
func kernelRegionCase(b *bench, c benchCase) error {
	for _, kib := range readAheads {
		err := b.one(ours, func(m *mount) error {
			if err := setReadAhead(m.root, kib); err != nil {
				return err
			}
			return b.regions(c, readAheadName(kib), m, regionSizes[0])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// setReadAhead sets the kernel's read-ahead of a mount, which only root may.
func setReadAhead(root string, kib int) error {
	var st syscall.Stat_t
	if err := syscall.Stat(root, &st); err != nil {
		return err
	}
	file := fmt.Sprintf("/sys/class/bdi/%d:%d/read_ahead_kb", unix.Major(st.Dev), unix.Minor(st.Dev))
	return os.WriteFile(file, fmt.Append(nil, kib), 0)
}

// readDirect reads a file past the page cache.
func readDirect(path string) (p pass, err error) {
	begin := time.Now()
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_DIRECT, 0)
	if err != nil {
		return p, err
	}
	defer f.Close()
	for buf := aligned(readBlock); ; {
		n, err := f.Read(buf)
		p.bytes += int64(n)
		if err == io.EOF {
			p.took = time.Since(begin)
			return p, nil
		}
		if err != nil {
			return p, err
		}
	}
}

// aligned returns a buffer that begins at a page.
func aligned(size int) []byte {
	const page = 4096
	buf := make([]byte, size+page)
	skip := page - int(uintptr(unsafe.Pointer(&buf[0]))%page)
	return buf[skip : skip+size]
}

// kernelTable shows what other settings of the kernel would give.
func (r *results) kernelTable(s *strings.Builder) {
	s.WriteString("\n## The kernel's settings\n\nallasfs, cold. The first three columns are one sequential stream near by and its " +
		"processor seconds a GB; the last two are regions of 256 KiB at 20 ms, read once. The mount sets the read-ahead to 1024 KiB where it may " +
		"and leaves it to programs to ask for direct I/O, which can't be mapped into memory (O_DIRECT).\n\n" +
		"| | MB/s | CPU | round trips | fetched over the region |\n| --- | --- | --- | --- | --- |\n")
	names := []string{}
	for _, kib := range readAheads {
		names = append(names, readAheadName(kib))
	}
	for _, name := range append(names, direct) {
		fmt.Fprintf(s, "| %s | %s | %s | %s | %s |\n", name,
			r.cell("%.0f", "kernel", name, rate), r.cell("%.2f", "kernel", name, "CPU s/GB"),
			r.cell("%.2f", "kernel-region", name, "round trips"), r.cell("%.2f", "kernel-region", name, "fetched/region"))
	}
}
