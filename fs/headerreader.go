package fs

import (
	"context"
	"io"

	"allasfs/objstore"
)

const (
	// The first bytes asked for hold the header of some 35 recipients; what is longer is fetched in growing steps.
	firstHeaderGet = 4 << 10 // ciphertext bytes
	headerGrowth   = 16
)

// headerReader reads an object from its beginning in steps that grow, so that a short header costs one small request
// and a long one few.
type headerReader struct {
	ctx     context.Context
	store   objstore.Store
	version objstore.Version
	body    io.ReadCloser
	next    int64 // offset of the next step in ciphertext bytes
	step    int64
}

func (r *headerReader) Read(p []byte) (int, error) {
	for {
		if r.body == nil {
			if err := r.advance(); err != nil {
				return 0, err
			}
		}
		n, err := r.body.Read(p)
		if err == io.EOF {
			r.close()
			err = nil
		}
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// advance asks for the next step.
func (r *headerReader) advance() error {
	if r.next == r.version.Size {
		return io.EOF
	}
	r.step = max(firstHeaderGet, r.step*headerGrowth)
	n := min(r.step, r.version.Size-r.next)
	body, err := r.store.Get(r.ctx, r.version, r.next, n)
	if err != nil {
		return err
	}
	r.body, r.next = body, r.next+n
	return nil
}

func (r *headerReader) close() {
	if r.body != nil {
		r.body.Close()
		r.body = nil
	}
}
