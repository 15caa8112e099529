package test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"allasfs/c4gh"
	"allasfs/objstore"
	"allasfs/objstore/s3store"
	"allasfs/test/s3server"
)

// The store of these tests answers after storeLatency, as one over a network does, and costs little otherwise.
const (
	storeLatency = 20 * time.Millisecond
	vast         = 500_000 // objects in a directory
	attempts     = 3       // a time counts as soon as one of them is good enough: others use this machine, too
)

// slowLab is a lab whose bucket is light and whose answers take their time.
func slowLab(t *testing.T) *lab {
	t.Helper()
	l := newLab(t)
	if err := l.server.Light(bucket); err != nil {
		t.Fatal(err)
	}
	l.server.Fail(s3server.Fault{Delay: storeLatency})
	return l
}

// bareListing makes the requests of a listing one after the other, and does nothing with them. It returns how long
// they take.
func (l *lab) bareListing() time.Duration {
	l.t.Helper()
	account := l.account(0)
	store, err := s3store.New(l.t.Context(), s3store.Options{Credentials: s3store.Credentials{
		Endpoint: account.endpoint, AccessKeyID: account.access, SecretAccessKey: account.secret,
	}})
	if err != nil {
		l.t.Fatal(err)
	}
	begin := time.Now()
	for o := (objstore.ListOptions{Delimiter: "/"}); ; {
		page, err := store.List(l.t.Context(), bucket, o)
		if err != nil {
			l.t.Fatal(err)
		}
		if o.Token = page.Next; o.Token == "" {
			return time.Since(begin)
		}
	}
}

// ls lists a new mount with ls and returns how long that takes, and the most memory of the mount.
func (l *lab) ls(entries int) (time.Duration, int64) {
	l.t.Helper()
	m := l.mount()
	defer m.end()
	lines := new(lineCounter)
	begin := time.Now()
	command{env: m.env, stdout: lines}.must(l.t, "ls", m.dir)
	took := time.Since(begin)
	if lines.n != entries {
		l.t.Fatalf("ls shows %d entries, want %d", lines.n, entries)
	}
	return took, peakMemory(l.t, m.cmd.Process.Pid)
}

type lineCounter struct{ n int }

func (c *lineCounter) Write(p []byte) (int, error) {
	c.n += bytes.Count(p, []byte{'\n'})
	return len(p), nil
}

// TestVastListing: ls takes hardly longer than the requests that it needs.
func TestVastListing(t *testing.T) {
	for _, test := range []struct {
		name    string
		entries int
		key     string
	}{
		{"Objects", vast, "sample_%08d_R1.fastq.gz.c4gh"},
		{"Directories", 100_000, "run_%06d/reads.c4gh"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := slowLab(t)
			body := encrypt(t, []byte("reads"), l.key)
			for i := range test.entries {
				l.put(fmt.Sprintf(test.key, i), body)
			}
			l.compareListing(test.entries)
		})
	}
}

func (l *lab) compareListing(entries int) {
	const most = 1.15 // times the bare requests
	var bare, ls time.Duration
	for range attempts {
		b := l.bareListing()
		mounted, memory := l.ls(entries)
		l.t.Logf("%d entries: the bare requests %v, ls %v (%.3f); the mount had %d MiB", entries, b.Round(time.Millisecond),
			mounted.Round(time.Millisecond), mounted.Seconds()/b.Seconds(), memory>>20)
		bare, ls = best(bare, b), best(ls, mounted)
		if ls.Seconds() <= most*bare.Seconds() {
			return
		}
	}
	l.t.Errorf("ls takes %v, more than %v times the bare requests, %v", ls, most, bare)
}

// best returns the lesser of two durations of which the first may be unknown.
func best(known, d time.Duration) time.Duration {
	if known == 0 {
		return d
	}
	return min(known, d)
}

// TestStatInACrowd: one name costs a lookup and its header, and no listing.
func TestStatInACrowd(t *testing.T) {
	l := slowLab(t)
	body := encrypt(t, []byte("reads"), l.key)
	for i := range vast {
		l.put(fmt.Sprintf("sample_%08d_R1.fastq.gz.c4gh", i), body)
	}
	m := l.mount()
	l.server.ResetLog()
	info, err := os.Stat(m.path("sample_00123456_R1.fastq.gz"))
	if err != nil || info.Size() != int64(len("reads")) {
		t.Errorf("%v, %v", info, err)
	}
	if n := l.server.Counts().Total(); n > 2 {
		t.Errorf("%d requests: %+v", n, l.server.Requests())
	}
	l.server.ResetLog()
	if _, err := os.Stat(m.path("nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a name that isn't there: %v", err)
	}
	if n := l.server.Counts().Total(); n > 2 {
		t.Errorf("%d requests for a name that isn't there: %+v", n, l.server.Requests())
	}
}

// TestSizesOfManyObjects: the sizes of encrypted objects are there soon, and after a restart at once.
func TestSizesOfManyObjects(t *testing.T) {
	const n, cold, again = 10_000, 5 * time.Second, time.Second / 2
	l := slowLab(t)
	l.putSizes(n)
	var first, second time.Duration
	for range attempts {
		database := filepath.Join(t.TempDir(), "headers.db")
		first = best(first, l.longListing(n, database))
		l.server.ResetLog()
		second = best(second, l.longListing(n, database))
		if gets := l.server.Counts().Get; gets > 0 {
			t.Errorf("%d headers were read again after a restart", gets)
		}
		t.Logf("ls -l of %d objects: %v, after a restart %v", n, first.Round(time.Millisecond), second.Round(time.Millisecond))
		if first <= cold && second <= again {
			return
		}
	}
	t.Errorf("ls -l takes %v, and %v after a restart; the limits are %v and %v", first, second, cold, again)
}

// putSizes stores n encrypted objects, each of which has its own keys and is as long as its number.
func (l *lab) putSizes(n int) {
	l.t.Helper()
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for i := range n {
		g.Go(func() error {
			var object bytes.Buffer
			o := c4gh.EncryptOptions{Recipients: []c4gh.PublicKey{l.key.pk}, Workers: 1}
			_, err := c4gh.Encrypt(&object, bytes.NewReader(make([]byte, i)), o)
			return errors.Join(err, l.server.Put(bucket, fmt.Sprintf("%06d.bam.c4gh", i), object.Bytes()))
		})
	}
	if err := g.Wait(); err != nil {
		l.t.Fatal(err)
	}
}

// longListing returns how long ls -l of a new mount takes, and checks the sizes that it shows.
func (l *lab) longListing(n int, database string) time.Duration {
	l.t.Helper()
	m := l.mount("--header-cache", database)
	defer m.end()
	begin := time.Now()
	out := command{env: m.env}.must(l.t, "ls", "-l", m.dir)
	took := time.Since(begin)
	lines := strings.Split(strings.TrimSpace(out), "\n")[1:] // without the total
	if len(lines) != n {
		l.t.Fatalf("ls -l shows %d files, want %d", len(lines), n)
	}
	for i, line := range lines {
		if fields := strings.Fields(line); len(fields) < 5 || fields[4] != strconv.Itoa(i) {
			l.t.Fatalf("a file of %d bytes is shown as %s", i, line)
		}
	}
	return took
}
