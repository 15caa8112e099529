package objstore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"allasfs/objstore"
	"allasfs/objstore/storetest"
)

// metered runs f in a bubble with its own clock, over a meter above faults, without retries.
func metered(t *testing.T, f func(t *testing.T, m *objstore.Meter, faults *storetest.Faults, v objstore.Version)) {
	synctest.Test(t, func(t *testing.T) {
		var memory storetest.Memory
		v := memory.Put("b", "k", content())
		faults := &storetest.Faults{Store: &memory}
		m := objstore.NewMeter(faults)
		f(t, m, faults, v)
		for op, r := range m.Snapshot().Requests {
			if r.InFlight != 0 {
				t.Errorf("%s: %d requests are in flight at the end", op, r.InFlight)
			}
		}
	})
}

func TestMeterCountsByOperation(t *testing.T) {
	metered(t, func(t *testing.T, m *objstore.Meter, faults *storetest.Faults, v objstore.Version) {
		ctx := context.Background()
		_, err1 := m.Buckets(ctx)
		_, err2 := m.List(ctx, v.Bucket, objstore.ListOptions{})
		_, err3 := m.List(ctx, v.Bucket, objstore.ListOptions{})
		_, err4 := m.Head(ctx, v.Bucket, v.Key)
		_, err5 := get(ctx, m, v, 100, 300)
		if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
			t.Fatal(err)
		}
		s := m.Snapshot()
		for op, want := range map[string]int64{"buckets": 1, "list": 2, "head": 1, "get": 1} {
			r := s.Requests[op]
			if r.Sent != want || r.Sent != int64(faults.Count(op)) || r.Latency.Count() != want {
				t.Errorf("%s: %d sent, %d answered, want %d", op, r.Sent, r.Latency.Count(), want)
			}
			for cause, n := range r.Errors {
				if n != 0 {
					t.Errorf("%s: %d errors of the cause %s", op, n, cause)
				}
			}
		}
		if s.ReceivedBytes != 300 {
			t.Errorf("%d bytes received", s.ReceivedBytes)
		}
	})
}

func TestMeterLatency(t *testing.T) {
	metered(t, func(t *testing.T, m *objstore.Meter, faults *storetest.Faults, v objstore.Version) {
		delays := []time.Duration{0, time.Millisecond, 1500 * time.Microsecond, 20 * time.Second, time.Minute}
		faults.Set(func(r storetest.Request) storetest.Fault { return storetest.Fault{Delay: delays[r.N-1]} })
		for range delays {
			body, err := m.Get(context.Background(), v, 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(body, make([]byte, 5)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Hour) // the rest of the body isn't latency
			body.Close()
			body.Close()
		}
		h := m.Snapshot().Requests["get"].Latency
		if len(h.Counts) != len(h.Bounds)+1 || !slices.IsSorted(h.Bounds) {
			t.Fatalf("%d ranges for the bounds %v", len(h.Counts), h.Bounds)
		}
		last := len(h.Bounds)
		if h.Counts[0] != 2 || h.Counts[1] != 1 || h.Counts[last-1] != 1 || h.Counts[last] != 1 {
			t.Errorf("counts %v", h.Counts)
		}
		if want := 80.0025; math.Abs(h.Sum-want) > 1e-9 {
			t.Errorf("sum %v, want %v", h.Sum, want)
		}
	})
}

func TestMeterInFlight(t *testing.T) {
	metered(t, func(t *testing.T, m *objstore.Meter, faults *storetest.Faults, v objstore.Version) {
		inFlight := func(op string) int64 { return m.Snapshot().Requests[op].InFlight }
		faults.Set(every(storetest.Fault{Delay: time.Second}))
		go m.Head(context.Background(), v.Bucket, v.Key)
		body, err := m.Get(context.Background(), v, 0, 10) // takes a second as well
		if err != nil || inFlight("get") != 1 {
			t.Errorf("%d in flight with an open body, %v", inFlight("get"), err)
		}
		go m.Head(context.Background(), v.Bucket, v.Key)
		synctest.Wait()
		if inFlight("head") != 1 {
			t.Errorf("%d in flight before the answer", inFlight("head"))
		}
		body.Close()
		time.Sleep(2 * time.Second)
	})
}

func TestMeterErrors(t *testing.T) {
	fail := func(err error) storetest.Fault { return storetest.Fault{Err: err} }
	for name, c := range map[string]struct {
		fault storetest.Fault
		cause string
	}{
		"refused":        {fail(objstore.ErrDenied), "denied"},
		"lacks a part":   {fail(objstore.ErrIncomplete), "incomplete"},
		"no object":      {fail(objstore.ErrNotExist), "not_exist"},
		"no bucket":      {fail(objstore.ErrNoBucket), "not_exist"},
		"overload":       {unavailable(), "unavailable"},
		"unknown":        {fail(errors.New("odd")), "other"},
		"replaced":       {storetest.Fault{Change: true}, "changed"},
		"reset at once":  {storetest.Reset(0), "unavailable"},
		"reset":          {storetest.Reset(5), "unavailable"},
		"cut":            {storetest.Truncate(5), "cut"},
		"cut, unsaid":    {storetest.Fault{Body: storetest.Break{After: 5, Err: io.EOF}}, "cut"},
		"out of time":    {fail(fmt.Errorf("%w: %w", objstore.ErrTimeout, objstore.ErrUnavailable)), "timeout"},
		"no progress":    {storetest.Stall(5), "timeout"},
		"caller has had": {storetest.Fault{Delay: time.Hour}, "timeout"},
	} {
		metered(t, func(t *testing.T, m *objstore.Meter, faults *storetest.Faults, v objstore.Version) {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			faults.Set(every(c.fault))
			if _, err := get(ctx, m, v, 0, 10); err == nil && c.fault.Body.Err != io.EOF {
				t.Errorf("%s: no error", name)
			}
			for cause, n := range m.Snapshot().Requests["get"].Errors {
				if (cause == c.cause) != (n == 1) || n > 1 {
					t.Errorf("%s: %d errors of the cause %s, want one of %s", name, n, cause, c.cause)
				}
			}
		})
	}
}

// A request that is given up hasn't timed out, and its body's close adds no other cause.
func TestMeterCanceled(t *testing.T) {
	metered(t, func(t *testing.T, m *objstore.Meter, faults *storetest.Faults, v objstore.Version) {
		ctx, cancel := context.WithCancel(context.Background())
		faults.Set(every(storetest.Stall(5)))
		time.AfterFunc(time.Second, cancel)
		if _, err := get(ctx, m, v, 0, 10); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		for cause, n := range m.Snapshot().Requests["get"].Errors {
			if (cause == "canceled") != (n == 1) {
				t.Errorf("%d errors of the cause %s", n, cause)
			}
		}
	})
}

// Below Retry a meter sees every attempt, and one that brings nothing is a timeout.
func TestMeterBelowRetry(t *testing.T) {
	metered(t, func(t *testing.T, m *objstore.Meter, faults *storetest.Faults, v objstore.Version) {
		faults.Set(func(r storetest.Request) storetest.Fault {
			return []storetest.Fault{unavailable(), storetest.Reset(4), storetest.Stall(3), {}}[r.N-1]
		})
		data, err := get(context.Background(), objstore.Retry(m, objstore.RetryOptions{}), v, 0, 1000)
		if err != nil || len(data) != 1000 {
			t.Fatalf("%d bytes, %v", len(data), err)
		}
		s := m.Snapshot()
		r := s.Requests["get"]
		if r.Sent != 4 || r.Errors["unavailable"] != 2 || r.Errors["timeout"] != 1 || r.Errors["canceled"] != 0 {
			t.Errorf("%+v", r)
		}
		if s.ReceivedBytes != 1000 {
			t.Errorf("%d bytes received", s.ReceivedBytes)
		}
	})
}

func TestHistogramWithin(t *testing.T) {
	h := objstore.Histogram{Bounds: []float64{0.1, 1}, Counts: []int64{98, 1, 1}}
	for _, c := range []struct {
		percent int64
		seconds float64
		ok      bool
	}{{50, 0.1, true}, {98, 0.1, true}, {99, 1, true}, {100, 0, false}} {
		if got, ok := h.Within(c.percent); got != c.seconds || ok != c.ok {
			t.Errorf("%d %%: %v, %v", c.percent, got, ok)
		}
	}
	if _, ok := (objstore.Histogram{Bounds: []float64{1}, Counts: []int64{0, 0}}).Within(50); ok {
		t.Error("a bound for no durations")
	}
}
