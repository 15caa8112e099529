package fs

import (
	"context"
	"sync"
)

// flights runs one call for each key at a time and hands its result to all who ask meanwhile. A call lives under the
// context of the flights and not of the one who asked first, so an interrupted caller breaks nobody else's. Results
// aren't kept.
type flights[K comparable, V any] struct {
	ctx  context.Context
	work sync.WaitGroup

	mu     sync.Mutex
	closed bool
	calls  map[K]*call[V]
}

type call[V any] struct {
	done  chan struct{}
	value V
	err   error
}

func newFlights[K comparable, V any](ctx context.Context) *flights[K, V] {
	return &flights[K, V]{ctx: ctx, calls: make(map[K]*call[V])}
}

// start returns the call under way for key, or starts fn as one.
func (f *flights[K, V]) start(key K, fn func(context.Context) (V, error)) *call[V] {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.calls[key]; c != nil {
		return c
	}
	c := &call[V]{done: make(chan struct{})}
	if f.closed {
		c.err = context.Canceled
		close(c.done)
		return c
	}
	f.calls[key] = c
	f.work.Go(func() {
		c.value, c.err = fn(f.ctx)
		f.mu.Lock()
		delete(f.calls, key)
		f.mu.Unlock()
		close(c.done)
	})
	return c
}

// wait returns the result of the call, or the error of ctx when that ends first.
func (c *call[V]) wait(ctx context.Context) (V, error) {
	select {
	case <-c.done:
		return c.value, c.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// hasFailed tells whether the call is over and brought nothing.
func (c *call[V]) hasFailed() bool {
	select {
	case <-c.done:
		return c.err != nil
	default:
		return false
	}
}

// close waits for the calls under way, whose context the caller has ended, and lets no more start.
func (f *flights[K, V]) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	f.work.Wait()
}
