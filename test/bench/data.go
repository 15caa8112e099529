package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"

	"allasfs/c4gh"
	"allasfs/test/samples"
)

// The objects, named without .c4gh. Those of one size are one file under many names: each is another object to whoever
// reads.
const (
	manyFiles  = 40
	smallFiles = 200
)

func largeName(i int) string { return fmt.Sprintf("large/%d.bin", i) }
func manyName(i int) string  { return fmt.Sprintf("many/%02d.bin", i) }
func smallName(i int) string { return fmt.Sprintf("small/%03d.bin", i) }

const (
	bamName   = "reads/reads.bam"
	fastqName = "reads/reads.fastq.gz"
	shortName = "reads/short.fastq.gz"
	vcfName   = "reads/variants.vcf.gz"
)

// data is what the benchmark reads.
type data struct {
	root  string // what the server shows
	plain string // the plaintext of some, on tmpfs
	key   string // secret key file

	large, many, small int64 // plaintext bytes; multiples of the segment size
	secret             *c4gh.SecretKey
}

// makeData writes the objects below dir, which should be on tmpfs: there dropping caches doesn't slow the server down.
func makeData(dir, cache string, quick bool) (*data, error) {
	d := &data{
		root: filepath.Join(dir, "store"), plain: filepath.Join(dir, "plain"), key: filepath.Join(dir, "bench.key"),
		large: 1 << 30, many: 32 << 20, small: 8 << 20,
	}
	if quick {
		d.large, d.many, d.small = 256<<20, 8<<20, 2<<20
	}
	var err error
	if d.secret, err = c4gh.GenerateKey(); err != nil {
		return nil, err
	}
	key, err := d.secret.Marshal(c4gh.KeyOptions{})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(d.key, key, 0o600); err != nil {
		return nil, err
	}
	for _, f := range []struct {
		size  int64
		count int
		name  func(int) string
	}{{d.large, 4, largeName}, {d.many, manyFiles, manyName}, {d.small, smallFiles, smallName}} {
		if err := d.random(f.size, f.count, f.name); err != nil {
			return nil, err
		}
	}
	return d, d.sequencing(cache)
}

// object returns the path of an object at the server.
func (d *data) object(name string) string { return filepath.Join(d.root, bucket, name+suffix) }

// file returns the path of an object's plaintext, where it is kept.
func (d *data) file(name string) string { return filepath.Join(d.plain, name) }

// random makes an object of random plaintext, and links of it.
func (d *data) random(size int64, count int, name func(int) string) error {
	source := io.LimitReader(rand.NewChaCha8([32]byte{byte(count)}), size)
	if err := d.encrypt(source, name(0)); err != nil {
		return err
	}
	for i := 1; i < count; i++ {
		if err := os.Link(d.object(name(0)), d.object(name(i))); err != nil {
			return err
		}
	}
	return nil
}

func (d *data) encrypt(source io.Reader, name string) error {
	f, err := create(d.object(name))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := c4gh.Encrypt(f, source, c4gh.EncryptOptions{Recipients: []c4gh.PublicKey{d.secret.Public()}}); err != nil {
		return err
	}
	return f.Close()
}

func create(path string) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return os.Create(path)
}

// sequencing puts alignments, reads and variants into the bucket and beside it in clear.
func (d *data) sequencing(cache string) error {
	dir, err := samples.Make(context.Background(), cache)
	if err != nil {
		return err
	}
	fastq, err := longFASTQ(cache, filepath.Join(dir, samples.BAM))
	if err != nil {
		return err
	}
	for name, path := range map[string]string{
		bamName: filepath.Join(dir, samples.BAM), bamName + ".bai": filepath.Join(dir, samples.BAI),
		vcfName: filepath.Join(dir, samples.VCF), vcfName + ".tbi": filepath.Join(dir, samples.VCF+".tbi"),
		shortName: filepath.Join(dir, samples.Reads1), fastqName: fastq,
	} {
		if err := d.both(path, name); err != nil {
			return err
		}
	}
	return nil
}

// both stores a file encrypted, and copies it.
func (d *data) both(path, name string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := create(d.file(name))
	if err != nil {
		return err
	}
	defer out.Close()
	return d.encrypt(io.TeeReader(in, out), name)
}

// longFASTQ makes compressed reads out of alignments, once.
func longFASTQ(cache, bam string) (string, error) {
	path := filepath.Join(cache, "bench-reads.fastq.gz")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	cmd := exec.Command("bash", "-c", `set -o pipefail; samtools fastq "$0" | gzip -1 >"$1.new" && mv "$1.new" "$1"`, bam, path)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("samtools fastq: %w: %s", err, out)
	}
	return path, nil
}
