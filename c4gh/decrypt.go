package c4gh

import (
	"io"
	"math"
)

// DecryptOptions say what to decrypt, and how. The zero value decrypts everything.
type DecryptOptions struct {
	// Writer, when not nil, lets only packets count that hold this writer public key.
	Writer *PublicKey
	// Range is what to decrypt; nil for everything.
	Range *Range
	// Workers is the number of goroutines that decrypt; 0 for as many as there are cores.
	Workers int
}

// Decrypt writes the plaintext of the object in src, after edits, to dst, using all cores, and returns the plaintext
// bytes written. Only plaintext of authentic segments is written, in order, and none behind the first that isn't.
//
// Where src is an io.Seeker, segments that aren't needed are skipped. When dst fails, Decrypt still waits for a Read of
// src in progress. The errors are those of [NewReader] and what src and dst return.
func Decrypt(dst io.Writer, src io.Reader, keys []*SecretKey, o DecryptOptions) (int64, error) {
	off, n, err := o.Range.bounds()
	if err != nil {
		return 0, err
	}
	h, err := ReadHeader(src)
	if err != nil {
		return 0, err
	}
	body, err := h.Open(keys, OpenOptions{Writer: o.Writer})
	if err != nil {
		return 0, err
	}
	kept := body.Extents(math.MaxInt64).within(off, n)
	d := &decryption{
		load: loader{src: src, header: h.Size(), kept: kept, toEnd: o.Range.toEnd()},
		cut:  cutter{kept: kept},
		body: body,
		dst:  dst,
	}
	p := &pipeline{load: d.loadJob, work: d.open, store: d.store}
	err = p.run(o.Workers)
	return d.written, err
}

// decryption holds the state of the three steps; none touches what belongs to another.
type decryption struct {
	load    loader // loading
	body    *Body  // opening
	cut     cutter // storing
	dst     io.Writer
	written int64
}

func (d *decryption) loadJob(j *job) (err error) {
	j.first, j.data, err = d.load.load(j.buf)
	return err
}

// open opens the segments of a job in place, up to the first that fails.
func (d *decryption) open(j *job) {
	good := 0
	j.err = j.segments(func(segment int64, sealed []byte) error {
		if _, err := d.body.OpenSegment(sealed); err != nil {
			return segmentError(err, segment, d.load.header)
		}
		good += len(sealed)
		return nil
	})
	j.data = j.data[:good]
}

// store writes what is kept of the opened segments.
func (d *decryption) store(j *job) error {
	return j.segments(func(segment int64, buf []byte) error {
		plain, start := buf[nonceSize:len(buf)-tagSize], segment*SegmentSize
		for piece := d.cut.next(start, plain); len(piece) > 0; piece = d.cut.next(start, plain) {
			n, err := d.dst.Write(piece)
			d.written += int64(n)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
