// Command bench measures allasfs mounts against other mounts, on the same objects of the same server, and writes the
// tables and plots of docs/benchmarks.md.
//
//	bench -allasfs BIN [-quick] [-only REGEXP [-again]] [-rounds N] [-results FILE] [-out DIR]
//	bench -render FILE -out DIR    tables and plots again, from what was measured
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"

	"allasfs/test/bench/lights3"
	"allasfs/test/bench/zerofs"
)

// options are what the command line says.
type options struct {
	allasfs, rclone, venv string
	cache                 string // where samples are kept
	dir                   string // for objects and mounts, on tmpfs
	out                   string // where benchmarks.md goes
	results               string // where the numbers go
	again                 bool   // they are there already, and only cases that run are replaced
	render                string
	only                  *regexp.Regexp
	rounds                int
	quick                 bool
}

func main() {
	log.SetFlags(log.Ltime)
	var err error
	switch args := os.Args[1:]; {
	case len(args) == 2 && args[0] == "serve":
		err = serve(args[1])
	case len(args) == 3 && args[0] == "zeros":
		var size int64
		if size, err = strconv.ParseInt(args[2], 10, 64); err == nil {
			err = zerofs.Mount(args[1], size)
		}
	default:
		err = run(parse())
	}
	if err != nil {
		log.Fatal("bench: ", err)
	}
}

func parse() options {
	var o options
	flag.StringVar(&o.allasfs, "allasfs", "../../bin/allasfs", "the program to measure")
	flag.StringVar(&o.rclone, "rclone", "../../.testdata/bin/rclone", "rclone")
	flag.StringVar(&o.venv, "venv", "../../.testdata/bench-venv", "virtual environment with crypt4ghfs")
	flag.StringVar(&o.cache, "cache", "../../.testdata", "where sample files are kept")
	flag.StringVar(&o.dir, "dir", "/dev/shm", "tmpfs for the objects, 4 GiB")
	flag.StringVar(&o.out, "out", "", "directory for benchmarks.md and its plots; empty, or with -quick, the tables are only printed")
	flag.StringVar(&o.results, "results", "", "file for what was measured; empty for none")
	flag.BoolVar(&o.again, "again", false, "keep what -results has of cases that don't match -only")
	flag.StringVar(&o.render, "render", "", "only write the tables again, from this file")
	flag.IntVar(&o.rounds, "rounds", 5, "how often everything is measured")
	flag.BoolVar(&o.quick, "quick", false, "small objects, for trying")
	only := flag.String("only", "", "only the cases that match")
	flag.Parse()
	o.only = regexp.MustCompile(*only)
	return o
}

// serve is the server's process. It prints its address.
func serve(root string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + l.Addr().String())
	return lights3.New(root).Serve(l)
}

// bench is a run.
type bench struct {
	options options
	work    string // for mounts
	data    *data
	server  *process
	control lights3.Control
	results *results

	mu     sync.Mutex
	mounts map[*mount]bool
}

func run(o options) error {
	if o.render != "" {
		r, err := loadResults(o.render)
		if err != nil {
			return err
		}
		return r.write(o.out)
	}
	for _, p := range []*string{&o.allasfs, &o.rclone, &o.venv, &o.cache} {
		abs, err := filepath.Abs(*p)
		if err != nil {
			return err
		}
		*p = abs
	}
	b := &bench{options: o, results: newResults(), mounts: map[*mount]bool{}}
	if o.again {
		kept, err := loadResults(o.results)
		if err != nil {
			return err
		}
		b.results = kept.without(o.only)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	signal.Ignore(syscall.SIGPIPE) // whoever read our output is gone; what we mounted isn't
	done := make(chan error, 1)
	go func() { done <- b.all(ctx) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		err = errors.New("interrupted")
	}
	b.cleanUp()
	return err
}

// all prepares, measures and writes.
func (b *bench) all(ctx context.Context) error {
	if err := b.prepare(); err != nil {
		return err
	}
	b.measure(ctx)
	if ctx.Err() != nil {
		return ctx.Err() // what there is of the tables isn't worth those that it would replace
	}
	if b.options.results != "" {
		if err := b.results.save(b.options.results); err != nil {
			return err
		}
	}
	if b.options.out == "" || b.options.quick {
		return b.results.markdown(os.Stdout)
	}
	return b.results.write(b.options.out)
}

func (b *bench) prepare() error {
	objects, err := os.MkdirTemp(b.options.dir, "allasfs-bench-*")
	if err != nil {
		return err
	}
	b.data = &data{plain: filepath.Join(objects, "plain")}
	log.Print("making objects in ", objects)
	if b.work, err = os.MkdirTemp("", "allasfs-bench-*"); err != nil {
		return err
	}
	d, err := makeData(objects, b.options.cache, b.options.quick)
	if err != nil {
		return err
	}
	b.data = d
	return b.startServer()
}

func (b *bench) startServer() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if b.server, err = startProcess(nil, self, "serve", b.data.root); err != nil {
		return err
	}
	for range 500 {
		if address := b.server.log.String(); address != "" {
			b.control = lights3.Control{URL: address}
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("the server doesn't start")
}

func (b *bench) serverCPU() time.Duration {
	t, err := b.server.cpu()
	if err != nil {
		return 0
	}
	return t
}

// measure runs the cases, round after round, so that each tool takes its turn in each.
func (b *bench) measure(ctx context.Context) {
	r := b.results
	r.Quick, r.Machine, r.Versions = b.options.quick, machine(), b.versions()
	for r.round = range b.options.rounds {
		for _, c := range cases() {
			if ctx.Err() != nil {
				return
			}
			if !b.options.only.MatchString(c.id) || r.round >= c.rounds {
				continue
			}
			begin := time.Now()
			b.measureCase(c)
			log.Printf("round %d of %d: %-14s %5.1f s", r.round+1, b.options.rounds, c.id, time.Since(begin).Seconds())
		}
		r.Rounds = r.round + 1
	}
}

func (b *bench) measureCase(c benchCase) {
	if err := b.control.SetShape(c.shape); err != nil {
		log.Printf("%s: %v", c.id, err)
		return
	}
	if err := c.run(b, c); err != nil {
		b.failed(c.id, "", err)
	}
}

// failed writes down why a tool has no figures in a case. The others go on.
func (b *bench) failed(id, tool string, err error) {
	log.Printf("%s: %s: %v", id, tool, err)
	b.results.Failures[id+"|"+tool] = err.Error()
}

func (b *bench) live(m *mount) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mounts[m] = true
}

func (b *bench) dead(m *mount) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.mounts, m)
}

// cleanUp leaves nothing behind, whatever happened.
func (b *bench) cleanUp() {
	b.mu.Lock()
	var left []*mount
	for m := range b.mounts {
		left = append(left, m)
	}
	b.mu.Unlock()
	for _, m := range left {
		b.unmount(m)
	}
	if b.server != nil {
		b.server.stop()
	}
	if b.data != nil {
		os.RemoveAll(filepath.Dir(b.data.plain))
	}
	os.RemoveAll(b.work)
}
