package main

import (
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// linePause is the time between the lines that stand for the bar where there is no terminal.
const linePause = 10 * time.Second

// progress shows how far a conversion has come: one bar on a terminal, a line now and then elsewhere. Any number of
// goroutines may use it.
type progress struct {
	c       *console
	started time.Time
	total   int64        // bytes to read
	read    atomic.Int64 // bytes read
	files   int
	ended   atomic.Int64 // files

	mu   sync.Mutex // over what is written
	bar  *progressbar.ProgressBar
	stop func()
	once sync.Once
}

// newProgress begins to show progress unless it shall be quiet. The caller calls end.
func newProgress(c *console, quiet bool, what string, p *taskPlan) *progress {
	g := &progress{c: c, started: time.Now(), total: p.size(), files: len(p.tasks), stop: func() {}}
	switch {
	case quiet || p.out == streamName:
	case isTerminal(c.err):
		g.bar = progressbar.NewOptions64(max(g.total, 1),
			progressbar.OptionSetWriter(c.err), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionShowBytes(true), progressbar.OptionShowTotalBytes(true),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionUseIECUnits(true), progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish())
	default:
		g.stop = every(linePause, g.line)
	}
	return g
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// every calls f at regular times until stop is called, which waits for a call under way.
func every(pause time.Duration, f func()) (stop func()) {
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticks := time.NewTicker(pause)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				f()
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}

// line writes the line that stands for the bar.
func (g *progress) line() {
	read, passed := g.read.Load(), time.Since(g.started)
	left := "?"
	if read > 0 {
		left = roundTime(time.Duration(float64(passed) * float64(g.total-read) / float64(read))).String()
	}
	g.say("%d of %d files, %s of %s, %s/s, %s left", g.ended.Load(), g.files, size(read), size(g.total),
		size(int64(float64(read)/passed.Seconds())), left)
}

// size writes a number of bytes for people.
func size(n int64) string { return humanize.IBytes(uint64(max(n, 0))) }

// roundTime leaves as much of a time as people want to know.
func roundTime(d time.Duration) time.Duration {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond)
	case d < 10*time.Second:
		return d.Round(100 * time.Millisecond)
	}
	return d.Round(time.Second)
}

// add counts bytes.
func (g *progress) add(n int64) {
	g.read.Add(n)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bar != nil {
		_ = g.bar.Add64(n) // a source that has grown goes beyond the end of the bar
	}
}

// say writes a message without leaving bits of the bar around it.
func (g *progress) say(format string, args ...any) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bar != nil {
		_ = g.bar.Clear()
	}
	g.c.say(format, args...)
}

// end takes the bar away. It may be called again.
func (g *progress) end() {
	g.once.Do(func() {
		g.stop()
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.bar != nil {
			_ = g.bar.Clear()
			g.bar = nil
		}
	})
}

// countedFile counts what is read of a file.
type countedFile struct {
	*os.File
	progress *progress
	size     int64 // bytes of the file, as far as known
	read     int64
}

// Read implements io.Reader.
func (f *countedFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	f.read += int64(n)
	f.progress.add(int64(n))
	return n, err
}

// WriteTo hides the one of os.File, which wouldn't count.
func (f *countedFile) WriteTo(w io.Writer) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{f}, make([]byte, 1<<20))
}

// Close counts what didn't have to be read.
func (f *countedFile) Close() error {
	f.progress.add(max(f.size-f.read, 0))
	f.progress.ended.Add(1)
	return f.File.Close()
}
