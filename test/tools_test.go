package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"allasfs/test/samples"
)

// toolCommands are run by bash in a directory of plaintext files: on disk, and in the mount. $OUT is an empty directory
// on disk, $PLAIN the directory of plaintext files on disk.
var toolCommands = []struct{ name, script string }{
	{"samtools count", "samtools view -c -X wgsim.bam wgsim.bam.bai chr1 chr2 chr3"},
	{"samtools count regions", "samtools view -c -X wgsim.bam wgsim.bam.bai chr1:1000000-1100000 chr3:9000000"},
	{"samtools region", "samtools view -X wgsim.bam wgsim.bam.bai chr2:5000000-5050000"},
	{"samtools flagstat", "samtools flagstat wgsim.bam"},
	{"samtools test files", `for f in $(find packages -name '*.bam' | sort); do echo $f; samtools view -c $f 2>&1; done`},
	{"samtools test files by index", `for f in $(find packages -name '*.bai' | sort); do samtools idxstats ${f%.bai}; done`},
	{"bcftools region of BCF", "bcftools view --no-version -r chr2:100000-900000 variants.bcf"},
	{"bcftools region of VCF", "bcftools view --no-version -r chr1:5000000-5200000,chr3:1-400000 variants.vcf.gz"},
	{"tabix", "tabix variants.vcf.gz chr3:2000000-2100000"},
	{"zcat", "zcat wgsim_1.fastq.gz | wc"},
	{"zcat both", "paste <(zcat wgsim_1.fastq.gz) <(zcat wgsim_2.fastq.gz) | sha256sum"},
	{"md5sum -c", `(cd "$PLAIN" && find . -type f -print0 | xargs -0 md5sum) >"$OUT/sums" && md5sum -c --quiet "$OUT/sums"`},
	{"cp -r", `cp -r . "$OUT/copy" && diff -r "$OUT/copy" "$PLAIN"`},
	{"tar", `mkdir "$OUT/t" && tar cf - . | tar xf - -C "$OUT/t" && diff -r "$OUT/t" "$PLAIN"`},
	{"find", `find . -printf '%y %P\n' | sort; find . -type f -printf '%s %P\n' | sort; find . -name '*.bam' -size +100k | sort`},
	{"grep -r", "grep -rn 'needle [0-9]*7$' notes | sort"},
	{"grep -r binary", "grep -rc BAM packages | sort"},
	{"python mmap", `/usr/bin/python3 -c '
import hashlib, mmap
with open("wgsim.bam", "rb") as f, mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as m:
    print(len(m), hashlib.sha256(m[1000000:30000000]).hexdigest(), m.find(b"\x1f\x8b", 50000000), m[-28:].hex())
'`},
	{"head and tail", "head -c 100000 wgsim.bam | sha256sum; tail -c 100000 wgsim.bam | sha256sum; tail -c 1000001 wgsim.bam | head -c 5 | xxd -p || true"},
	{"dd", "dd if=wgsim.bam bs=1000003 skip=7 count=3 status=none | sha256sum"},
	{"names", `cat 'notes/with space/ä ö.txt' 'notes/50%.txt'`},
}

// plainTree makes the directory of plaintext files.
func plainTree(t *testing.T) string {
	t.Helper()
	cached, err := samples.Make(t.Context(), filepath.Join("..", ".testdata"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	command{}.must(t, "cp", "-rl", cached+"/.", dir) // hard links
	for i := range 200 {
		text := strings.Repeat("some hay\n", i*50) + fmt.Sprintf("needle %d\n", i)
		write(t, filepath.Join(dir, "notes", fmt.Sprintf("%d", i%10), fmt.Sprintf("%d.txt", i)), []byte(text))
	}
	write(t, filepath.Join(dir, "notes", "with space", "ä ö.txt"), []byte("umlauts\n"))
	write(t, filepath.Join(dir, "notes", "50%.txt"), []byte("percent\n"))
	return dir
}

// tool runs one of the commands in a directory.
func tool(t *testing.T, dir, plain, script string) result {
	t.Helper()
	env := append(os.Environ(), "OUT="+t.TempDir(), "PLAIN="+plain, "LC_ALL=C.UTF-8")
	return command{env: env, dir: dir}.run(t, "bash", "-o", "pipefail", "-c", script)
}

func TestTools(t *testing.T) {
	plain := plainTree(t)
	l := newLab(t)
	l.putTree(plain, "")
	m := l.mount()
	want := map[string]result{}
	for _, c := range toolCommands {
		want[c.name] = tool(t, plain, plain, c.script)
		if r := want[c.name]; r.status != 0 || c.name != "md5sum -c" && !strings.HasPrefix(c.name, "cp") && c.name != "tar" && r.stdout == "" {
			t.Fatalf("%s on disk: exit status %d, %d bytes\n%s", c.name, r.status, len(r.stdout), r.stderr)
		}
		t.Run(c.name, func(t *testing.T) { same(t, tool(t, m.dir, plain, c.script), want[c.name]) })
	}
	m.end()

	// All of it again on a fresh mount with little memory, 8 processes at a time.
	m = l.mount("--cache-size", "32MiB")
	t.Run("8 at once", func(t *testing.T) {
		var group errgroup.Group
		group.SetLimit(8)
		for _, c := range toolCommands {
			group.Go(func() error {
				t.Run(c.name, func(t *testing.T) { same(t, tool(t, m.dir, plain, c.script), want[c.name]) })
				return nil
			})
		}
		group.Wait()
	})
}

func same(t *testing.T, got, want result) {
	t.Helper()
	if got.status != want.status || got.stdout != want.stdout {
		t.Errorf("exit status %d, %d bytes; on disk %d, %d bytes\n%.1000s\n%.300s", got.status, len(got.stdout),
			want.status, len(want.stdout), got.stderr, got.stdout)
	}
}
