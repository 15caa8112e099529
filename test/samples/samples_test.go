package samples

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"
)

func TestSameSeedSameBytes(t *testing.T) {
	sum := func(seed uint64) [32]byte {
		var b bytes.Buffer
		g := NewGenome(seed, 2, 1000)
		if err := g.WriteFASTA(&b); err != nil {
			t.Fatal(err)
		}
		if err := g.WriteFASTQ(&b, seed, 10, 50); err != nil {
			t.Fatal(err)
		}
		if err := g.writeVCF(&b); err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(b.Bytes())
	}
	if first, second := sum(1), sum(1); first != second {
		t.Error("the same seed gave different bytes")
	}
	if sum(1) == sum(2) {
		t.Error("different seeds gave the same bytes")
	}
}

func TestAlign(t *testing.T) {
	g := NewGenome(1, 1, 500)
	bases := g.chromosomes[0].bases
	left, right := string(bases[99:119]), string(reverseComplement(bases[180:200]))
	fastq := func(bases, mate string) *strings.Reader {
		return strings.NewReader("@chr1_100_200_0:0:0_0:0:0_0/" + mate + "\n" + bases + "\n+\n" + bases + "\n")
	}
	for name, c := range map[string]struct {
		bases1, bases2 string
		flags          []string
	}{
		"first is left":  {left, right, []string{"\t99\t", "\t147\t"}},
		"first is right": {right, left, []string{"\t163\t", "\t83\t"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := g.align(&out, fastq(c.bases1, "1"), fastq(c.bases2, "2"), 1); err != nil {
				t.Fatal(err)
			}
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")[2:]
			for i, want := range []string{"chr1\t100\t60\t20M\t=\t181\t101\t" + left, "chr1\t181\t60\t20M\t=\t100\t-101\t" + string(bases[180:200])} {
				if !strings.Contains(lines[i], want) || !strings.Contains(lines[i], c.flags[i]) {
					t.Errorf("line %q, want %q and %q", lines[i], want, c.flags[i])
				}
			}
		})
	}
	elsewhere := string(bases[300:320])
	if err := g.align(&bytes.Buffer{}, fastq(elsewhere, "1"), fastq(right, "2"), 1); err == nil {
		t.Error("a read that isn't where its name says was taken")
	}
}
