package objstore

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// Meter is a store that counts what is asked of another one. Below [Retry] it sees every attempt. All methods may be
// called from any number of goroutines.
type Meter struct {
	store    Store
	requests map[string]*tally // by operation, in the words of [Error]; the map doesn't change
	received atomic.Int64
}

// NewMeter returns a meter over store that has counted nothing yet.
func NewMeter(store Store) *Meter {
	m := &Meter{store: store, requests: make(map[string]*tally)}
	for _, op := range []string{"buckets", "list", "head", "get"} {
		m.requests[op] = new(tally)
	}
	return m
}

// Traffic is what a [Meter] has counted.
type Traffic struct {
	// Requests are counted by operation: "buckets", "list", "head" and "get".
	Requests map[string]RequestStats `json:"requests"`
	// ReceivedBytes are the bytes of bodies that arrived, as stored.
	ReceivedBytes int64 `json:"received_bytes"`
}

// RequestStats counts the requests of one operation.
type RequestStats struct {
	Sent int64 `json:"sent"`
	// InFlight are those that aren't answered, and the GETs whose body isn't closed.
	InFlight int64 `json:"in_flight"`
	// Latency is the time to the answer, for a GET to the first byte of its body. Requests that failed before aren't
	// in it.
	Latency Histogram `json:"latency"`
	// Errors counts the requests that failed, by the cause: "timeout", "canceled", "changed", "incomplete", "not_exist",
	// "denied", "unavailable", "cut" and "other". Every cause is there.
	Errors map[string]int64 `json:"errors"`
}

// Snapshot returns the counters as they are now. Those of different operations may be some requests apart. A nil meter
// has counted nothing.
func (m *Meter) Snapshot() Traffic {
	if m == nil {
		return Traffic{}
	}
	t := Traffic{Requests: make(map[string]RequestStats), ReceivedBytes: m.received.Load()}
	for op, c := range m.requests {
		t.Requests[op] = c.snapshot()
	}
	return t
}

// Buckets passes on to the store.
func (m *Meter) Buckets(ctx context.Context) ([]Bucket, error) {
	return measure(ctx, m.requests["buckets"], func() ([]Bucket, error) { return m.store.Buckets(ctx) })
}

// List passes on to the store.
func (m *Meter) List(ctx context.Context, bucket string, o ListOptions) (Page, error) {
	return measure(ctx, m.requests["list"], func() (Page, error) { return m.store.List(ctx, bucket, o) })
}

// Head passes on to the store.
func (m *Meter) Head(ctx context.Context, bucket, key string) (Object, error) {
	return measure(ctx, m.requests["head"], func() (Object, error) { return m.store.Head(ctx, bucket, key) })
}

// Get passes on to the store.
func (m *Meter) Get(ctx context.Context, v Version, off, n int64) (io.ReadCloser, error) {
	c := m.requests["get"]
	c.sent()
	b := &meteredBody{ctx: ctx, meter: m, tally: c, begin: time.Now(), left: n}
	var err error
	if b.body, err = m.store.Get(ctx, v, off, n); err != nil {
		c.failed(cause(ctx, err))
		c.ended()
		return nil, err
	}
	return b, nil
}

func measure[T any](ctx context.Context, c *tally, request func() (T, error)) (T, error) {
	c.sent()
	defer c.ended()
	begin := time.Now()
	answer, err := request()
	if err != nil {
		c.failed(cause(ctx, err))
	} else {
		c.answered(time.Since(begin))
	}
	return answer, err
}

// meteredBody counts what comes of a body.
type meteredBody struct {
	ctx   context.Context // of Get
	meter *Meter
	tally *tally
	body  io.ReadCloser
	begin time.Time
	left  int64 // bytes that are still to come

	begun, broken, closed bool
}

func (b *meteredBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if n > 0 {
		b.meter.received.Add(int64(n))
		b.left -= int64(n)
		if !b.begun {
			b.begun = true
			b.tally.answered(time.Since(b.begin))
		}
	}
	// What is wrong is found out now: when the body is closed, its context may have ended for that very reason.
	if err != nil && !b.broken && (err != io.EOF || b.left > 0) {
		b.broken = true
		b.tally.failed(cause(b.ctx, err))
	}
	return n, err
}

// Close ends the request. It may be called more than once.
func (b *meteredBody) Close() error {
	if !b.closed {
		b.closed = true
		b.tally.ended()
	}
	return b.body.Close()
}

// causes names the causes of errors. The first row that fits counts; the last one fits always.
var causes = [...]struct {
	name string
	errs []error
}{
	{"timeout", []error{ErrTimeout, errSilent, context.DeadlineExceeded}},
	{"canceled", []error{context.Canceled}},
	{"changed", []error{ErrChanged}},
	{"incomplete", []error{ErrIncomplete}},
	{"not_exist", []error{ErrNotExist}},
	{"denied", []error{ErrDenied}},
	{"unavailable", []error{ErrUnavailable}},
	{"cut", []error{io.ErrUnexpectedEOF, io.EOF}},
	{"other", nil},
}

// cause returns the row of an error. When the context has ended, that is the cause, whatever a store made of it.
func cause(ctx context.Context, err error) int {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	for i, row := range causes {
		for _, e := range row.errs {
			if errors.Is(err, e) {
				return i
			}
		}
	}
	return len(causes) - 1
}
