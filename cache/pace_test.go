package cache

import (
	"testing"
	"time"
)

func TestPaceWindow(t *testing.T) {
	const ms = time.Millisecond
	tests := []struct {
		name         string
		firstByte    time.Duration
		mebibyte     time.Duration // of a body
		window, part int64         // MiB, at least; the window at most a quarter more
	}{
		{"near", ms / 4, ms, 8, 2},
		{"near, 100 MB/s a connection", ms / 4, 10 * ms, 41, 2},
		{"20 ms, 100 MB/s a connection", 20 * ms, 10 * ms, 122, 4},
		{"20 ms, unlimited", 20 * ms, ms, 57, 8},
		{"100 ms, 50 MB/s a connection", 100 * ms, 20 * ms, 256, 8},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var p pace
			sent := time.Now()
			answered := sent.Add(test.firstByte)
			const segments = 65
			p.observe(sent, answered, answered, answered.Add((segments-1)*test.mebibyte/16), segments)
			window, part := p.window()
			if part != test.part<<20 || window < test.window<<20 || window > test.window*5/4<<20 {
				t.Errorf("window %d and part %d, want %d and %d MiB", window, part, test.window, test.part)
			}
		})
	}
}

func TestPaceBeforeAnyMeasurement(t *testing.T) {
	var p pace
	if window, part := p.window(); window != leastWindow || part > window {
		t.Errorf("window %d and part %d, want %d and no more", window, part, int64(leastWindow))
	}
}

func TestShortBodiesSayNothingOfTheRate(t *testing.T) {
	var p pace
	now := time.Now()
	p.observe(now, now.Add(time.Millisecond), now, now.Add(time.Second), 16)
	if p.mebibyte.value() != 0 || p.firstByte.value() != time.Millisecond {
		t.Errorf("got %v for the first byte and %v for a mebibyte", p.firstByte.value(), p.mebibyte.value())
	}
}

func TestLeastForgets(t *testing.T) {
	var l least
	start := time.Now()
	for _, step := range []struct {
		after, measured, want time.Duration
	}{
		{0, 5, 5},
		{1, 3, 3},
		{2, 9, 3},
		{period + 3, 7, 3}, // of the period before
		{period + 4, 2, 2},
		{3 * period, 8, 2},
		{5 * period, 8, 8},
	} {
		l.observe(step.measured, start.Add(step.after))
		if got := l.value(); got != step.want {
			t.Errorf("after %v: %v, want %v", step.after, got, step.want)
		}
	}
}
