package main

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// summary counts what became of many files and tells of each failure when it happens. Any number of goroutines may use
// it.
type summary struct {
	*conversion
	say func(format string, args ...any)

	mu      sync.Mutex
	good    int
	bytes   int64 // of the good files
	failed  int
	leftOut int             // found, but not meant
	special int             // found, but not files
	hints   map[string]bool // given once each
}

// add takes in the outcome of one file of n bytes.
func (s *summary) add(n int64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.good++
		s.bytes += n
	case errors.Is(err, errLeftOut):
		s.leftOut++
	default:
		s.failed++
		s.tell(err)
	}
}

func (s *summary) tell(err error) {
	s.say("%s", oneLine(err))
	hint, _ := adviseOn(err)
	if hint == "" || s.hints[hint] {
		return
	}
	if s.hints == nil {
		s.hints = map[string]bool{}
	}
	s.hints[hint] = true
	s.say("%s", hint)
}

// line sums up.
func (s *summary) line(started time.Time) string {
	parts := []string{fmt.Sprintf("%s %s, %s in %s", s.done, count(s.good, "file"), size(s.bytes), roundTime(time.Since(started)))}
	if s.failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", s.failed))
	}
	if s.leftOut > 0 {
		why := "not encrypted"
		if s.fromPlain {
			why = "encrypted already"
		}
		parts = append(parts, fmt.Sprintf("%d left out, %s", s.leftOut, why))
	}
	if s.special > 0 {
		parts = append(parts, fmt.Sprintf("%d left out, not regular files", s.special))
	}
	return strings.Join(parts, "; ")
}

// count writes a number of things.
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

// err is the outcome of everything.
func (s *summary) err() error {
	switch {
	case s.failed > 0:
		return &toldError{exitError}
	case s.good == 0:
		return fmt.Errorf("there was no file to be %s", s.done)
	}
	return nil
}
