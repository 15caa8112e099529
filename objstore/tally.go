package objstore

import (
	"sync"
	"time"
)

// latencyBounds are the upper ends of a histogram's ranges, in seconds. What is longer is in a last range without end.
var latencyBounds = [...]float64{0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20}

// Histogram counts durations by ranges.
type Histogram struct {
	// Bounds are the upper ends of the ranges in seconds, ascending; each belongs to its range.
	Bounds []float64 `json:"bounds_seconds"`
	// Counts has one range more than there are bounds: what is longer than all of them.
	Counts []int64 `json:"counts"`
	// Sum is the sum of all durations in seconds.
	Sum float64 `json:"sum_seconds"`
}

// Count returns the number of durations.
func (h Histogram) Count() (n int64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Within returns the least bound, in seconds, within which at least so many percent of the durations are. It is false
// when there are no durations, or when that many aren't within the last bound.
func (h Histogram) Within(percent int64) (seconds float64, ok bool) {
	all, n := h.Count(), int64(0)
	for i, bound := range h.Bounds {
		n += h.Counts[i]
		if all > 0 && n*100 >= all*percent {
			return bound, true
		}
	}
	return 0, false
}

// tally counts the requests of one operation. Its zero value is ready, and its methods may be called from any number
// of goroutines.
type tally struct {
	mu       sync.Mutex
	begun    int64
	inFlight int64
	total    time.Duration // of the latencies
	latency  [len(latencyBounds) + 1]int64
	errors   [len(causes)]int64
}

func (t *tally) sent() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun++
	t.inFlight++
}

func (t *tally) answered(d time.Duration) {
	i := 0
	for i < len(latencyBounds) && d.Seconds() > latencyBounds[i] {
		i++
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.latency[i]++
	t.total += d
}

// failed counts an error by its row in causes.
func (t *tally) failed(cause int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.errors[cause]++
}

func (t *tally) ended() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.inFlight--
}

func (t *tally) snapshot() RequestStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	bounds, counts := latencyBounds, t.latency
	s := RequestStats{
		Sent: t.begun, InFlight: t.inFlight,
		Latency: Histogram{Bounds: bounds[:], Counts: counts[:], Sum: t.total.Seconds()},
		Errors:  make(map[string]int64),
	}
	for i, row := range causes {
		s.Errors[row.name] = t.errors[i]
	}
	return s
}
