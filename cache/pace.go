package cache

import (
	"math"
	"time"

	"allasfs/c4gh"
)

const (
	// mostRate is more than one reader can take through a mount, in bytes a second.
	mostRate = 2 << 30

	// leastWindow is enough where the store answers at once: segments are still in the processor's cache when they
	// are copied out.
	leastWindow = 8 << 20
	mostWindow  = 256 << 20

	leastPart = 2 << 20
	mostPart  = 8 << 20
	firstPart = 1 << 20 // before anything is known
	leastGets = 4       // of a window

	// requestCost is about what one more GET costs both sides in processor time.
	requestCost = 300 * time.Microsecond
)

// pace is what a store has shown of itself lately. The zero value is ready, and takes the store for a near one.
type pace struct {
	firstByte least // from sending a GET to its answer
	mebibyte  least // of a body, on one connection
}

// observe takes in a GET that was sent at one time and answered at another, and whose body of n segments had come by
// now. The rate is told by all of its time: a reader that was late finds much of a body in the socket, and it would seem to
// come at once. Short bodies tell nothing of the rate.
func (p *pace) observe(sent, answered, now time.Time, n int) {
	p.firstByte.observe(answered.Sub(sent), now)
	if n >= 1<<20/c4gh.SegmentSize {
		body := now.Sub(sent) - p.firstByte.value()
		p.mebibyte.observe(body*(1<<20/c4gh.SegmentSize)/time.Duration(n), now)
	}
}

// window returns how many bytes are to be under way for a reader that takes all it can get, and the size of the GETs
// that bring them: what comes at the rate of that reader in the time of one GET. A GET takes so long that waiting for
// its first byte is a third of its time, within bounds.
func (p *pace) window() (window, part int64) {
	first, mebibyte := p.firstByte.value(), p.mebibyte.value()
	part = firstPart
	if mebibyte > 0 {
		part = max(leastPart, min(int64(2*first)<<20/int64(mebibyte), mostPart))
	}
	took := first + mebibyte*time.Duration(part>>20)
	window = int64(took.Seconds() * mostRate)
	return max(leastWindow, min(window, mostWindow)), part
}

// split returns the size of the GETs that bring a window of n bytes soonest. Each more of them shortens the bodies, which
// come side by side, and costs a request: n·mebibyte/gets + gets·requestCost is least where the two are equal.
func (p *pace) split(n int64) int64 {
	alone := p.mebibyte.value() * time.Duration(n>>10) >> 10 // for all n bytes in one GET
	return n / max(leastGets, int64(math.Sqrt(float64(alone)/float64(requestCost))))
}

// period is how long a measurement counts, at least; twice that at most.
const period = 15 * time.Second

// least is the least that was measured in the last period or two. Other work of the machine and of the network can only
// make a measurement longer, so the least one tells what the store does.
type least struct {
	current, previous time.Duration // 0 for none
	began             time.Time     // of the current period
}

func (l *least) observe(d time.Duration, now time.Time) {
	if now.Sub(l.began) > period {
		l.previous, l.current, l.began = l.current, 0, now
	}
	if l.current == 0 || d < l.current {
		l.current = max(d, 1)
	}
}

// value returns 0 before the first measurement.
func (l *least) value() time.Duration {
	if l.current == 0 || l.previous > 0 && l.previous < l.current {
		return l.previous
	}
	return l.current
}
