package objstore_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"allasfs/objstore"
	"allasfs/objstore/storetest"
)

// twoWays is one store with two protocols, each of which refuses what its test says.
type twoWays struct {
	objstore.Store
	memory     *storetest.Memory
	one, other *storetest.Faults
	seen       [2]int // requests each way
}

func newTwoWays() *twoWays {
	memory := new(storetest.Memory)
	w := &twoWays{memory: memory, one: &storetest.Faults{Store: memory}, other: &storetest.Faults{Store: memory}}
	w.Store = objstore.Alternative(w.one, w.other, slog.New(slog.DiscardHandler))
	return w
}

// requests returns how many requests each way has had since the last time.
func (w *twoWays) requests() string {
	all := [2]int{len(w.one.Requests()), len(w.other.Requests())}
	text := fmt.Sprintf("%d %d", all[0]-w.seen[0], all[1]-w.seen[1])
	w.seen = all
	return text
}

func refuse(err error, ops ...string) func(storetest.Request) storetest.Fault {
	return func(r storetest.Request) storetest.Fault {
		for _, op := range ops {
			if r.Op == op {
				return storetest.Fault{Err: err}
			}
		}
		return storetest.Fault{}
	}
}

var readOps = []string{"list", "head", "get"}

// Whichever of the two it is that lets us in, the contract holds.
func TestAlternativeSuite(t *testing.T) {
	for name, shut := range map[string]bool{"the first": false, "the other": true} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(*testing.T) storetest.Fixture {
				w := newTwoWays()
				w.one.Set(func(r storetest.Request) storetest.Fault {
					if !shut || r.Op == "buckets" || r.Bucket != "suite" {
						return storetest.Fault{}
					}
					return storetest.Fault{Err: objstore.ErrDenied}
				})
				return storetest.Fixture{Store: w, MakeBucket: w.memory.MakeBucket,
					Put: func(bucket, key string, data []byte) { w.memory.Put(bucket, key, data) }}
			})
		})
	}
}

func TestAlternativeIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwoWays()
		w.memory.Put("b", "k", content())
		head := func(want string) {
			t.Helper()
			if _, err := w.Head(t.Context(), "b", "k"); err != nil {
				t.Error(err)
			}
			if got := w.requests(); got != want {
				t.Errorf("requests %s, want %s", got, want)
			}
		}
		head("1 0")
		w.one.Set(refuse(objstore.ErrDenied, readOps...))
		head("2 2")
		head("0 1")
		time.Sleep(otherMinutes)
		head("2 2")
		w.other.Set(refuse(objstore.ErrDenied, readOps...))
		w.one.Set(nil)
		head("1 1") // the right was moved
	})
}

const otherMinutes = 11 * time.Minute

// Where both refuse, what the first says counts, and the other isn't asked each time.
func TestAlternativeRefusedByBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newTwoWays()
		w.memory.Put("b", "k", content())
		reason := fmt.Errorf("%w: the reason", objstore.ErrDenied)
		w.one.Set(refuse(reason, readOps...))
		w.other.Set(refuse(errors.New("no login"), readOps...))
		for i, want := range []string{"2 1", "1 0", "1 0"} {
			if _, err := w.Head(t.Context(), "b", "k"); !errors.Is(err, reason) {
				t.Errorf("request %d: %v", i, err)
			}
			if got := w.requests(); got != want {
				t.Errorf("request %d: requests %s, want %s", i, got, want)
			}
		}
		w.other.Set(nil)
		time.Sleep(2 * time.Minute)
		if _, err := w.Head(t.Context(), "b", "k"); err != nil {
			t.Errorf("two minutes later: %v", err)
		}
	})
}

// A bucket that may be listed is the first one's, though an object in it is refused. So is one for which the other is
// out of order, and then it is asked again the next time.
func TestAlternativeStaysAway(t *testing.T) {
	w := newTwoWays()
	w.memory.Put("b", "k", content())
	w.one.Set(refuse(objstore.ErrDenied, "head", "get"))
	if _, err := w.Head(t.Context(), "b", "k"); !errors.Is(err, objstore.ErrDenied) || w.requests() != "2 0" {
		t.Error(err)
	}
	w = newTwoWays()
	w.memory.Put("b", "k", content())
	w.one.Set(refuse(objstore.ErrDenied, readOps...))
	w.other.Set(refuse(objstore.ErrUnavailable, readOps...))
	for range 2 {
		if _, err := w.Head(t.Context(), "b", "k"); !errors.Is(err, objstore.ErrDenied) || w.requests() != "2 1" {
			t.Error(err)
		}
	}
	w.other.Set(nil)
	if _, err := w.Head(t.Context(), "b", "k"); err != nil {
		t.Error(err)
	}
}

// Of a bucket that the other lets us into, it is the other one that knows why an object is refused.
func TestAlternativeRefusedObject(t *testing.T) {
	w := newTwoWays()
	w.memory.Put("b", "k", content())
	reason := fmt.Errorf("%w: the reason", objstore.ErrDenied)
	w.one.Set(refuse(objstore.ErrDenied, readOps...))
	if _, err := w.Head(t.Context(), "b", "k"); err != nil {
		t.Fatal(err)
	}
	w.other.Set(refuse(reason, "head", "get"))
	if _, err := w.Head(t.Context(), "b", "k"); !errors.Is(err, reason) {
		t.Error(err)
	}
	w.one.Set(nil)
	if _, err := w.Head(t.Context(), "b", "k"); err != nil {
		t.Errorf("when the first lets us in: %v", err)
	}
}

func TestAlternativeContextEnds(t *testing.T) {
	w := newTwoWays()
	ctx, cancel := context.WithCancel(t.Context())
	w.one.Set(func(storetest.Request) storetest.Fault { cancel(); return storetest.Fault{Err: objstore.ErrDenied} })
	w.Head(ctx, "b", "k")
	w.one.Set(refuse(objstore.ErrDenied, readOps...))
	w.memory.Put("b", "k", content())
	if _, err := w.Head(t.Context(), "b", "k"); err != nil {
		t.Errorf("what an ended context has cut off is remembered: %v", err)
	}
}
