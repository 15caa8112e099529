package test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"allasfs/test/s3server"
)

// mountStatus is what of `allasfs status --json` the tests look at.
type mountStatus struct {
	Source     string
	Mountpoint string
	OpenFiles  int64 `json:"open_files"`
	Resident   int64 `json:"resident_bytes"`
	Cache      struct {
		Reads    int64
		Asked    int64 `json:"asked_bytes"`
		Served   int64 `json:"served_bytes"`
		Fetched  int64 `json:"fetched_bytes"`
		Wasted   int64 `json:"wasted_bytes"`
		DiskHits int64 `json:"disk_hits"`
		Limit    int64 `json:"limit_bytes"`
		Disk     *struct{ Hits, Writes int64 }
	}
	Store struct {
		Requests map[string]storeRequests
		Received int64 `json:"received_bytes"`
	}
	Errors []struct {
		Cause, Errno string
		Count        int64
	}
}

type storeRequests struct {
	Sent     int64
	InFlight int64 `json:"in_flight"`
	Latency  struct{ Counts []int64 }
	Errors   map[string]int64
}

// failed returns how often an operation failed for a cause, and the errno.
func (s mountStatus) failed(t *testing.T, cause string) (int64, string) {
	t.Helper()
	for _, e := range s.Errors {
		if e.Cause == cause {
			return e.Count, e.Errno
		}
	}
	t.Fatalf("no count for %s in %+v", cause, s.Errors)
	return 0, ""
}

// statusJSON runs `allasfs status --json`.
func (m *mountedFS) statusJSON() (s mountStatus) {
	m.t.Helper()
	out := command{env: m.env}.must(m.t, program(), "status", "--json", m.dir)
	if err := json.Unmarshal([]byte(out), &s); err != nil {
		m.t.Fatalf("%v\n%s", err, out)
	}
	return s
}

const statusObject = 300_000 // plaintext bytes: 5 segments, too few for read-ahead

// TestStatus: the numbers are those of what was read and of what the server saw.
func TestStatus(t *testing.T) {
	l := newLab(t)
	plain := content(70, statusObject)
	object := encrypt(t, plain, l.key)
	l.put("counted.c4gh", object)
	l.put("others.c4gh", encrypt(t, plain, newKey(t)))
	dir := filepath.Join(t.TempDir(), "cache")
	l.server.Fail(s3server.Fault{Kind: s3server.Get, Times: 1, Status: http.StatusServiceUnavailable, Code: "SlowDown"})
	m := l.mount("--disk-cache", dir, "--cache-size", "64MiB")
	if got := m.read("counted"); !bytes.Equal(got, plain) {
		t.Fatal("wrong bytes")
	}
	_, err := os.ReadFile(m.path("others"))
	wantErrno(t, "reading what is for others", err, syscall.ENOKEY)
	eventually(t, "the end of all requests", func() bool { return m.statusJSON().Store.Requests["get"].InFlight == 0 })
	s := m.statusJSON()
	if s.Source != "s3://"+bucket || s.Mountpoint != m.dir || s.OpenFiles != 0 || s.Resident < 1<<20 {
		t.Errorf("%+v", s)
	}
	body := int64(len(object) - headerSize(t, object))
	if c := s.Cache; c.Reads == 0 || c.Asked != statusObject || c.Served != statusObject || c.Fetched != body || c.Wasted != 0 {
		t.Errorf("read %d bytes of %d, in the store %d: %+v", statusObject, statusObject, body, c)
	}
	if c := s.Cache; c.Limit > 64<<20 || c.Limit < 63<<20 || c.DiskHits != 0 || c.Disk == nil {
		t.Errorf("%+v", c)
	}
	l.wantRequests(s)
	if n := s.Store.Requests["get"].Errors["unavailable"]; n != 1 {
		t.Errorf("%d requests of which one was refused as too many: %+v", n, s.Store.Requests["get"])
	}
	if n, errno := s.failed(t, "no_key"); n != 1 || errno != "ENOKEY" {
		t.Errorf("%d operations failed with %s for want of a key", n, errno)
	}
	m.end()

	m = l.mount("--disk-cache", dir)
	m.read("counted")
	if c := m.statusJSON().Cache; c.DiskHits != 5 || c.Disk.Hits != 5 || c.Fetched != 0 || c.Served != statusObject {
		t.Errorf("from the disk cache: %+v, %+v", c, c.Disk)
	}
}

// wantRequests compares with what the server has counted.
func (l *lab) wantRequests(s mountStatus) {
	l.t.Helper()
	c := l.server.Counts()
	for op, want := range map[string]int{"get": c.Get, "head": c.Head, "list": c.List, "buckets": c.ListBuckets} {
		r := s.Store.Requests[op]
		answered := int64(0)
		for _, n := range r.Latency.Counts {
			answered += n
		}
		for _, n := range r.Errors {
			answered += n
		}
		if r.Sent != int64(want) || answered != r.Sent {
			l.t.Errorf("%s: %d requests, %d of them answered; the server counts %d", op, r.Sent, answered, want)
		}
	}
	if got := s.Store.Received; got > c.GetBytes || got < s.Cache.Fetched {
		l.t.Errorf("%d bytes received of %d that the server sent", got, c.GetBytes)
	}
}

// TestStatusForPeople: the table says what was read, and neither it nor the JSON says of what, or as whom.
func TestStatusForPeople(t *testing.T) {
	l := newLab(t)
	l.putEncrypted("patient.c4gh", content(71, statusObject))
	m := l.mount()
	f, err := os.Open(m.path("patient"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(io.Discard, f); err != nil {
		t.Fatal(err)
	}
	table := command{env: m.env}.must(t, program(), "status", m.dir)
	for _, want := range []string{"s3://" + bucket + " at " + m.dir, "1 file is open", "293 KiB in ", "get ", "list ", "failed"} {
		if !strings.Contains(table, want) {
			t.Errorf("%q isn't in\n%s", want, table)
		}
	}
	line := command{env: m.env}.must(t, program(), "status", "--json", m.dir)
	k := l.server.Key(0)
	for _, secret := range []string{"patient", k.Access, k.Secret, l.key.secret} {
		if strings.Contains(table+line, secret) {
			t.Errorf("the status tells %q", secret)
		}
	}
}

func TestStatusOfNoMount(t *testing.T) {
	l := newLab(t)
	r := command{env: l.account(0).environ(t)}.run(t, program(), "status", t.TempDir())
	if r.status != 1 || !strings.Contains(r.stderr, "is not a mount of allasfs\nallasfs: ") {
		t.Errorf("exit status %d, %q", r.status, r.stderr)
	}
	m := l.mount()
	m.cmd.Process.Kill()
	<-m.exited
	m.over = true
	r = command{env: m.env}.run(t, program(), "status", m.dir)
	if r.status != 1 || !strings.Contains(r.stderr, "'allasfs umount' clears it") {
		t.Errorf("a dead mount: exit status %d, %q", r.status, r.stderr)
	}
	command{env: m.env}.must(t, program(), "umount", m.dir)
}

// scrape returns the metrics of a mount, by name and labels, and their text.
func (m *mountedFS) scrape() (address string, metrics map[string]float64, text string) {
	m.t.Helper()
	found := regexp.MustCompile(`url=http://(\S+)/metrics`).FindStringSubmatch(m.log.String())
	if found == nil {
		m.t.Fatalf("the log names no URL:\n%s", m.log)
	}
	r, err := http.Get("http://" + found[1] + "/metrics")
	if err != nil {
		m.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		m.t.Fatalf("%s, %v", r.Status, err)
	}
	metrics = map[string]float64{}
	for line := range strings.Lines(string(body)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if number, err := strconv.ParseFloat(value, 64); err == nil {
			metrics[name] = number
		}
	}
	return found[1], metrics, string(body)
}

func TestMetrics(t *testing.T) {
	l := newLab(t)
	l.putEncrypted("patient.c4gh", content(72, statusObject))
	m := l.mount("--metrics", ":0")
	m.read("patient")
	_, err := os.Stat(m.path("nobody"))
	wantErrno(t, "stat of what isn't there", err, syscall.ENOENT)
	eventually(t, "the end of all requests", func() bool { return m.statusJSON().Store.Requests["get"].InFlight == 0 })
	s := m.statusJSON()
	address, got, text := m.scrape()
	if !strings.HasPrefix(address, "127.0.0.1:") {
		t.Errorf("without a host, metrics are served at %s", address)
	}
	enoent, _ := s.failed(t, "not_exist")
	want := map[string]float64{
		"allasfs_read_served_bytes_total":                                 statusObject,
		"allasfs_read_asked_bytes_total":                                  statusObject,
		"allasfs_reads_total":                                             float64(s.Cache.Reads),
		"allasfs_fetched_bytes_total":                                     float64(s.Cache.Fetched),
		"allasfs_store_received_bytes_total":                              float64(s.Store.Received),
		"allasfs_memory_limit_bytes":                                      float64(s.Cache.Limit),
		"allasfs_open_files":                                              0,
		`allasfs_store_requests_total{operation="get"}`:                   float64(l.server.Counts().Get),
		`allasfs_store_requests_total{operation="list"}`:                  float64(l.server.Counts().List),
		`allasfs_store_requests_in_flight{operation="get"}`:               0,
		`allasfs_store_latency_seconds_count{operation="get"}`:            float64(l.server.Counts().Get),
		`allasfs_store_errors_total{cause="cut",operation="get"}`:         0,
		`allasfs_errors_total{cause="not_exist",errno="ENOENT"}`:          float64(enoent),
		`allasfs_errors_total{cause="not_authentic",errno="EIO"}`:         0,
		`allasfs_store_latency_seconds_bucket{operation="get",le="+Inf"}`: float64(l.server.Counts().Get),
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if value, ok := got[name]; !ok || value != want[name] {
			t.Errorf("%s is %v (%v), want %v", name, value, ok, want[name])
		}
	}
	if enoent == 0 || got["process_resident_memory_bytes"] < 1<<20 {
		t.Errorf("%d names weren't there; the process takes %v bytes", enoent, got["process_resident_memory_bytes"])
	}
	k := l.server.Key(0)
	for _, secret := range []string{"patient", "nobody", `"` + bucket, m.dir, k.Access, k.Secret} {
		if strings.Contains(text, secret) {
			t.Errorf("the metrics tell %q", secret)
		}
	}
	m.end()
	if c, err := net.Dial("tcp", address); err == nil {
		c.Close()
		t.Error("metrics are served after the mount has ended")
	}
}

// An address that can't be had is told before there is a mount.
func TestMetricsAddress(t *testing.T) {
	l := newLab(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := command{env: l.account(0).environ(t)}
	for address, want := range map[string]string{taken.Addr().String(): "address already in use", "9465": "is not an address", "host:": "is not an address"} {
		dir := t.TempDir()
		r := c.run(t, program(), "mount", "--sk", l.key.secret, "--metrics", address, "s3://"+bucket, dir)
		if r.status != 1 || !strings.Contains(r.stderr, want) || strings.Count(r.stderr, "\n") != 2 || mounted(dir) {
			t.Errorf("--metrics %s: exit status %d, %q, mounted: %v", address, r.status, r.stderr, mounted(dir))
		}
	}
	if n := l.server.Counts().Total(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
}
