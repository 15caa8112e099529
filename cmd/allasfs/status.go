package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"allasfs/fs"
	"allasfs/objstore"
)

func newStatusCommand(c *console) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "status [flags] MOUNTPOINT",
		Short: "Tell what a mount has done: bytes, requests, hits, errors",
		Long: "Tell what a mount has read and fetched since it was made, where it found it, how long the store takes to\n" +
			"answer, and what went wrong. 'allasfs mount --metrics' gives the same to Prometheus.",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error { return runStatus(c, args[0], asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// mountStatus is the status of a mount and where it is.
type mountStatus struct {
	Source     string `json:"source"`
	Mountpoint string `json:"mountpoint"`
	fs.Status
}

func runStatus(c *console, path string, asJSON bool) error {
	s, err := statusOf(path)
	if err != nil {
		return err
	}
	if !asJSON {
		s.print(c.out, time.Now())
		return nil
	}
	line, err := json.Marshal(s)
	if err != nil {
		return err
	}
	c.printf("%s\n", line)
	return nil
}

func statusOf(path string) (*mountStatus, error) {
	mountpoint, err := resolveMountpoint(path)
	if err != nil {
		return nil, err
	}
	mount, err := ourMount(mountpoint)
	if err != nil {
		return nil, err
	}
	if mount == nil {
		return nil, hint(fmt.Errorf("%s is not a mount of allasfs", path), "'findmnt -t fuse.allasfs' lists them")
	}
	directory, err := os.Open(mountpoint)
	if err != nil {
		return nil, err
	}
	defer directory.Close()
	status, err := fs.ReadStatus(directory)
	if errors.Is(err, unix.ENOTTY) {
		return nil, hint(fmt.Errorf("the mount at %s tells no status", path), "it was made by an older allasfs; mount again")
	}
	if err != nil {
		return nil, fmt.Errorf("status of %s: %w", path, err)
	}
	return &mountStatus{mount.Source, mountpoint, status}, nil
}

// print writes the status for people.
func (s *mountStatus) print(out io.Writer, now time.Time) {
	k, open := s.Cache, "1 file is open"
	if s.OpenFiles != 1 {
		open = thousands(s.OpenFiles) + " files are open"
	}
	fmt.Fprintf(out, "%s at %s, mounted %s; %s; %s of memory\n\n",
		s.Source, s.Mountpoint, humanize.RelTime(s.Begun, now, "ago", "from now"), open, size(s.ResidentBytes))
	rows := [][]string{
		{"read", fmt.Sprintf("%s in %s reads, of %s asked for", size(k.ServedBytes), thousands(k.Reads), size(k.AskedBytes))},
		{"fetched", fmt.Sprintf("%s in %s requests; %s read ahead, %s never used",
			size(k.FetchedBytes), thousands(k.Gets), size(k.AheadBytes), size(k.WastedBytes))},
		{"segments", fmt.Sprintf("%s in memory when a read came, %s on their way, %s not there; %s from the disk cache",
			thousands(k.Hits), thousands(k.Waits), thousands(k.Misses), thousands(k.DiskHits))},
		{"memory", fmt.Sprintf("%s of %s for segments; %s on their way", size(k.UsedBytes), size(k.LimitBytes), thousands(int64(k.Pending)))},
	}
	if d := k.Disk; d != nil {
		rows = append(rows, []string{"disk cache", fmt.Sprintf("%s of %s; %s segments written, %s left out",
			size(d.Bytes), size(d.Limit), thousands(d.Writes), thousands(d.Dropped))})
	}
	rows = append(rows, []string{"failed", s.failed()})
	table(out, rows)
	fmt.Fprintln(out)
	table(out, append([][]string{{"store", "sent", "under way", "half within", "99 % within", "failed"}}, s.requests()...))
}

// failed tells what programs were told, the most frequent first.
func (s *mountStatus) failed() string {
	failures := slices.Clone(s.Errors)
	slices.SortStableFunc(failures, func(a, b fs.Failures) int { return int(b.Count - a.Count) })
	var parts []string
	for _, f := range failures {
		if f.Count > 0 {
			parts = append(parts, fmt.Sprintf("%s %s (%s)", thousands(f.Count), words(f.Cause), f.Errno))
		}
	}
	return orNothing(parts)
}

// requests returns a row for each operation on the store.
func (s *mountStatus) requests() (rows [][]string) {
	for _, op := range []string{"get", "head", "list", "buckets"} {
		r := s.Store.Requests[op]
		rows = append(rows, []string{op, thousands(r.Sent), thousands(r.InFlight), within(r.Latency, 50), within(r.Latency, 99), causes(r.Errors)})
	}
	return rows
}

// causes lists what is above zero.
func causes(errors map[string]int64) string {
	var parts []string
	for cause, n := range errors {
		if n > 0 {
			parts = append(parts, thousands(n)+" "+words(cause))
		}
	}
	slices.Sort(parts)
	return orNothing(parts)
}

func orNothing(parts []string) string {
	if len(parts) == 0 {
		return "-"
	}
	return strings.Join(parts, ", ")
}

// words makes words of the name of a cause.
func words(cause string) string { return strings.ReplaceAll(cause, "_", " ") }

func thousands(n int64) string { return humanize.Comma(n) }

// within formats the time within which so many percent of the requests were answered.
func within(h objstore.Histogram, percent int64) string {
	if h.Count() == 0 {
		return "-"
	}
	seconds, ok := h.Within(percent)
	if !ok {
		return "longer"
	}
	return time.Duration(seconds * float64(time.Second)).String()
}

// table writes rows in columns.
func table(out io.Writer, rows [][]string) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
}
