package samples

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
)

// align writes the reads that wgsim made from the genome, without insertions and deletions, as a SAM file. wgsim says
// in each read's name where the pair is from, so nothing has to be searched: the two ends of the pair are the two reads,
// and which is which is seen from the bases. wgsim gives all bases the same quality; ours are random.
func (g *Genome) align(w io.Writer, reads1, reads2 io.Reader, seed uint64) error {
	out := bufio.NewWriterSize(w, 1<<20)
	fmt.Fprint(out, "@HD\tVN:1.6\tSO:unsorted\n")
	byName := map[string][]byte{}
	for _, c := range g.chromosomes {
		fmt.Fprintf(out, "@SQ\tSN:%s\tLN:%d\n", c.name, len(c.bases))
		byName[c.name] = c.bases
	}
	r := rand.New(rand.NewPCG(seed, 3))
	in1, in2 := bufio.NewReader(reads1), bufio.NewReader(reads2)
	for {
		name, bases1, err := nextRead(in1)
		if errors.Is(err, io.EOF) {
			return out.Flush()
		}
		_, bases2, err2 := nextRead(in2)
		if err := errors.Join(err, err2); err != nil {
			return err
		}
		if err := writePair(out, byName, name, bases1, bases2, r); err != nil {
			return err
		}
	}
}

// nextRead reads the four lines of a read and returns its name, without @ and the number in the pair, and its bases.
func nextRead(in *bufio.Reader) (name, bases string, err error) {
	var line [4]string
	for i := range line {
		if line[i], err = in.ReadString('\n'); err != nil {
			if i > 0 && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return "", "", err
		}
	}
	name, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line[0]), "@"), "/")
	return name, strings.TrimSpace(line[1]), nil
}

const (
	paired      = 0x1
	proper      = 0x2
	reverse     = 0x10
	mateReverse = 0x20
	first       = 0x40
	last        = 0x80
)

// writePair writes the two SAM lines of a pair named CHROMOSOME_START_END_….
func writePair(w io.Writer, genome map[string][]byte, name, bases1, bases2 string, r *rand.Rand) error {
	f := strings.SplitN(name, "_", 4)
	if len(f) < 4 || genome[f[0]] == nil {
		return fmt.Errorf("samples: read name %q", name)
	}
	start, err1 := strconv.Atoi(f[1])
	end, err2 := strconv.Atoi(f[2])
	if err := errors.Join(err1, err2); err != nil {
		return fmt.Errorf("samples: read name %q: %w", name, err)
	}
	n := len(bases1)
	left, right := bases1, bases2
	flagLeft, flagRight := first, last
	if !similar(genome[f[0]][start-1:], left) {
		left, right = right, left
		flagLeft, flagRight = flagRight, flagLeft
	}
	right = string(reverseComplement([]byte(right)))
	if !similar(genome[f[0]][start-1:], left) || !similar(genome[f[0]][end-n:], right) {
		return fmt.Errorf("samples: read %q isn't where its name says", name)
	}
	quality := make([]byte, n)
	line := func(flag, pos, mate, size int, bases string) error {
		randomQuality(quality, r)
		_, err := fmt.Fprintf(w, "%s\t%d\t%s\t%d\t60\t%dM\t=\t%d\t%d\t%s\t%s\n",
			name, flag, f[0], pos, n, mate, size, bases, quality)
		return err
	}
	size := end - start + 1
	return errors.Join(
		line(paired|proper|mateReverse|flagLeft, start, end-n+1, size, left),
		line(paired|proper|reverse|flagRight, end-n+1, start, -size, right))
}

// similar says whether a read differs from the genome by mutations and reading errors only. Random bases differ in
// three of four places.
func similar(genome []byte, read string) bool {
	differ := 0
	for i := range len(read) {
		if genome[i] != read[i] {
			differ++
		}
	}
	return differ < len(read)/4
}
