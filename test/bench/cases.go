package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"time"

	"allasfs/c4gh"
	"allasfs/test/bench/lights3"
)

// benchCase is something to measure.
type benchCase struct {
	id     string
	shape  lights3.Shape // of the server
	rounds int           // in how many rounds at most
	run    func(b *bench, c benchCase) error
}

const (
	always    = 1 << 30
	few       = 3
	readBlock = 1 << 20 // bytes of a sequential read
	mega      = 1000 * 1000
)

var (
	near = lights3.Shape{}
	far  = lights3.Shape{FirstByte: 20 * time.Millisecond, Rate: 100 * mega}
	away = lights3.Shape{FirstByte: 20 * time.Millisecond}
)

// The axes of the matrix.
var (
	firstBytes = []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond}
	rates      = []int64{0, 100 * mega, 50 * mega}
)

func cases() []benchCase {
	all := []benchCase{
		{"parts-1", near, always, func(b *bench, c benchCase) error { return b.parts(c.id, 1) }},
		{"seq-1", near, always, sequentialCase(1, 20*time.Second, ours, s3fs, rclone, crypt4ghf)},
		{"parts-4", near, always, func(b *bench, c benchCase) error { return b.parts(c.id, 4) }},
		{"seq-4", near, always, sequentialCase(4, 20*time.Second, ours, s3fs, rclone, crypt4ghf)},
		{"seq-far", far, always, sequentialCase(1, 20*time.Second, ours, s3fs, rclone, rclone16, crypt4ghf)},
		{"gets-far", far, always, bareCase},
		{"robin", near, always, robinCase},
		{"pages", near, always, pagesCase},
		{"memory", near, always, memoryTierCase},
		{"disk", near, always, diskTierCase},
		{"open-200", near, always, openFilesCase},
		{"mount", near, always, mountCase},
		{"programs", near, always, programsCase},
		{"kernel", near, few, kernelCase},
		{"kernel-region", away, few, kernelRegionCase},
	}
	for _, s := range []lights3.Shape{near, {FirstByte: 5 * time.Millisecond}, away, {FirstByte: 100 * time.Millisecond}} {
		for _, size := range []int{4 << 10, 64 << 10, 1 << 20} {
			for _, depth := range []int{1, 16} {
				rounds := always
				if s != near && s != away {
					rounds = few
				}
				all = append(all, benchCase{randomID(s, size, depth), s, rounds, randomCase(size, depth)})
			}
		}
	}
	for _, size := range regionSizes {
		all = append(all, benchCase{fmt.Sprintf("region-%d", size>>10), away, always, regionCase(size)})
	}
	for _, first := range firstBytes {
		for _, rate := range rates {
			s := lights3.Shape{FirstByte: first, Rate: rate}
			all = append(all, benchCase{matrixID(s), s, few, sequentialCase(1, 4*time.Second, ours, s3fs, rclone, rclone16)})
		}
	}
	return all
}

func randomID(s lights3.Shape, size, depth int) string {
	return fmt.Sprintf("random-%d-%d-%s", size>>10, depth, s.FirstByte)
}

func matrixID(s lights3.Shape) string { return fmt.Sprintf("matrix-%s-%d", s.FirstByte, s.Rate/mega) }

// each measures tools in turn, each on a new mount with nothing cached.
func (b *bench) each(c benchCase, tools []*tool, do func(m *mount) error) error {
	for _, t := range tools {
		if err := b.one(t, do); err != nil {
			b.failed(c.id, t.name, err)
		}
	}
	return nil
}

func (b *bench) one(t *tool, do func(m *mount) error) error {
	m, err := b.mount(t)
	if err != nil {
		return err
	}
	defer b.unmount(m)
	if err := b.control.Reset(); err != nil {
		return err
	}
	return do(m)
}

// fetched returns the bytes of objects that the server has sent since the mount began.
func (b *bench) fetched() (float64, error) {
	n, err := b.control.Counters()
	return float64(n.Bytes), err
}

// sequentialCase reads large files from end to end, or for some time.
func sequentialCase(streams int, limit time.Duration, tools ...*tool) func(*bench, benchCase) error {
	return func(b *bench, c benchCase) error {
		return b.each(c, tools, func(m *mount) error {
			var paths []string
			for i := range streams {
				paths = append(paths, m.path(largeName(i)))
			}
			before := m.cpu()
			p, err := sequential(limit, readBlock, paths...)
			if err != nil {
				return err
			}
			b.results.add(c.id, m.tool.name, "MB/s", p.mbps())
			b.results.add(c.id, m.tool.name, "CPU s/GB", p.perGB(m.cpu()-before))
			return nil
		})
	}
}

// What the limit of a far store is computed with: as many GETs of this size as read-ahead may have under way.
const (
	farGets = 16
	farPart = 8 << 20
)

// farLimit is N·R/(TTFB + R/bw), in MB/s.
func farLimit() float64 {
	each := far.FirstByte.Seconds() + float64(farPart)/float64(far.Rate)
	return farGets * farPart / each / 1e6
}

func bareCase(b *bench, c benchCase) error {
	g := b.getter(largeName(0), farGets)
	defer g.close()
	size := b.data.large / c4gh.SegmentSize * c4gh.SealedSegmentSize
	p, err := g.whole(size, farPart, farGets, 20*time.Second)
	b.results.add(c.id, "parts", "MB/s", p.mbps())
	return err
}

// randomCase reads at random places and compares with GETs of the segments that lie there.
func randomCase(size, depth int) func(*bench, benchCase) error {
	return func(b *bench, c benchCase) error {
		n := cmp.Or(map[time.Duration]int{0: 600, 5 * time.Millisecond: 150}[c.shape.FirstByte], 50) * min(depth, 4)
		offsets := places(n, int64(size), b.data.large, uint64(b.results.round))
		if err := b.bareRandom(c, offsets, size, depth); err != nil {
			return err
		}
		tools := []*tool{ours}
		if c.shape == near || c.shape == away {
			tools = append(tools, s3fs, rclone)
			if depth == 1 {
				tools = append(tools, crypt4ghf)
			}
		}
		return b.each(c, tools, func(m *mount) error {
			part := offsets
			if m.tool != ours {
				part = offsets[:min(len(offsets), 100)]
			}
			if err := b.open(m.path(largeName(0))); err != nil {
				return err
			}
			took, err := random(m.path(largeName(0)), part, size, size, depth)
			if err != nil {
				return err
			}
			got, err := b.fetched()
			b.results.add(c.id, m.tool.name, "p50 ms", p50(took))
			b.results.add(c.id, m.tool.name, "fetched/touched", got/touched(part, size))
			return err
		})
	}
}

// open makes the mount know the file, and forgets what that fetched.
func (b *bench) open(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), b.control.Reset())
}

// touched returns the ciphertext bytes of the segments that reads at offsets touch, each once.
func touched(offsets []int64, size int) float64 {
	seen := map[int64]bool{}
	for _, off := range offsets {
		for s := off / c4gh.SegmentSize; s*c4gh.SegmentSize < off+int64(size); s++ {
			seen[s] = true
		}
	}
	return float64(len(seen) * c4gh.SealedSegmentSize)
}

func (b *bench) bareRandom(c benchCase, offsets []int64, size, depth int) error {
	g := b.getter(largeName(0), depth)
	defer g.close()
	bufs := make([][]byte, depth)
	for i := range bufs {
		bufs[i] = make([]byte, c4gh.SealedSegmentSize)
	}
	took, err := at(offsets, depth, func(worker int, off int64) error {
		first, last := off/c4gh.SegmentSize, (off+int64(size)-1)/c4gh.SegmentSize
		return g.get(first*c4gh.SealedSegmentSize, (last-first+1)*c4gh.SealedSegmentSize, bufs[worker])
	})
	b.results.add(c.id, "parts", "p50 ms", p50(took))
	return err
}

var regionSizes = []int{256 << 10, 1 << 20, 4 << 20}

const regionRead = 128 << 10 // bytes a read

// regionCase reads regions at random places once, as programs do that have an index.
func regionCase(size int) func(*bench, benchCase) error {
	return func(b *bench, c benchCase) error {
		return b.each(c, []*tool{ours, s3fs, rclone}, func(m *mount) error { return b.regions(c, m.tool.name, m, size) })
	}
}

// regions reads regions of a large file and writes down under a name what a region took.
func (b *bench) regions(c benchCase, name string, m *mount, size int) error {
	if err := b.open(m.path(largeName(0))); err != nil {
		return err
	}
	slots := places(24, 8<<20, b.data.large, uint64(b.results.round))
	for i := range slots {
		slots[i] += int64(i%16) * 4096 * 33 // not at the border of a segment
	}
	took, err := random(m.path(largeName(0)), slots, size, regionRead, 1)
	if err != nil {
		return err
	}
	got, err := b.fetched()
	b.results.add(c.id, name, "round trips", p50(took)/(1e3*c.shape.FirstByte.Seconds()))
	b.results.add(c.id, name, "fetched/region", got/float64(len(slots)*size))
	return err
}

// robinCase reads many files at once, a block of each in turn.
func robinCase(b *bench, c benchCase) error {
	return b.each(c, []*tool{ours, s3fs, rclone}, func(m *mount) error {
		var paths []string
		for i := range manyFiles {
			paths = append(paths, m.path(manyName(i)))
		}
		p, err := roundRobin(128<<10, paths)
		if err != nil {
			return err
		}
		got, err := b.fetched()
		b.results.add(c.id, m.tool.name, "MB/s", p.mbps())
		b.results.add(c.id, m.tool.name, "fetched/read", got/float64(p.bytes))
		return err
	})
}
