package soak

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"time"
)

// reportEvery bounds how much of a reader's work is unknown when it is killed.
const reportEvery = 100 * time.Millisecond

// Report is what a reader has done since its last one.
type Report struct {
	Pattern, Access string
	Reads, Bytes    int64
	Slowest         time.Duration // of the reads
	// Wrong is the number of bytes that weren't those of the file.
	Wrong int64
	// Failures says of each read that failed or was wrong what it was.
	Failures []string
}

// Reader reads files below a directory, one after the other, each in a pattern and by an access that it draws.
type Reader struct {
	Dir   string
	Files []File
	Seed  uint64
}

// Run reads until stop is closed, and writes reports to out as lines of JSON. A read that fails is in the report and
// ends the reading of its file; an error means that reports can't be written.
func (r Reader) Run(stop <-chan struct{}, out io.Writer) error {
	random := rand.New(rand.NewPCG(r.Seed, 0))
	w := &worker{stop: stop, out: json.NewEncoder(out), random: random,
		got: make([]byte, 4*mebibyte), want: make([]byte, 4*mebibyte)}
	for !w.stopped() {
		f := r.Files[random.IntN(len(r.Files))]
		if err := w.read(filepath.Join(r.Dir, f.Name), f); err != nil {
			return err
		}
	}
	return nil
}

// worker is a reader at work.
type worker struct {
	stop      <-chan struct{}
	out       *json.Encoder
	random    *rand.Rand
	got, want []byte
	report    Report
	reported  time.Time
}

func (w *worker) stopped() bool {
	select {
	case <-w.stop:
		return true
	default:
		return false
	}
}

// read reads a file once in some way.
func (w *worker) read(path string, f File) error {
	p, a := patterns()[w.random.IntN(len(patterns()))], accesses()[w.random.IntN(len(accesses()))]
	w.report, w.reported = Report{Pattern: p.name, Access: a.name}, time.Now()
	o, err := a.open(path, f.Size)
	defer o.close()
	if err != nil {
		w.report.Failures = append(w.report.Failures, err.Error())
		return w.flush()
	}
	// Mostly, or else everything would be answered from the page cache.
	if w.random.IntN(4) > 0 {
		if err := o.drop(); err != nil {
			return err
		}
	}
	for s := range p.spans(w.random, f.Size) {
		w.check(o, f, s)
		if len(w.report.Failures) > 0 || w.stopped() {
			break
		}
		if time.Since(w.reported) >= reportEvery {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return w.flush()
}

// flush writes the report and begins a new one of the same kind.
func (w *worker) flush() error {
	err := w.out.Encode(w.report)
	w.report, w.reported = Report{Pattern: w.report.Pattern, Access: w.report.Access}, time.Now()
	return err
}

// check does one read and compares.
func (w *worker) check(o io.ReaderAt, f File, s span) {
	got, want := w.got[:s.length], w.want[:max(0, min(int64(s.length), f.Size-s.off))]
	clear(got) // what the last read left may be right
	begin := time.Now()
	n, err := o.ReadAt(got, s.off)
	w.report.Slowest = max(w.report.Slowest, time.Since(begin))
	w.report.Reads++
	w.report.Bytes += int64(n)
	if err == io.EOF && len(want) < len(got) {
		err = nil
	}
	f.Fill(want, s.off)
	err = errors.Join(err, w.compare(got[:n], want))
	if err != nil {
		w.report.Failures = append(w.report.Failures, fmt.Sprintf("%s, %d bytes at %d, %s by %s: %v",
			f.Name, s.length, s.off, w.report.Pattern, w.report.Access, err))
	}
}

// compare counts the bytes of got that aren't those of want, and shows the first ones.
func (w *worker) compare(got, want []byte) error {
	if bytes.Equal(got, want) {
		return nil
	}
	first, wrong := -1, int64(0)
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			wrong++
			if first < 0 {
				first = i
			}
		}
	}
	w.report.Wrong += wrong + int64(max(0, len(got)-len(want)))
	if first < 0 {
		return fmt.Errorf("got %d bytes instead of %d", len(got), len(want))
	}
	return fmt.Errorf("%d wrong bytes of %d, from number %d on: %x instead of %x", wrong, len(got), first,
		got[first:min(first+16, len(got))], want[first:min(first+16, len(want))])
}
