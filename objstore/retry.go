package objstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"
)

// RetryOptions says how long [Retry] goes on. Zero fields take the default.
type RetryOptions struct {
	// Deadline is how long to go on without progress: an answer, or a byte of a body. Default 30 s.
	Deadline time.Duration
	// StallTimeout is how long one GET may bring no byte before it is abandoned and begun anew. Default 10 s.
	StallTimeout time.Duration
	// AttemptTimeout bounds one try of everything else; a page of a huge bucket takes its time. Default 15 s.
	AttemptTimeout time.Duration
	// FirstWait and MaxWait bound the wait before the first retry and before any: the bound doubles from one retry
	// to the next, and the wait is drawn evenly from below it. Defaults 100 ms and 5 s.
	FirstWait, MaxWait time.Duration
	// Logger gets one line for each retry: debug for the first of an operation, warn for the others. Default none.
	Logger *slog.Logger
}

func (o RetryOptions) withDefaults() RetryOptions {
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	set(&o.Deadline, 30*time.Second)
	set(&o.StallTimeout, 10*time.Second)
	set(&o.AttemptTimeout, 15*time.Second)
	set(&o.FirstWait, 100*time.Millisecond)
	set(&o.MaxWait, 5*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Retry returns a store that tries again where store says [ErrUnavailable] or doesn't answer, with exponential backoff
// and full jitter, until o.Deadline has passed without progress. The error is then [ErrTimeout] and wraps the last
// cause as well. Every other error is returned at once, and so is the end of the context.
//
// A body that breaks off, is cut or stalls is resumed from where it stopped, for the same version. Only the time that
// its reader spends waiting in Read counts against the deadline, and every byte starts it anew.
func Retry(store Store, o RetryOptions) Store {
	return &retrying{store: store, o: o.withDefaults()}
}

// errSilent ends an attempt that brings nothing, and only that attempt.
var errSilent = fmt.Errorf("%w: no answer", ErrUnavailable)

type retrying struct {
	store Store
	o     RetryOptions
}

func (r *retrying) Buckets(ctx context.Context) ([]Bucket, error) {
	return try(ctx, r.begin(Error{Op: "buckets"}), r.store.Buckets)
}

func (r *retrying) List(ctx context.Context, bucket string, o ListOptions) (Page, error) {
	return try(ctx, r.begin(Error{Op: "list", Bucket: bucket, Key: o.Prefix}),
		func(ctx context.Context) (Page, error) { return r.store.List(ctx, bucket, o) })
}

func (r *retrying) Head(ctx context.Context, bucket, key string) (Object, error) {
	return try(ctx, r.begin(Error{Op: "head", Bucket: bucket, Key: key}),
		func(ctx context.Context) (Object, error) { return r.store.Head(ctx, bucket, key) })
}

func (r *retrying) Get(ctx context.Context, v Version, off, n int64) (io.ReadCloser, error) {
	b := &resumingBody{ctx: ctx, r: r, v: v, off: off, end: off + n}
	t := b.begin()
	for {
		err := b.open(t.left(r.o.StallTimeout))
		if err == nil {
			return b, nil
		}
		if err := t.again(ctx, err); err != nil {
			return nil, err
		}
	}
}

// try makes one request until it is answered or t gives up.
func try[T any](ctx context.Context, t *tries, request func(context.Context) (T, error)) (T, error) {
	for {
		answer, err := attempt(ctx, t.left(t.r.o.AttemptTimeout), request)
		if err == nil {
			return answer, nil
		}
		if err := t.again(ctx, err); err != nil {
			return answer, err
		}
	}
}

func attempt[T any](ctx context.Context, limit time.Duration, request func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errSilent)
	defer cancel()
	answer, err := request(ctx)
	if err != nil && context.Cause(ctx) == errSilent {
		err = errSilent
	}
	return answer, err
}

// tries is the patience with one operation: its attempts since the last progress.
type tries struct {
	r      *retrying
	at     Error // what is asked for, without a cause
	start  time.Time
	failed int
}

func (r *retrying) begin(at Error) *tries {
	return &tries{r: r, at: at, start: time.Now()}
}

// left is what an attempt may take that would take limit, had it time enough.
func (t *tries) left(limit time.Duration) time.Duration {
	return min(limit, t.r.o.Deadline-time.Since(t.start))
}

// again waits until it is time for the next attempt after err, or returns the error to give up with.
func (t *tries) again(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return t.fail(context.Cause(ctx))
	}
	if !retryable(err) {
		return t.fail(bare(err))
	}
	wait := t.backoff()
	t.failed++
	if spent := time.Since(t.start); spent+wait >= t.r.o.Deadline {
		spent = spent.Round(time.Millisecond)
		return t.fail(fmt.Errorf("%w (%d attempts in %v): %w", ErrTimeout, t.failed, spent, bare(err)))
	}
	t.log(ctx, wait, err)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return t.fail(context.Cause(ctx))
	case <-timer.C:
		return nil
	}
}

// backoff draws the wait evenly from the whole range, so that clients that failed together don't come back together.
func (t *tries) backoff() time.Duration {
	bound := t.r.o.FirstWait
	for i := 0; i < t.failed && bound < t.r.o.MaxWait; i++ {
		bound *= 2
	}
	return rand.N(min(bound, t.r.o.MaxWait))
}

func (t *tries) log(ctx context.Context, wait time.Duration, err error) {
	level := slog.LevelWarn
	if t.failed == 1 {
		level = slog.LevelDebug
	}
	t.r.o.Logger.Log(ctx, level, "trying again", "op", t.at.Op, "bucket", t.at.Bucket, "key", t.at.Key,
		"offset", t.at.Offset, "failed", t.failed, "wait", wait, "cause", bare(err))
}

func (t *tries) fail(cause error) error {
	e := t.at
	e.Err = cause
	return &e
}

func retryable(err error) bool {
	switch {
	case errors.Is(err, ErrChanged), errors.Is(err, ErrDenied), errors.Is(err, ErrNotExist):
		return false
	}
	return errors.Is(err, ErrUnavailable) || errors.Is(err, io.ErrUnexpectedEOF)
}

// bare takes the [Error] off err, for use inside another one.
func bare(err error) error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Err
	}
	return err
}
