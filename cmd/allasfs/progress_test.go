package main

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// Without a terminal there is a line now and then, and standard output and --quiet have none.
func TestProgressLine(t *testing.T) {
	var said bytes.Buffer
	p := &taskPlan{out: "x", tasks: []task{{size: 3 << 20}, {size: 1 << 20}}}
	g := newProgress(&console{err: &said}, false, "encrypted", p)
	g.started = time.Now().Add(-2 * time.Second)
	g.add(1 << 20)
	g.ended.Add(1)
	g.line()
	g.end()
	g.end()
	for _, want := range []string{"allasfs: 1 of 2 files, 1.0 MiB of 4.0 MiB, ", "KiB/s, 6s left\n"} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("%q doesn't say %q", said.String(), want)
		}
	}
}

func TestEvery(t *testing.T) {
	ticks := make(chan bool)
	stop := every(time.Millisecond, func() { ticks <- true })
	for range 3 {
		<-ticks
	}
	go func() { // a tick that is under way while it is stopped
		for range ticks {
		}
	}()
	stop()
	close(ticks) // panics if there is another tick
}

// However a file is read, all of its bytes are counted, and once.
func TestCountedFile(t *testing.T) {
	t.Chdir(t.TempDir())
	writeFile(t, "x", someBytes(100_000))
	for name, read := range map[string]func(*countedFile) error{
		"whole":   func(f *countedFile) error { _, err := io.ReadAll(f); return err },
		"copied":  func(f *countedFile) error { _, err := io.Copy(io.Discard, f); return err },
		"in part": func(f *countedFile) error { _, err := io.CopyN(io.Discard, f, 1000); return err },
		"sought":  func(f *countedFile) error { _, err := f.Seek(50_000, io.SeekStart); return err },
	} {
		file, err := os.Open("x")
		if err != nil {
			t.Fatal(err)
		}
		g := &progress{}
		f := &countedFile{File: file, progress: g, size: 100_000}
		if err := read(f); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil || g.read.Load() != 100_000 || g.ended.Load() != 1 {
			t.Errorf("%s: %d bytes of %d files, %v", name, g.read.Load(), g.ended.Load(), err)
		}
	}
}
