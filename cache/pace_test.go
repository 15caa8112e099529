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
			p.observe(sent, answered, answered.Add(4*test.mebibyte), 64)
			window, part := p.window()
			if part != test.part<<20 || window < test.window<<20 || window > test.window*5/4<<20 {
				t.Errorf("window %d and part %d, want %d and %d MiB", window, part, test.window, test.part)
			}
		})
	}
}

func TestPaceSplit(t *testing.T) {
	for _, test := range []struct {
		mebibyte time.Duration
		n, gets  int64 // MiB, and how many bring them
	}{
		{0, 8, leastGets}, // nothing is known
		{time.Millisecond / 3, 1, leastGets},
		{time.Millisecond / 3, 8, leastGets},
		{10 * time.Millisecond, 8, 16},
		{10 * time.Millisecond, 64, 46},
	} {
		var p pace
		p.mebibyte.observe(test.mebibyte, time.Now())
		if gets := test.n << 20 / p.split(test.n<<20); gets != test.gets {
			t.Errorf("%d MiB of %v each are brought in %d GETs, want %d", test.n, test.mebibyte, gets, test.gets)
		}
	}
}

// A reader that was late finds a body in the socket, and it doesn't seem to have come in no time.
func TestLateReadersDoNotHurryThePace(t *testing.T) {
	var p pace
	now := time.Now()
	p.observe(now, now.Add(20*time.Millisecond), now.Add(30*time.Millisecond), 16)
	p.observe(now, now.Add(29*time.Millisecond), now.Add(30*time.Millisecond), 16)
	if got := p.mebibyte.value(); got != 10*time.Millisecond {
		t.Errorf("a mebibyte takes %v", got)
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
	p.observe(now, now.Add(time.Millisecond), now.Add(time.Second), 15)
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
