package objstore

import (
	"context"
	"errors"
)

// Try makes a request that isn't one of [Store]'s with the patience of [Retry]. The request must be one that may be made
// twice. Its error keeps the operation and the bucket that it names.
func Try[T any](ctx context.Context, o RetryOptions, request func(context.Context) (T, error)) (T, error) {
	var at Error
	t := (&retrying{o: o.withDefaults()}).begin(at)
	return try(ctx, t, func(ctx context.Context) (T, error) {
		answer, err := request(ctx)
		if e, ok := errors.AsType[*Error](err); ok {
			t.at = *e
		}
		return answer, err
	})
}
