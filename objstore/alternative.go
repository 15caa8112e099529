package objstore

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"
)

// Alternative returns a store that asks other for the buckets that store refuses altogether: those that it may not even
// list, and that other may. Both must have the same objects, as a gateway with two protocols has; where the versions
// that they tell differ, Get says [ErrChanged]. Buckets asks store alone.
//
// What is found out of a bucket is believed for some minutes. When both refuse, the error is that of store, or that of
// other for a bucket that it had let us into.
func Alternative(store, other Store, log *slog.Logger) Store {
	return &alternative{store: store, other: other, log: log, known: make(map[string]finding)}
}

type alternative struct {
	store, other Store
	log          *slog.Logger

	mu    sync.Mutex
	known map[string]finding // by bucket
}

// finding says who is asked for a bucket, and for how long that is believed.
type finding struct {
	other bool
	until time.Time
}

const (
	otherTTL = 10 * time.Minute
	storeTTL = time.Minute // somebody may be giving us the right just now
)

func (a *alternative) Buckets(ctx context.Context) ([]Bucket, error) { return a.store.Buckets(ctx) }

func (a *alternative) List(ctx context.Context, bucket string, o ListOptions) (Page, error) {
	return ask(ctx, a, bucket, func(s Store) (Page, error) { return s.List(ctx, bucket, o) })
}

func (a *alternative) Head(ctx context.Context, bucket, key string) (Object, error) {
	return ask(ctx, a, bucket, func(s Store) (Object, error) { return s.Head(ctx, bucket, key) })
}

func (a *alternative) Get(ctx context.Context, v Version, off, n int64) (io.ReadCloser, error) {
	return ask(ctx, a, v.Bucket, func(s Store) (io.ReadCloser, error) { return s.Get(ctx, v, off, n) })
}

// ask makes a request of the one who has the bucket.
func ask[T any](ctx context.Context, a *alternative, bucket string, request func(Store) (T, error)) (T, error) {
	var refusal error // of the one who had let us in
	f, found := a.finding(bucket)
	if found && f.other {
		answer, err := request(a.other)
		if !errors.Is(err, ErrDenied) {
			return answer, err
		}
		refusal = err
	}
	answer, err := request(a.store)
	if refusal != nil && errors.Is(err, ErrDenied) {
		return answer, refusal
	}
	if !errors.Is(err, ErrDenied) || found || !a.otherHas(ctx, bucket) {
		return answer, err
	}
	return request(a.other)
}

// finding returns what is known of a bucket.
func (a *alternative) finding(bucket string) (finding, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f, ok := a.known[bucket]
	return f, ok && time.Now().Before(f.until)
}

// otherHas finds out whether a bucket may be listed in other only.
func (a *alternative) otherHas(ctx context.Context, bucket string) bool {
	_, err := a.store.List(ctx, bucket, ListOptions{Max: 1})
	refused := errors.Is(err, ErrDenied)
	if refused {
		if _, err = a.other.List(ctx, bucket, ListOptions{Max: 1}); err != nil {
			a.log.Debug("no other way into a bucket", "bucket", bucket, "cause", err)
		}
	}
	if ctx.Err() != nil || errors.Is(err, ErrUnavailable) {
		return false // and the next request finds out
	}
	f := finding{refused && err == nil, time.Now().Add(storeTTL)}
	if f.other {
		f.until = time.Now().Add(otherTTL)
		a.log.Info("the store's other protocol lets us into a bucket", "bucket", bucket)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.known[bucket] = f
	return f.other
}
