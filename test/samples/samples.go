package samples

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The sample files, relative to the directory that [Make] returns.
const (
	BAM      = "wgsim.bam"     // sorted alignments, more than 200 MB
	BAI      = "wgsim.bam.bai" // its index
	Reads1   = "wgsim_1.fastq.gz"
	Reads2   = "wgsim_2.fastq.gz"
	VCF      = "variants.vcf.gz" // with variants.vcf.gz.tbi
	BCF      = "variants.bcf"    // with variants.bcf.csi
	Packages = "packages"        // BAM files of Debian's samtools-test and htslib-test, indexed where they can be
)

// version names the way the files are made; a new one makes them anew.
const version = "v1"

const (
	pairs      = 750_000
	readLength = 150 // bases
	density    = 150 // bases between two variants, on average
)

// Make returns a directory with the sample files. It makes them in cache when they aren't there yet, which takes about
// a minute and needs samtools, wgsim, bcftools and tabix.
func Make(ctx context.Context, cache string) (string, error) {
	dir := filepath.Join(cache, "samples-"+version)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(cache, "making-*")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	g := NewGenome(20261122, 3, 10_000_000)
	if err := errors.Join(g.makeReads(ctx, tmp), g.makeVariants(ctx, tmp), copyPackages(ctx, tmp)); err != nil {
		return "", fmt.Errorf("samples: %w", err)
	}
	// Another process may have been faster.
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return dir, nil
}

// makeReads lets wgsim read the genome and writes the reads compressed and as sorted, indexed alignments.
func (g *Genome) makeReads(ctx context.Context, dir string) error {
	raw := filepath.Join(dir, "raw")
	if err := os.Mkdir(raw, 0o755); err != nil {
		return err
	}
	defer os.RemoveAll(raw)
	fasta, fq1, fq2 := filepath.Join(raw, "genome.fa"), filepath.Join(raw, "1.fq"), filepath.Join(raw, "2.fq")
	if err := writeFile(fasta, g.WriteFASTA); err != nil {
		return err
	}
	length := fmt.Sprint(readLength)
	if err := run(ctx, nil, "wgsim", "-S", "7", "-N", fmt.Sprint(pairs), "-1", length, "-2", length,
		"-R", "0", "-e", "0.01", fasta, fq1, fq2); err != nil {
		return err
	}
	sam := func(w io.Writer) error {
		return withFiles(fq1, fq2, func(r1, r2 io.Reader) error { return g.align(w, r1, r2, 7) })
	}
	bam := filepath.Join(dir, BAM)
	if err := run(ctx, sam, "samtools", "sort", "-l", "1", "-T", filepath.Join(raw, "sort"), "-o", bam, "-"); err != nil {
		return err
	}
	if err := run(ctx, nil, "samtools", "index", bam); err != nil {
		return err
	}
	return errors.Join(compressSome(fq1, filepath.Join(dir, Reads1)), compressSome(fq2, filepath.Join(dir, Reads2)))
}

// compressSome writes the first 200,000 lines of a FASTQ file with gzip.
func compressSome(src, dst string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	return writeFile(dst, func(w io.Writer) error {
		z := gzip.NewWriter(w)
		lines := bufio.NewReader(in)
		for range 200_000 {
			line, err := lines.ReadSlice('\n')
			if err != nil {
				return err
			}
			if _, err := z.Write(line); err != nil {
				return err
			}
		}
		return z.Close()
	})
}

// makeVariants writes single-base variants of the genome with their depth as indexed VCF and BCF.
func (g *Genome) makeVariants(ctx context.Context, dir string) error {
	vcf, bcf := filepath.Join(dir, VCF), filepath.Join(dir, BCF)
	if err := run(ctx, g.writeVCF, "bcftools", "view", "--no-version", "-Oz", "-o", vcf, "-"); err != nil {
		return err
	}
	if err := run(ctx, nil, "bcftools", "view", "--no-version", "-Ob", "-o", bcf, vcf); err != nil {
		return err
	}
	return errors.Join(run(ctx, nil, "tabix", "-p", "vcf", vcf), run(ctx, nil, "bcftools", "index", bcf))
}

func (g *Genome) writeVCF(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, "##fileformat=VCFv4.2\n##INFO=<ID=DP,Number=1,Type=Integer,Description=\"Depth\">\n")
	for _, c := range g.chromosomes {
		fmt.Fprintf(b, "##contig=<ID=%s,length=%d>\n", c.name, len(c.bases))
	}
	fmt.Fprint(b, "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")
	r := rand.New(rand.NewPCG(4, 4))
	for _, c := range g.chromosomes {
		for at := r.IntN(density); at < len(c.bases); at += 1 + r.IntN(2*density) {
			ref := c.bases[at]
			alt := alphabet[(strings.IndexByte(alphabet, ref)+1+r.IntN(3))%4]
			fmt.Fprintf(b, "%s\t%d\t.\t%c\t%c\t%d\tPASS\tDP=%d\n", c.name, at+1, ref, alt, r.IntN(100), r.IntN(60))
		}
	}
	return b.Flush()
}

// copyPackages copies the BAM files of Debian's test packages, broken ones too, and indexes those that can be.
func copyPackages(ctx context.Context, dir string) error {
	for _, root := range []string{"/usr/share/samtools/test", "/usr/share/htslib-test/test"} {
		found, err := filepath.Glob(filepath.Join(root, "*.bam"))
		deeper, err2 := filepath.Glob(filepath.Join(root, "*", "*.bam"))
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		if found = append(found, deeper...); len(found) == 0 {
			return fmt.Errorf("no BAM file in %s", root)
		}
		for _, src := range found {
			dst := filepath.Join(dir, Packages, strings.TrimPrefix(src, "/usr/share/"))
			if err := copyFile(src, dst); err != nil {
				return err
			}
			// Some are unsorted or broken on purpose and stay without an index.
			exec.CommandContext(ctx, "samtools", "index", dst).Run()
		}
	}
	return nil
}

func copyFile(src, dst string) error {
	if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
		return err
	}
	data, err := os.ReadFile(src)
	if err != nil {
		return err
	}
	return os.WriteFile(dst, data, 0o644)
}

func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

func withFiles(path1, path2 string, do func(r1, r2 io.Reader) error) error {
	f1, err := os.Open(path1)
	if err != nil {
		return err
	}
	defer f1.Close()
	f2, err := os.Open(path2)
	if err != nil {
		return err
	}
	defer f2.Close()
	return do(f1, f2)
}

// run runs a program; write, when not nil, writes its standard input.
func run(ctx context.Context, write func(io.Writer) error, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	written := error(nil)
	if write == nil {
		written = cmd.Run()
	} else {
		in, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		written = errors.Join(write(in), in.Close(), cmd.Wait())
	}
	if written != nil {
		return fmt.Errorf("%s: %w: %s", name, written, stderr.String())
	}
	return nil
}
