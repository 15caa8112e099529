package test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"allasfs/c4gh"
	"allasfs/test/s3server"
)

const (
	soakFaultEvery = 20                    // requests
	soakForGood    = 3 * time.Second       // at least, and as much again at most, between those that don't end
	soakStall      = 2 * time.Second       // at most, of those that end
	soakLate       = 40 * time.Millisecond // at most, of answers that are only late; a quarter of all are

	lateAnswer = "answer begins up to 40 ms late"
)

// mishap is a kind of fault.
type mishap struct {
	name    string
	cards   int  // how often it comes, of all that pass
	any     bool // it happens to requests of every kind, not to GETs alone
	forGood bool // the client has to lose patience
	// fault makes one, for an answer of n bytes.
	fault func(r *rand.Rand, n int64) s3server.Fault
}

func mishaps() []mishap {
	return []mishap{
		{name: "503 SlowDown", cards: 10, any: true, fault: func(*rand.Rand, int64) s3server.Fault {
			return s3server.Fault{Status: 503, Code: "SlowDown"}
		}},
		{name: "500 InternalError", cards: 3, any: true, fault: func(*rand.Rand, int64) s3server.Fault {
			return s3server.Fault{Status: 500, Code: "InternalError"}
		}},
		{name: "reset inside a segment", cards: 7, fault: func(r *rand.Rand, n int64) s3server.Fault {
			return s3server.Fault{Reset: true, After: r.Int64N(n)}
		}},
		{name: "reset after whole segments", cards: 2, fault: func(r *rand.Rand, n int64) s3server.Fault {
			return s3server.Fault{Reset: true, After: wholeSegments(r, n)}
		}},
		{name: "body cut inside a segment", cards: 5, fault: func(r *rand.Rand, n int64) s3server.Fault {
			return s3server.Fault{End: true, After: r.Int64N(n)}
		}},
		{name: "body cut after whole segments", cards: 2, fault: func(r *rand.Rand, n int64) s3server.Fault {
			return s3server.Fault{End: true, After: wholeSegments(r, n)}
		}},
		{name: "body stalls for up to 2 s", cards: 7, fault: func(r *rand.Rand, n int64) s3server.Fault {
			return s3server.Fault{Pause: upTo(r, soakStall), After: r.Int64N(n)}
		}},
		{name: "answer begins up to 2 s late", cards: 2, fault: func(r *rand.Rand, n int64) s3server.Fault {
			return s3server.Fault{Delay: upTo(r, soakStall)}
		}},
		{name: "body stalls until the client leaves", forGood: true, fault: func(r *rand.Rand, n int64) s3server.Fault {
			return s3server.Fault{Stall: true, After: r.Int64N(n)}
		}},
		{name: "no answer until the client leaves", forGood: true, fault: func(*rand.Rand, int64) s3server.Fault {
			return s3server.Fault{Delay: time.Hour}
		}},
	}
}

// wholeSegments draws a length of none or some segments that is less than n.
func wholeSegments(r *rand.Rand, n int64) int64 {
	return r.Int64N((n+c4gh.SealedSegmentSize-1)/c4gh.SealedSegmentSize) * c4gh.SealedSegmentSize
}

func upTo(r *rand.Rand, d time.Duration) time.Duration { return time.Duration(r.Int64N(int64(d))) }

// weather decides what happens to requests. Mishaps are dealt like cards, so that each kind has come after some hundred
// requests.
type weather struct {
	random  *rand.Rand
	passing []mishap
	forGood []mishap  // the next one is the first
	deck    []mishap  // of those that pass
	next    time.Time // not before then comes one that is for good
	asked   int
	counts  map[string]int
}

func newWeather() *weather {
	w := &weather{random: rand.New(rand.NewPCG(20, 26)), counts: map[string]int{}}
	for _, k := range mishaps() {
		if k.forGood {
			w.forGood = append(w.forGood, k)
		} else {
			w.passing = append(w.passing, k)
		}
	}
	w.deck = slices.Clone(w.passing) // one of each comes first
	return w
}

// fault is the rule for the server.
func (w *weather) fault(q s3server.Request) *s3server.Fault {
	if w.asked++; w.asked%soakFaultEvery == 0 {
		return w.mishap(q)
	}
	if w.random.IntN(4) > 0 {
		return nil
	}
	w.counts[lateAnswer]++
	return &s3server.Fault{Delay: upTo(w.random, soakLate)}
}

// mishap lets something happen to a request.
func (w *weather) mishap(q s3server.Request) *s3server.Fault {
	n := rangeLength(q)
	k := w.deal(n > 0)
	if n == 0 && !k.any {
		return nil
	}
	w.counts[k.name]++
	f := k.fault(w.random, n)
	return &f
}

// deal draws a card. Those that are for good come at odd times, so that they don't meet the retries of their own kind.
func (w *weather) deal(get bool) (k mishap) {
	if get && time.Now().After(w.next) {
		w.next = time.Now().Add(soakForGood + upTo(w.random, soakForGood))
		k, w.forGood = w.forGood[0], append(w.forGood[1:], w.forGood[0])
		return k
	}
	if len(w.deck) == 0 {
		for _, k := range w.passing {
			w.deck = append(w.deck, slices.Repeat([]mishap{k}, k.cards)...)
		}
		w.random.Shuffle(len(w.deck), func(i, j int) { w.deck[i], w.deck[j] = w.deck[j], w.deck[i] })
	}
	k, w.deck = w.deck[0], w.deck[1:]
	return k
}

// rangeLength returns how many bytes a GET asks for, 0 for what isn't one.
func rangeLength(q s3server.Request) int64 {
	var from, to int64
	if n, _ := fmt.Sscanf(q.Range, "bytes=%d-%d", &from, &to); q.Kind != s3server.Get || n != 2 {
		return 0
	}
	return to - from + 1
}
