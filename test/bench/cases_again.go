package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const pagePasses = 5

// pagesCase reads a file again and again that is in page cache, and one of tmpfs in turn. The first time doesn't count:
// then the kernel only finds out which pages are used.
func pagesCase(b *bench, c benchCase) error {
	local := b.data.file("pages")
	if err := copySparse(local, b.data.large); err != nil {
		return err
	}
	defer os.Remove(local)
	return b.each(c, []*tool{ours}, func(m *mount) error {
		if _, err := sequential(time.Minute, readBlock, m.path(largeName(0))); err != nil {
			return err
		}
		var mounted, tmpfs values
		for pass := range pagePasses + 1 {
			p, err := sequential(time.Minute, readBlock, m.path(largeName(0)))
			q, err2 := sequential(time.Minute, readBlock, local)
			if err := errors.Join(err, err2); err != nil {
				return err
			}
			if pass > 0 {
				mounted, tmpfs = append(mounted, p.mbps()), append(tmpfs, q.mbps())
			}
		}
		b.addMedian(c, m.tool.name, mounted)
		b.addMedian(c, "tmpfs", tmpfs)
		return nil
	})
}

func (b *bench) addMedian(c benchCase, who string, rates values) {
	median, _ := rates.median()
	b.results.add(c.id, who, "MB/s", median)
}

// copySparse writes a file of some bytes, all of them there.
func copySparse(path string, size int64) error {
	f, err := create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	for i := range buf {
		buf[i] = byte(i)
	}
	for ; size > 0; size -= int64(len(buf)) {
		if _, err := f.Write(buf); err != nil {
			return err
		}
	}
	return f.Close()
}

// memoryTierCase reads regions again when the page cache has forgotten them, and the same places of the zero file.
func memoryTierCase(b *bench, c benchCase) error {
	const size = 64 << 10
	offsets := places(1000, size, b.data.large, uint64(b.results.round))
	again := func(m *mount, path string) error {
		if _, err := random(path, offsets, size, size, 1); err != nil {
			return err
		}
		if err := forget(path); err != nil {
			return err
		}
		if err := b.control.Reset(); err != nil {
			return err
		}
		took, err := random(path, offsets, size, size, 1)
		if err != nil {
			return err
		}
		got, err := b.fetched()
		b.results.add(c.id, m.tool.name, "p50 ms", p50(took))
		b.results.add(c.id, m.tool.name, "fetched", got)
		return err
	}
	b.each(c, []*tool{zeros}, func(m *mount) error { return again(m, m.zeroFiles(1)[0]) })
	return b.each(c, []*tool{ours}, func(m *mount) error { return again(m, m.path(largeName(0))) })
}

// diskTierCase reads a whole file again after a restart, from the disk tier, whose files are in page cache, and opens
// the segments of the object's file on one goroutine.
func diskTierCase(b *bench, c benchCase) error {
	defer os.RemoveAll(b.diskTier())
	read := func(m *mount) (pass, error) { return sequential(time.Minute, readBlock, m.path(largeName(0))) }
	if err := b.one(ourDisk, func(m *mount) error { _, err := read(m); return err }); err != nil {
		return err
	}
	m, err := b.mount(ourDisk)
	if err != nil {
		return err
	}
	defer b.unmount(m)
	if err := warm(b.diskTier()); err != nil {
		return err
	}
	if err := b.open(m.path(largeName(0))); err != nil {
		return err
	}
	before := m.cpu()
	p, err := read(m)
	if err != nil {
		return err
	}
	got, err := b.fetched()
	if err != nil {
		return err
	}
	b.results.add(c.id, ours.name, "MB/s", p.mbps())
	b.results.add(c.id, ours.name, "CPU s/GB", p.perGB(m.cpu()-before))
	b.results.add(c.id, ours.name, "fetched", got)
	o, err := opened(b.data.object(largeName(0)), b.data.secret)
	b.results.add(c.id, "parts", "MB/s", o.mbps())
	return err
}

// warm reads every file of a directory.
func warm(dir string) error {
	return filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		_, err = readThrough(path, 1<<20, time.Now().Add(time.Minute))
		return err
	})
}

// openFilesCase reads many files all at once and looks at the memory.
func openFilesCase(b *bench, c benchCase) error {
	return b.each(c, []*tool{ours, s3fs, rclone}, func(m *mount) error {
		var paths []string
		for i := range smallFiles {
			paths = append(paths, m.path(smallName(i)))
		}
		p, err := sequential(time.Minute, 128<<10, paths...)
		if err != nil {
			return err
		}
		var sum int64
		for _, proc := range m.procs {
			peak, err := proc.peak()
			if err != nil {
				return err
			}
			sum += peak
		}
		b.results.add(c.id, m.tool.name, "resident MiB", float64(sum)/(1<<20))
		b.results.add(c.id, m.tool.name, "MB/s", p.mbps())
		return nil
	})
}

// mountCase looks how long it takes until a mount answers.
func mountCase(b *bench, c benchCase) error {
	return b.each(c, []*tool{ours, s3fs, rclone, crypt4ghf}, func(m *mount) error {
		b.results.add(c.id, m.tool.name, "ms", float64(m.began.Microseconds())/1e3)
		return nil
	})
}

// program is something people run on the files.
type program struct {
	name string
	args func(path func(object string) string) []string
}

// regions returns samtools' names of 200 regions of some bases each, at random places.
func regions(bases int64) []string {
	all := make([]string, 0, 200)
	for i, off := range places(200, 1000, 9_900_000, 7) {
		all = append(all, fmt.Sprintf("chr%d:%d-%d", i%3+1, off+1, off+bases))
	}
	return all
}

// programs returns the commands, the most important first.
func programs() []program {
	view := func(bases int64) func(func(string) string) []string {
		return func(p func(string) string) []string {
			return append([]string{"samtools", "view", "-c", p(bamName)}, regions(bases)...)
		}
	}
	return []program{
		{"samtools view, 200 regions of 1 kb", view(1000)},
		{"samtools view, 200 regions of 100 kb", view(100_000)},
		{"samtools idxstats", func(p func(string) string) []string { return []string{"samtools", "idxstats", p(bamName)} }},
		{"bcftools view -r", func(p func(string) string) []string {
			return []string{"bcftools", "view", "-H", "-r", "chr2:2000000-4000000", p(vcfName)}
		}},
		{"zcat of a FASTQ", func(p func(string) string) []string { return []string{"zcat", p(fastqName)} }},
		{"md5sum of a BAM", func(p func(string) string) []string { return []string{"md5sum", p(bamName)} }},
		{"fastqc", func(p func(string) string) []string {
			return []string{"fastqc", "--quiet", "--outdir", os.TempDir(), p(shortName)}
		}},
	}
}

// programsCase runs programs on a mount that has read another file, and on the same files in clear on tmpfs.
func programsCase(b *bench, c benchCase) error {
	for _, p := range programs() {
		if p.name == "fastqc" && b.results.round >= few {
			continue
		}
		if _, err := exec.LookPath(p.args(b.data.file)[0]); err != nil {
			b.failed(c.id, p.name, err)
			continue
		}
		if err := b.program(c, p); err != nil {
			b.failed(c.id, p.name, err)
		}
	}
	return nil
}

func (b *bench) program(c benchCase, p program) error {
	if _, err := seconds(p.args(b.data.file)); err != nil { // so that the program itself is in page cache
		return err
	}
	local, err := seconds(p.args(b.data.file))
	if err != nil {
		return err
	}
	m, err := b.mount(ours)
	if err != nil {
		return err
	}
	defer b.unmount(m)
	// Dropped caches hit the program and the mount's own code too, which isn't what is measured here.
	if _, err := seconds(p.args(b.data.file)); err != nil {
		return err
	}
	if _, err := readThrough(m.path(smallName(0)), readBlock, time.Now().Add(time.Minute)); err != nil {
		return err
	}
	mounted, err := seconds(p.args(m.path))
	b.results.add(c.id, p.name, "s", mounted)
	b.results.add(c.id, p.name, "s on tmpfs", local)
	return err
}

// seconds returns how long a command takes.
func seconds(args []string) (float64, error) {
	begin := time.Now()
	cmd := exec.Command(args[0], args[1:]...)
	words := &tail{}
	cmd.Stderr = words
	if err := cmd.Run(); err != nil {
		return missing, fmt.Errorf("%s: %w: %s", args[0], err, words)
	}
	return time.Since(begin).Seconds(), nil
}
