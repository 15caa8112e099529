package objstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"allasfs/objstore"
	"allasfs/objstore/storetest"
)

// inRetry runs f in a bubble with its own clock, over a store with one object of 1000 bytes.
func inRetry(t *testing.T, o objstore.RetryOptions,
	f func(t *testing.T, s objstore.Store, faults *storetest.Faults, v objstore.Version)) {
	synctest.Test(t, func(t *testing.T) {
		var memory storetest.Memory
		v := memory.Put("b", "k", content())
		faults := &storetest.Faults{Store: &memory}
		f(t, objstore.Retry(faults, o), faults, v)
		if n := faults.Open(); n != 0 {
			t.Errorf("%d bodies left open", n)
		}
	})
}

func content() []byte {
	data := make([]byte, 1000)
	for i := range data {
		data[i] = byte(i % 251)
	}
	return data
}

func get(ctx context.Context, s objstore.Store, v objstore.Version, off, n int64) ([]byte, error) {
	body, err := s.Get(ctx, v, off, n)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}

func unavailable() storetest.Fault {
	return storetest.Fault{Err: fmt.Errorf("%w: 503 SlowDown", objstore.ErrUnavailable)}
}

// every lets fault happen to each request.
func every(fault storetest.Fault) func(storetest.Request) storetest.Fault {
	return func(storetest.Request) storetest.Fault { return fault }
}

func TestRetryAnswers(t *testing.T) {
	operations := map[string]func(context.Context, objstore.Store, objstore.Version) error{
		"buckets": func(ctx context.Context, s objstore.Store, _ objstore.Version) error {
			_, err := s.Buckets(ctx)
			return err
		},
		"list": func(ctx context.Context, s objstore.Store, v objstore.Version) error {
			_, err := s.List(ctx, v.Bucket, objstore.ListOptions{})
			return err
		},
		"head": func(ctx context.Context, s objstore.Store, v objstore.Version) error {
			_, err := s.Head(ctx, v.Bucket, v.Key)
			return err
		},
		"get": func(ctx context.Context, s objstore.Store, v objstore.Version) error {
			data, err := get(ctx, s, v, 0, v.Size)
			if err == nil && !bytes.Equal(data, content()) {
				return errors.New("wrong bytes")
			}
			return err
		},
	}
	faults := map[string]storetest.Fault{"error": unavailable(), "no answer": {Delay: time.Hour}}
	for op, ask := range operations {
		for name, fault := range faults {
			t.Run(op+" "+name, func(t *testing.T) {
				inRetry(t, objstore.RetryOptions{}, func(t *testing.T, s objstore.Store, f *storetest.Faults, v objstore.Version) {
					f.Set(storetest.First(1, op, fault))
					if err := ask(t.Context(), s, v); err != nil {
						t.Error(err)
					}
					if n := f.Count(op); n != 2 {
						t.Errorf("%d requests, want 2", n)
					}
				})
			})
		}
	}
}

func TestRetryNever(t *testing.T) {
	for _, cause := range []error{objstore.ErrChanged, objstore.ErrDenied, objstore.ErrNotExist, objstore.ErrNoBucket,
		errors.New("whatever else")} {
		inRetry(t, objstore.RetryOptions{}, func(t *testing.T, s objstore.Store, f *storetest.Faults, v objstore.Version) {
			f.Set(every(storetest.Fault{Err: cause}))
			_, head := s.Head(t.Context(), v.Bucket, v.Key)
			_, get := s.Get(t.Context(), v, 0, 1)
			for _, err := range []error{head, get} {
				if _, ok := errors.AsType[*objstore.Error](err); !ok || !errors.Is(err, cause) {
					t.Errorf("%v, want %v", err, cause)
				}
			}
			f.Set(every(storetest.Fault{Body: storetest.Break{After: 7, Err: cause}}))
			data, err := getAll(t.Context(), s, v)
			if len(data) != 7 || !errors.Is(err, cause) {
				t.Errorf("%d bytes and %v, want 7 and %v", len(data), err, cause)
			}
			if n := len(f.Requests()); n != 3 {
				t.Errorf("%d requests, want 3", n)
			}
		})
	}
}

func getAll(ctx context.Context, s objstore.Store, v objstore.Version) ([]byte, error) {
	return get(ctx, s, v, 0, v.Size)
}

func TestRetryGivesUp(t *testing.T) {
	const deadline = 30 * time.Second
	for name, fault := range map[string]storetest.Fault{
		"error": unavailable(), "no answer": {Delay: time.Hour}, "reset": storetest.Reset(0), "stall": storetest.Stall(0),
		"cut": storetest.Truncate(0), "early end": {Body: storetest.Break{Err: io.EOF}},
	} {
		t.Run(name, func(t *testing.T) {
			inRetry(t, objstore.RetryOptions{}, func(t *testing.T, s objstore.Store, f *storetest.Faults, v objstore.Version) {
				f.Set(every(fault))
				start := time.Now()
				_, err := getAll(t.Context(), s, v)
				spent := time.Since(start)
				if !errors.Is(err, objstore.ErrTimeout) {
					t.Errorf("%v, want %v", err, objstore.ErrTimeout)
				}
				if spent > deadline || spent < deadline-5*time.Second {
					t.Errorf("gave up after %v, want %v less one wait at the most", spent, deadline)
				}
				// Full jitter waits half of 0.1, 0.2 ... 3.2, 5, 5 ... s on average, so some 15 requests; ten
				// times the rate would be a flood.
				if n := f.Count("get"); n < 3 || n > 150 {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

func TestRetryTellsCause(t *testing.T) {
	inRetry(t, objstore.RetryOptions{}, func(t *testing.T, s objstore.Store, f *storetest.Faults, v objstore.Version) {
		f.Set(every(unavailable()))
		_, err := s.Get(t.Context(), v, 3, 1)
		for _, want := range []string{"get b/k at byte 3: ", objstore.ErrTimeout.Error(), "503 SlowDown"} {
			if !strings.Contains(fmt.Sprint(err), want) {
				t.Errorf("%q doesn't say %q", err, want)
			}
		}
		if !errors.Is(err, objstore.ErrUnavailable) {
			t.Errorf("%v doesn't wrap the last cause", err)
		}
	})
}

func TestRetryResumes(t *testing.T) {
	for name, fault := range map[string]storetest.Fault{
		"reset": storetest.Reset(300), "cut": storetest.Truncate(300), "stall": storetest.Stall(300),
		"early end": {Body: storetest.Break{After: 300, Err: io.EOF}},
	} {
		t.Run(name, func(t *testing.T) {
			inRetry(t, objstore.RetryOptions{}, func(t *testing.T, s objstore.Store, f *storetest.Faults, v objstore.Version) {
				f.Set(every(fault))
				data, err := get(t.Context(), s, v, 50, 900)
				if err != nil || !bytes.Equal(data, content()[50:950]) {
					t.Fatalf("%d bytes, %v", len(data), err)
				}
				asked := f.Requests()
				if len(asked) != 3 {
					t.Fatalf("%d requests, want 3", len(asked))
				}
				for i, r := range asked {
					if r.Offset != 50+int64(i)*300 || r.Length != 900-int64(i)*300 {
						t.Errorf("request %d is for %d bytes at %d", i, r.Length, r.Offset)
					}
				}
				if n := f.Bytes(); n != 900 {
					t.Errorf("%d bytes fetched, want 900", n)
				}
			})
		})
	}
}

// Every byte is progress: a store that stalls after each byte is slow, but it answers.
func TestRetryProgress(t *testing.T) {
	inRetry(t, objstore.RetryOptions{}, func(t *testing.T, s objstore.Store, f *storetest.Faults, v objstore.Version) {
		f.Set(every(storetest.Stall(1)))
		start := time.Now()
		data, err := get(t.Context(), s, v, 0, 10)
		if err != nil || !bytes.Equal(data, content()[:10]) {
			t.Errorf("%v, %v", data, err)
		}
		if spent := time.Since(start); spent < 90*time.Second {
			t.Errorf("took %v, want 9 stalls of 10 s", spent)
		}
	})
}

// The time that a reader spends elsewhere isn't the store's.
func TestRetrySlowReader(t *testing.T) {
	inRetry(t, objstore.RetryOptions{}, func(t *testing.T, s objstore.Store, f *storetest.Faults, v objstore.Version) {
		f.Set(storetest.First(1, "get", storetest.Reset(1)))
		body, err := s.Get(t.Context(), v, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		defer body.Close()
		for i := range 10 {
			one := make([]byte, 1)
			if _, err := io.ReadFull(body, one); err != nil || one[0] != content()[i] {
				t.Fatalf("byte %d: %v, %v", i, one, err)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestRetryChangedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var memory storetest.Memory
		v := memory.Put("b", "k", content())
		faults := &storetest.Faults{Store: &memory}
		faults.Set(func(r storetest.Request) storetest.Fault {
			if r.N == 2 {
				memory.Put("b", "k", content())
			}
			return storetest.Reset(300)
		})
		data, err := getAll(t.Context(), objstore.Retry(faults, objstore.RetryOptions{}), v)
		if len(data) != 300 || !errors.Is(err, objstore.ErrChanged) {
			t.Errorf("%d bytes and %v, want 300 and %v", len(data), err, objstore.ErrChanged)
		}
	})
}

func TestRetryContextEnds(t *testing.T) {
	gone := errors.New("the reader went away")
	for name, fault := range map[string]storetest.Fault{
		"waiting": unavailable(), "in the request": {Delay: time.Hour}, "in the body": storetest.Stall(5),
	} {
		t.Run(name, func(t *testing.T) {
			inRetry(t, objstore.RetryOptions{}, func(t *testing.T, s objstore.Store, f *storetest.Faults, v objstore.Version) {
				f.Set(every(fault))
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(5*time.Second, func() { cancel(gone) })
				start := time.Now()
				_, err := getAll(ctx, s, v)
				if !errors.Is(err, gone) || errors.Is(err, objstore.ErrTimeout) {
					t.Errorf("%v, want %v", err, gone)
				}
				if spent := time.Since(start); spent != 5*time.Second {
					t.Errorf("ended after %v, want 5s", spent)
				}
			})
		})
	}
}

func TestRetryClose(t *testing.T) {
	inRetry(t, objstore.RetryOptions{}, func(t *testing.T, s objstore.Store, f *storetest.Faults, v objstore.Version) {
		body, err := s.Get(t.Context(), v, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := body.Close(); err != nil {
				t.Error(err)
			}
		}
		if n, err := body.Read(make([]byte, 1)); n != 0 || err == nil || err == io.EOF {
			t.Errorf("Read after Close: %d, %v", n, err)
		}
	})
}

func TestRetryLogs(t *testing.T) {
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	inRetry(t, objstore.RetryOptions{Logger: logger}, func(t *testing.T, s objstore.Store, f *storetest.Faults, v objstore.Version) {
		f.Set(storetest.First(3, "head", unavailable()))
		if _, err := s.Head(t.Context(), v.Bucket, v.Key); err != nil {
			t.Fatal(err)
		}
	})
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines, want one for each of 3 retries:\n%s", len(lines), log.String())
	}
	for i, level := range []string{"DEBUG", "WARN", "WARN"} {
		for _, want := range []string{"level=" + level, "op=head", "bucket=b", "key=k", "503 SlowDown"} {
			if !strings.Contains(lines[i], want) {
				t.Errorf("line %d lacks %q: %s", i, want, lines[i])
			}
		}
	}
}
