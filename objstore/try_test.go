package objstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"allasfs/objstore"
)

func TestTry(t *testing.T) {
	quick := objstore.RetryOptions{FirstWait: time.Microsecond}
	busy := &objstore.Error{Op: "access", Bucket: "b", Err: objstore.ErrUnavailable}
	calls := 0
	got, err := objstore.Try(t.Context(), quick, func(context.Context) (int, error) {
		if calls++; calls < 3 {
			return 0, busy
		}
		return 7, nil
	})
	if got != 7 || err != nil || calls != 3 {
		t.Errorf("%d, %v after %d calls", got, err, calls)
	}
	refused := &objstore.Error{Op: "access", Bucket: "b", Err: objstore.ErrDenied}
	calls = 0
	_, err = objstore.Try(t.Context(), quick, func(context.Context) (int, error) { calls++; return 0, refused })
	at, ok := errors.AsType[*objstore.Error](err)
	if !ok || at.Op != "access" || at.Bucket != "b" || !errors.Is(err, objstore.ErrDenied) || calls != 1 {
		t.Errorf("%v after %d calls", err, calls)
	}
}
