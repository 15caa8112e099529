package test

import (
	"cmp"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"allasfs/test/soak"
)

// page is docs/soak.md.
func (s *soakRun) page() string {
	return `# Soak test

Does a mount give out a wrong byte while the store fails, caches overflow and readers are killed? ` + "`make soak`" + ` tries for ten
minutes and writes this page; ` + "`SOAK=1h make soak`" + ` takes longer. Twenty seconds of it are one of the usual tests.

` + fmt.Sprint(soakReaders) + ` processes read the files of one mount. What a file holds can be computed from the offset (AES in counter mode), and
each process compares every byte that it reads. Again and again it draws a file, an order and a way to read it. Mostly it
drops the file from the kernel's page cache first. ` + fmt.Sprint(soakKilled) + ` of the processes are killed after one to ten seconds, whatever they are
doing, and others take their places.

The objects are larger than both caches together (memory ` + humanize.IBytes(soakCache) + `, disk ` + humanize.IBytes(soakDiskCache) + `). Encrypted ones have from
1 byte to 300 MiB, many of them about a multiple of a segment; one has an edit list of ` + fmt.Sprint(len(s.files[0].Edits())/2) + ` pieces; one isn't encrypted.

The store is a server on a TCP port. It spoils one answer of ` + fmt.Sprint(soakFaultEvery) + ` and is late with a quarter of the others. All of this
is what retries are for, so a read that fails is as bad as a wrong byte.

## Last run

` + s.tables()
}

// tables are what came of it.
func (s *soakRun) tables() string {
	return s.totals() + "\n" + s.waysTable() + "\n" + s.faultsTable()
}

func (s *soakRun) totals() string {
	sum, c, got := s.sum(), s.status.Cache, s.status.Store.Requests["get"]
	objects := int64(0)
	for _, f := range s.files {
		objects += f.Size
	}
	return table([]string{"what", "how much"}, [][]string{
		{"time, processors", fmt.Sprintf("%v, %d", s.length, runtime.NumCPU())},
		{"processes; killed on the way", fmt.Sprintf("%d; %d", soakReaders, s.killed)},
		{"files", fmt.Sprintf("%d, %s", len(s.files), humanize.IBytes(uint64(objects)))},
		{"**wrong bytes**", fmt.Sprintf("**%d**", sum.Wrong)},
		{"reads that failed", fmt.Sprint(len(sum.Failures))},
		{"bytes checked", humanize.IBytes(uint64(sum.Bytes))},
		{"reads checked", humanize.Comma(sum.Reads)},
		{"bytes that the mount served; the page cache had the rest", humanize.IBytes(uint64(c.Served))},
		{"bytes fetched from the store", humanize.IBytes(uint64(c.Fetched))},
		{"segments from the disk cache", humanize.Comma(c.DiskHits)},
		{"slowest read", sum.Slowest.Round(10 * time.Millisecond).String()},
		{"GETs sent", humanize.Comma(got.Sent)},
		{"GETs that failed and were tried again", retries(got.Errors)},
		{"GETs that read-ahead gave up", humanize.Comma(got.Errors["canceled"])},
		{"memory of the mount at its peak", fmt.Sprintf("%s; allowed %s", humanize.IBytes(uint64(s.peak)), humanize.IBytes(soakMemory))},
	})
}

// retries lists causes, the most frequent first.
func retries(errors map[string]int64) string {
	causes := slices.SortedFunc(maps.Keys(errors), func(a, b string) int { return cmp.Compare(errors[b], errors[a]) })
	var parts []string
	for _, cause := range causes {
		if n := errors[cause]; n > 0 && cause != "canceled" {
			parts = append(parts, fmt.Sprintf("%s %s", humanize.Comma(n), strings.ReplaceAll(cause, "_", " ")))
		}
	}
	return strings.Join(parts, ", ")
}

// waysTable has a row for each pattern and a column for each access.
func (s *soakRun) waysTable() string {
	patterns, accesses := map[string]bool{}, map[string]bool{}
	for w := range s.ways {
		patterns[w.pattern], accesses[w.access] = true, true
	}
	columns := slices.Sorted(maps.Keys(accesses))
	var rows [][]string
	for _, p := range slices.Sorted(maps.Keys(patterns)) {
		row := []string{p}
		for _, a := range columns {
			r := s.ways[way{p, a}]
			if r == nil {
				r = &soak.Report{}
			}
			row = append(row, fmt.Sprintf("%s in %s", humanize.IBytes(uint64(r.Bytes)), humanize.Comma(r.Reads)))
		}
		rows = append(rows, row)
	}
	return table(append([]string{"bytes in reads"}, columns...), rows)
}

func (s *soakRun) faultsTable() string {
	var rows [][]string
	for _, k := range append(mishaps(), mishap{name: lateAnswer}) {
		rows = append(rows, []string{k.name, humanize.Comma(int64(s.weather.counts[k.name]))})
	}
	return table([]string{"what the store did", "times"}, rows)
}

// table is a table in Markdown.
func table(head []string, rows [][]string) string {
	var b strings.Builder
	for _, row := range append([][]string{head, slices.Repeat([]string{"---"}, len(head))}, rows...) {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	return b.String()
}
