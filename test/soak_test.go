package test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"allasfs/c4gh"
	"allasfs/test/soak"
)

const (
	// soakVariable says how long the soak test takes, as a Go duration; soakPageVariable which file its page goes to.
	soakVariable     = "SOAK"
	soakPageVariable = "SOAK_PAGE"
	// readerVariable makes this program a reader of the soak test: a soak.Reader as JSON.
	readerVariable = "ALLASFS_SOAK_READER"

	soakShort     = "20s"
	soakReaders   = 16 // processes
	soakKilled    = 4  // of them are killed after a while, and others take their place
	soakCache     = 64 << 20
	soakDiskCache = 160 << 20 // less than the objects
	soakMemory    = soakCache + 150<<20
)

// soakFiles are of sizes around the borders of segments and larger than the caches.
func soakFiles() []soak.File {
	const segment, mebibyte = c4gh.SegmentSize, 1 << 20
	files := []soak.File{
		{Name: "edited", Size: 24*mebibyte + 1, Drop: 70_001, Keep: 100_003},
		{Name: "plain", Size: 40*mebibyte + 7},
	}
	for _, size := range []int64{1, segment - 1, segment, segment + 1, 3 * segment, 16*segment - 1, 16*segment + 1,
		5*mebibyte + 3, 31*mebibyte + 4321, 64 * mebibyte, 120*mebibyte + 65_535, 300*mebibyte + 12_345} {
		files = append(files, soak.File{Name: fmt.Sprint("sealed-", size), Size: size})
	}
	for i := range files {
		files[i].Seed = uint64(1000 + i)
	}
	return files
}

// putSoak makes a file an object.
func (l *lab) putSoak(f soak.File) {
	l.t.Helper()
	path := filepath.Join(l.t.TempDir(), f.Name)
	out, err := os.Create(path)
	if err != nil {
		l.t.Fatal(err)
	}
	defer out.Close()
	switch {
	case f.Name == "plain":
		_, err = io.Copy(out, f.Stream())
		l.putFile(f.Name, path)
	case f.Keep > 0:
		plain, _ := io.ReadAll(f.Stream())
		_, err = out.Write(encryptEdited(l.t, plain, f.Edits(), l.key))
		l.putFile(f.Name+".c4gh", path)
	default:
		encryptTo(l.t, out, f.Stream(), l.key)
		l.putFile(f.Name+".c4gh", path)
	}
	if err != nil {
		l.t.Fatal(err)
	}
}

// TestSoak lets processes read and check, each in its own way, while the store fails in every way that the mount has to
// cope with. It fails if a byte is wrong, and if a read fails, because no fault is more than what retries are for.
func TestSoak(t *testing.T) {
	length, err := time.ParseDuration(cmp.Or(os.Getenv(soakVariable), soakShort))
	if err != nil {
		t.Fatal(err)
	}
	l := newLab(t)
	run := &soakRun{t: t, files: soakFiles(), length: length, weather: newWeather()}
	for _, f := range run.files {
		l.putSoak(f)
	}
	run.mount = l.mount("--cache-size", fmt.Sprint(soakCache), "--disk-cache", t.TempDir(), "--disk-cache-size", fmt.Sprint(soakDiskCache))
	l.server.FailBy(run.weather.fault)
	run.readers()
	l.server.FailBy(nil)
	run.status, run.peak = run.mount.statusJSON(), peakMemory(t, run.mount.cmd.Process.Pid)
	run.judge()
	t.Logf("\n%s", run.tables())
	if page := os.Getenv(soakPageVariable); page != "" && !t.Failed() {
		if err := os.WriteFile(page, []byte(run.page()), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// soakRun is one run of the soak test.
type soakRun struct {
	t       *testing.T
	mount   *mountedFS
	files   []soak.File
	length  time.Duration
	weather *weather
	status  mountStatus
	peak    int64 // bytes that the mount's process had resident

	mu     sync.Mutex
	ways   map[way]*soak.Report // sums
	killed int                  // processes
}

// way is how a file was read.
type way struct{ pattern, access string }

// sum adds up all ways.
func (s *soakRun) sum() (all soak.Report) {
	for _, r := range s.ways {
		add(&all, *r)
	}
	return all
}

func add(sum *soak.Report, r soak.Report) {
	sum.Reads += r.Reads
	sum.Bytes += r.Bytes
	sum.Wrong += r.Wrong
	sum.Slowest = max(sum.Slowest, r.Slowest)
	sum.Failures = append(sum.Failures, r.Failures...)
}

// judge fails the test for what must not have happened, and for what must have and hasn't.
func (s *soakRun) judge() {
	sum := s.sum()
	for _, failure := range sum.Failures[:min(10, len(sum.Failures))] {
		s.t.Error(failure)
	}
	if sum.Reads == 0 || sum.Wrong != 0 || len(sum.Failures) != 0 {
		s.t.Errorf("%d reads, %d of them failed, %d wrong bytes", sum.Reads, len(sum.Failures), sum.Wrong)
	}
	if s.peak > soakMemory {
		s.t.Errorf("%d MiB were resident, the limit is %d MiB", s.peak>>20, soakMemory>>20)
	}
	for _, k := range mishaps() {
		if s.weather.counts[k.name] == 0 {
			s.t.Errorf("this never happened: %s", k.name)
		}
	}
}

// readers lets processes read for as long as the test takes.
func (s *soakRun) readers() {
	ctx, cancel := context.WithTimeout(s.t.Context(), s.length)
	defer cancel()
	s.ways = map[way]*soak.Report{}
	var group sync.WaitGroup
	for i := range soakReaders {
		group.Go(func() {
			if i >= soakKilled {
				s.reader(ctx, uint64(i), nil)
				return
			}
			for seed := uint64(i); ctx.Err() == nil && !s.t.Failed(); seed += soakReaders {
				s.reader(ctx, seed, time.After(time.Second+rand.N(9*time.Second)))
			}
		})
	}
	group.Wait()
}

// reader runs one process until ctx ends, or kills it in the middle of its work. It has to end soon when it is told to,
// and at once when it is killed.
func (s *soakRun) reader(ctx context.Context, seed uint64, kill <-chan time.Time) {
	cmd, stdin, reports, err := s.start(seed)
	if err != nil {
		s.t.Error(err)
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(s.collect(reports), cmd.Wait()) }()
	select {
	case err := <-ended:
		s.t.Errorf("a reader ended before its time: %v", err)
	case <-kill:
		cmd.Process.Kill()
		<-ended
		s.mu.Lock()
		s.killed++
		s.mu.Unlock()
	case <-ctx.Done():
		stdin.Close()
		select {
		case err := <-ended:
			if err != nil {
				s.t.Errorf("a reader: %v", err)
			}
		case <-time.After(3 * patience):
			s.t.Error("a reader hangs")
			cmd.Process.Kill()
			<-ended
		}
	}
}

// start starts a process that reads. Closing its standard input is the sign to end.
func (s *soakRun) start(seed uint64) (cmd *exec.Cmd, stdin io.Closer, reports io.Reader, err error) {
	job, err := json.Marshal(soak.Reader{Dir: s.mount.dir, Files: s.files, Seed: seed})
	if err != nil {
		return nil, nil, nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, nil, err
	}
	cmd = exec.Command(self)
	cmd.Env, cmd.Stderr = append(os.Environ(), readerVariable+"="+string(job)), os.Stderr
	if stdin, err = cmd.StdinPipe(); err != nil {
		return nil, nil, nil, err
	}
	if reports, err = cmd.StdoutPipe(); err != nil {
		return nil, nil, nil, err
	}
	return cmd, stdin, reports, cmd.Start()
}

// collect adds up what a process reports.
func (s *soakRun) collect(reports io.Reader) error {
	for d := json.NewDecoder(reports); ; {
		var r soak.Report
		if err := d.Decode(&r); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		s.add(r)
	}
}

func (s *soakRun) add(r soak.Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := way{r.Pattern, r.Access}
	if s.ways[w] == nil {
		s.ways[w] = &soak.Report{}
	}
	add(s.ways[w], r)
}

// readForSoak is what a process of the soak test does.
func readForSoak(job string) error {
	var r soak.Reader
	if err := json.Unmarshal([]byte(job), &r); err != nil {
		return err
	}
	stop := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(stop)
	}()
	return r.Run(stop, os.Stdout)
}
