package cache

import "time"

// latency is a running mean of the time from sending a GET to its first opened segment. The zero value is ready.
type latency struct{ mean time.Duration }

// observe takes in one more measurement, with a weight of an eighth.
func (l *latency) observe(d time.Duration) {
	if l.mean == 0 {
		l.mean = d
		return
	}
	l.mean += (d - l.mean) / 8
}
