package fs

import (
	"context"
	"slices"
)

// readAhead decides which headers of a listing are read before somebody asks for them. Whoever asks for the second one
// in a row will ask for more.
type readAhead struct {
	sequences []sequence // the one used last is at the end
}

// sequence is somebody's way through a listing, from one file to the next.
type sequence struct {
	at     int // the entry asked for last
	misses int // how many headers had to be waited for
	end    int // where those end that were begun
}

const (
	maxSequences = 8       // at a time
	maxAhead     = 1 << 10 // headers read ahead of one of them
	nearby       = 64      // entries that a step may go, or as many as are read ahead
)

// use notes that entry i of n is asked for, and whether somebody has to wait. It returns which entries are next.
func (a *readAhead) use(i, n int, missed bool) (from, to int) {
	s := a.sequence(i)
	if missed {
		s.misses++
	}
	s.at = i
	from = max(i+1, s.end)
	s.end = max(from, min(i+1+s.ahead(), n))
	return from, s.end
}

// sequence returns the one that comes to entry i next, or a new one.
func (a *readAhead) sequence(i int) *sequence {
	var s sequence
	if k := slices.IndexFunc(a.sequences, func(s sequence) bool { return s.isNear(i) }); k >= 0 {
		s = a.sequences[k]
		a.sequences = slices.Delete(a.sequences, k, k+1)
	} else if len(a.sequences) == maxSequences {
		a.sequences = slices.Delete(a.sequences, 0, 1)
	}
	a.sequences = append(a.sequences, s)
	return &a.sequences[len(a.sequences)-1]
}

// isNear tells whether entry i may be the next step.
func (s sequence) isNear(i int) bool {
	reach := max(nearby, s.ahead())
	return i >= s.at-reach && i <= s.at+reach
}

// ahead returns how many headers are read ahead: four times as many with each one that had to be waited for.
func (s sequence) ahead() int {
	if s.misses < 2 {
		return 0
	}
	return min(maxAhead, 1<<min(2*s.misses, 10))
}

// Content returns what entry i, a file, holds. It reads the headers of entries behind it ahead when they will be asked
// for, by the look of it.
func (l *Listing) Content(ctx context.Context, i int) (*Content, error) {
	e, err := l.At(ctx, i)
	if err != nil || e == nil {
		return nil, err
	}
	return l.content(ctx, i, *e)
}

// content returns what entry e, the i-th, holds.
func (l *Listing) content(ctx context.Context, i int, e Entry) (*Content, error) {
	if known := l.peek(i, e); known != nil {
		return known, nil
	}
	call := l.tree.contents.begin(e)
	l.readAhead(i, true)
	return call.wait(ctx)
}

// peek returns what is known of entry e, the i-th, without asking the store, or nil.
func (l *Listing) peek(i int, e Entry) *Content {
	known := l.tree.contents.peek(e)
	if known != nil {
		l.readAhead(i, false)
	}
	return known
}

// readAhead begins to read the headers that are next, and doesn't wait.
func (l *Listing) readAhead(i int, missed bool) {
	l.mu.Lock()
	var next []*Entry
	from, to := l.ahead.use(i, l.entries.n, missed)
	for ; from < to; from++ {
		next = append(next, l.entries.at(from))
	}
	l.mu.Unlock()
	for _, e := range next {
		if !e.Dir && l.tree.contents.peek(*e) == nil {
			l.tree.contents.beginAhead(*e)
		}
	}
}
