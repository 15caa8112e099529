// Package samples makes sequencing data for the tests and the demo: a random genome, reads from it, alignments and
// variants. The same seed gives the same bytes, up to what the versions of samtools and bcftools write into headers.
package samples

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
)

// Genome is a reference genome.
type Genome struct {
	chromosomes []chromosome
}

type chromosome struct {
	name  string
	bases []byte
}

const alphabet = "ACGT"

// NewGenome returns n random chromosomes (chr1, chr2 …) of the given length in bases.
func NewGenome(seed uint64, n, length int) *Genome {
	r := rand.New(rand.NewPCG(seed, 1))
	g := &Genome{}
	for i := range n {
		bases := make([]byte, length)
		for j := range bases {
			bases[j] = alphabet[r.IntN(4)]
		}
		g.chromosomes = append(g.chromosomes, chromosome{fmt.Sprintf("chr%d", i+1), bases})
	}
	return g
}

// WriteFASTA writes the genome with 60 bases a line.
func (g *Genome) WriteFASTA(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, c := range g.chromosomes {
		fmt.Fprintf(b, ">%s\n", c.name)
		for i := 0; i < len(c.bases); i += 60 {
			b.Write(c.bases[i:min(i+60, len(c.bases))])
			b.WriteByte('\n')
		}
	}
	return b.Flush()
}

// WriteFASTQ writes n reads of the given length from random places of the genome, with random qualities.
func (g *Genome) WriteFASTQ(w io.Writer, seed uint64, n, length int) error {
	r := rand.New(rand.NewPCG(seed, 2))
	b := bufio.NewWriter(w)
	quality := make([]byte, length)
	for i := range n {
		c := g.chromosomes[r.IntN(len(g.chromosomes))]
		at := r.IntN(len(c.bases) - length)
		randomQuality(quality, r)
		fmt.Fprintf(b, "@read%d %s:%d\n%s\n+\n%s\n", i+1, c.name, at+1, c.bases[at:at+length], quality)
	}
	return b.Flush()
}

// randomQuality fills q with Phred scores from 20 to 41 in their FASTQ letters.
func randomQuality(q []byte, r *rand.Rand) {
	for i := range q {
		q[i] = byte('!' + 20 + r.IntN(22))
	}
}

func reverseComplement(bases []byte) []byte {
	out := make([]byte, len(bases))
	for i, b := range bases {
		out[len(bases)-1-i] = complement(b)
	}
	return out
}

func complement(b byte) byte {
	switch b {
	case 'A':
		return 'T'
	case 'C':
		return 'G'
	case 'G':
		return 'C'
	case 'T':
		return 'A'
	}
	return b
}
