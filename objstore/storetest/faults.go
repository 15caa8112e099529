package storetest

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"allasfs/objstore"
)

// Request is one request that a store was asked, in the words of [objstore.Error].
type Request struct {
	Op     string // "buckets", "list", "head", "get"
	Bucket string
	Key    string // the prefix for "list"
	Offset int64  // as stored; only for "get"
	Length int64  // as stored; only for "get"
	// N counts the requests with this Op so far, this one included: 1, 2, ...
	N int
}

// Fault is what happens to one request. The zero value lets it pass.
type Fault struct {
	Delay time.Duration // before anything else
	Err   error         // refuses the request
	// Change answers as if the object had been replaced: Head and List show another ETag, Get fails.
	Change bool
	Body   Break // breaks the body of a "get"
}

// Break ends a body early. The zero value doesn't.
type Break struct {
	After int64 // bytes that still arrive
	// Err is what Read returns then: io.EOF for a store that breaks the contract.
	Err error
	// Stall, instead of Err, brings nothing more until the context ends.
	Stall bool
}

// ErrReset is a connection that broke off.
var ErrReset = fmt.Errorf("%w: connection reset by peer", objstore.ErrUnavailable)

// Reset breaks the connection after n bytes of a body.
func Reset(n int64) Fault { return Fault{Body: Break{After: n, Err: ErrReset}} }

// Stall brings nothing after n bytes of a body.
func Stall(n int64) Fault { return Fault{Body: Break{After: n, Stall: true}} }

// Truncate ends a body after n bytes, as a proxy does that loses the rest.
func Truncate(n int64) Fault { return Fault{Body: Break{After: n, Err: io.ErrUnexpectedEOF}} }

// Faults is a store that injects faults by rule and counts. Set Store before its first use.
type Faults struct {
	Store objstore.Store

	bytes atomic.Int64
	open  atomic.Int64

	mu       sync.Mutex
	rule     func(Request) Fault
	requests []Request
	counts   map[string]int
}

var _ objstore.Store = (*Faults)(nil)

// Set makes rule decide over every request from now on; nil lets all pass. Calls of the rule never overlap.
func (f *Faults) Set(rule func(Request) Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rule = rule
}

// First returns a rule that lets fault happen to the first n requests with the operation op, and to no other.
func First(n int, op string, fault Fault) func(Request) Fault {
	return func(r Request) Fault {
		if r.Op == op && r.N <= n {
			return fault
		}
		return Fault{}
	}
}

// Requests returns what was asked, in order.
func (f *Faults) Requests() []Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Request(nil), f.requests...)
}

// Count returns the number of requests with the operation op.
func (f *Faults) Count(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts[op]
}

// Bytes returns the number of body bytes handed out.
func (f *Faults) Bytes() int64 { return f.bytes.Load() }

// Open returns the number of bodies that aren't closed.
func (f *Faults) Open() int64 { return f.open.Load() }

// ask records r and lets its fault happen, as far as it happens before the answer.
func (f *Faults) ask(ctx context.Context, r Request) (Fault, error) {
	fault := f.record(r)
	if fault.Delay > 0 {
		timer := time.NewTimer(fault.Delay)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return fault, r.fail(context.Cause(ctx))
		}
	}
	switch {
	case fault.Err != nil:
		return fault, r.fail(fault.Err)
	case fault.Change && r.Op == "get":
		return fault, r.fail(objstore.ErrChanged)
	}
	return fault, nil
}

func (f *Faults) record(r Request) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts == nil {
		f.counts = map[string]int{}
	}
	f.counts[r.Op]++
	r.N = f.counts[r.Op]
	f.requests = append(f.requests, r)
	if f.rule == nil {
		return Fault{}
	}
	return f.rule(r)
}

func (r Request) fail(err error) error {
	return &objstore.Error{Op: r.Op, Bucket: r.Bucket, Key: r.Key, Offset: r.Offset, Err: err}
}

// Buckets passes on to the store.
func (f *Faults) Buckets(ctx context.Context) ([]objstore.Bucket, error) {
	if _, err := f.ask(ctx, Request{Op: "buckets"}); err != nil {
		return nil, err
	}
	return f.Store.Buckets(ctx)
}

// List passes on to the store.
func (f *Faults) List(ctx context.Context, bucket string, o objstore.ListOptions) (objstore.Page, error) {
	fault, err := f.ask(ctx, Request{Op: "list", Bucket: bucket, Key: o.Prefix})
	if err != nil {
		return objstore.Page{}, err
	}
	page, err := f.Store.List(ctx, bucket, o)
	for i := range page.Objects {
		fault.change(&page.Objects[i])
	}
	return page, err
}

// Head passes on to the store.
func (f *Faults) Head(ctx context.Context, bucket, key string) (objstore.Object, error) {
	fault, err := f.ask(ctx, Request{Op: "head", Bucket: bucket, Key: key})
	if err != nil {
		return objstore.Object{}, err
	}
	object, err := f.Store.Head(ctx, bucket, key)
	fault.change(&object)
	return object, err
}

func (f Fault) change(o *objstore.Object) {
	if f.Change {
		o.ETag += "-changed"
	}
}

// Get passes on to the store.
func (f *Faults) Get(ctx context.Context, v objstore.Version, off, n int64) (io.ReadCloser, error) {
	fault, err := f.ask(ctx, Request{Op: "get", Bucket: v.Bucket, Key: v.Key, Offset: off, Length: n})
	if err != nil {
		return nil, err
	}
	body, err := f.Store.Get(ctx, v, off, n)
	if err != nil {
		return nil, err
	}
	f.open.Add(1)
	return &faultyBody{ReadCloser: body, ctx: ctx, f: f, end: fault.Body, left: fault.Body.After}, nil
}

type faultyBody struct {
	io.ReadCloser
	ctx    context.Context
	f      *Faults
	end    Break
	left   int64 // bytes until end happens
	closed bool
}

func (b *faultyBody) Read(p []byte) (int, error) {
	breaks := b.end.Stall || b.end.Err != nil
	if breaks && b.left == 0 {
		if b.end.Stall {
			<-b.ctx.Done()
			return 0, context.Cause(b.ctx)
		}
		return 0, b.end.Err
	}
	if breaks {
		p = p[:min(int64(len(p)), b.left)]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	b.f.bytes.Add(int64(n))
	return n, err
}

func (b *faultyBody) Close() error {
	if !b.closed {
		b.closed = true
		b.f.open.Add(-1)
	}
	return b.ReadCloser.Close()
}
