package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"allasfs/test/bench/lights3"
)

// write makes benchmarks.md and its plots in a directory.
func (r *results) write(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, plotDir), 0o755); err != nil {
		return err
	}
	if err := r.plots(filepath.Join(dir, plotDir)); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(dir, "benchmarks.md"))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := r.markdown(f); err != nil {
		return err
	}
	return f.Close()
}

// markdown writes the text and the tables.
func (r *results) markdown(w io.Writer) error {
	var s strings.Builder
	r.intro(&s)
	r.goalTable(&s)
	r.reasonList(&s)
	r.sequentialTable(&s)
	r.matrixTable(&s)
	r.randomTable(&s)
	r.otherTable(&s)
	r.kernelTable(&s)
	r.partsTable(&s)
	r.failureList(&s)
	_, err := io.WriteString(w, s.String())
	return err
}

func (r *results) intro(s *strings.Builder) {
	fmt.Fprintf(s, `# Reading measured

Written by %[1]smake bench%[1]s. The server is on the same machine and sends files by sendfile; it adds the time to the
first byte and bounds the rate of each connection where a case says so, and does neither where it says near. Cold is a new
mount after the kernel's caches were dropped; the objects are on tmpfs, so that the server isn't slowed by that. In each
round every tool takes its turn. Figures are medians of %[2]d rounds, of fewer where that took too long; a ratio is the median of the ratios of the rounds, so
what else the machine did meets both sides. MB is 10⁶ bytes.

allasfs and crypt4ghfs show plaintext; s3fs and rclone show ciphertext and have less to do.

`, "`", r.Rounds)
	if r.Quick {
		s.WriteString("**This was a quick run with small objects, for trying only.**\n\n")
	}
	if r.Again != "" {
		fmt.Fprintf(s, "These cases were measured again, in a run of their own that came after the others: `%s`. The others were measured with %s.\n\n", r.Again, r.Before)
	}
	for _, line := range r.Machine {
		fmt.Fprintf(s, "- %s\n", line)
	}
	for _, tool := range slices.Sorted(maps.Keys(r.Versions)) {
		fmt.Fprintf(s, "- %s: %s\n", tool, r.Versions[tool])
	}
}

func (r *results) goalTable(s *strings.Builder) {
	s.WriteString("\n## What is to be reached\n\n" +
		"| case | compared with | measured | ratio or value | target | reached |\n| --- | --- | --- | --- | --- | --- |\n")
	for _, g := range r.goals() {
		sign, verdict, got := "≤", "**no**", fmt.Sprintf("%.2f", g.got)
		if g.least {
			sign = "≥"
		}
		switch {
		case !g.known:
			verdict, got = "not run", "–"
		case g.reached():
			verdict = "yes"
		}
		fmt.Fprintf(s, "| %s | %s | %s | %s | %s %.4g | %s |\n", g.what, g.against, g.figures, got, sign, g.want, verdict)
	}
}

// cell shows a median.
func (r *results) cell(form, id, tool, quantity string) string {
	if m, ok := r.get(id, tool, quantity).median(); ok {
		return fmt.Sprintf(form, m)
	}
	return "–"
}

func (r *results) sequentialTable(s *strings.Builder) {
	s.WriteString("\n## Sequential\n\n![](benchmarks/sequential.svg)\n\nMB/s, and processor seconds a GB of all processes of the mount.\n\n" +
		"| | 1 stream | CPU | 4 streams | CPU | 20 ms, 100 MB/s a connection | CPU |\n| --- | --- | --- | --- | --- | --- | --- |\n")
	for _, t := range []*tool{ours, s3fs, rclone, rclone16, crypt4ghf} {
		fmt.Fprintf(s, "| %s |", t.title())
		for _, id := range []string{"seq-1", "seq-4", "seq-far"} {
			fmt.Fprintf(s, " %s | %s |", r.cell("%.0f", id, t.name, rate), r.cell("%.2f", id, t.name, "CPU s/GB"))
		}
		s.WriteString("\n")
	}
	fmt.Fprintf(s, "| limit of the parts | %s | %s | %s | %s | %.0f | |\n",
		r.cell("%.0f", "parts-1", "parts", "limit MB/s"), r.cell("%.2f", "parts-1", "parts", "mount CPU s/GB"),
		r.cell("%.0f", "parts-4", "parts", "limit MB/s"), r.cell("%.2f", "parts-4", "parts", "mount CPU s/GB"), farLimit())
	fmt.Fprintf(s, "| bare GETs, %d of %d MiB | | | | | %s | |\n", farGets, farPart>>20, r.cell("%.0f", "gets-far", "parts", rate))
}

func (r *results) matrixTable(s *strings.Builder) {
	s.WriteString("\n## Sequential, by distance\n\n![](benchmarks/distance.svg)\n\nMB/s of one stream, for at most 4 s from its beginning.\n\n| first byte | rate a connection |")
	tools := []*tool{ours, s3fs, rclone, rclone16}
	for _, t := range tools {
		fmt.Fprintf(s, " %s |", t.title())
	}
	s.WriteString("\n| --- | --- |" + strings.Repeat(" --- |", len(tools)) + "\n")
	for _, first := range firstBytes {
		for _, perSecond := range rates {
			fmt.Fprintf(s, "| %s | %s |", millis(first), rateName(perSecond))
			for _, t := range tools {
				fmt.Fprintf(s, " %s |", r.cell("%.0f", matrixID(lights3.Shape{FirstByte: first, Rate: perSecond}), t.name, rate))
			}
			s.WriteString("\n")
		}
	}
}

func rateName(perSecond int64) string {
	if perSecond == 0 {
		return "unlimited"
	}
	return fmt.Sprintf("%d MB/s", perSecond/mega)
}

func (r *results) randomTable(s *strings.Builder) {
	s.WriteString("\n## Random\n\n![](benchmarks/random.svg)\n\nThe median of a read in ms, and in parentheses the bytes fetched over the segments " +
		"that the reads touch. A low median with a high factor is a tool that fetches around each read and mostly finds the next one there: " +
		"its 90th percentile is far higher, and the object here isn't much larger than what it fetches.\n\n" +
		"| first byte | read | depth | bare GET | allasfs | s3fs (16 streams) | rclone (default) | crypt4ghfs (over s3fs) |\n" +
		"| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, first := range firstBytes {
		for _, size := range []int{4 << 10, 64 << 10, 1 << 20} {
			for _, depth := range []int{1, 16} {
				id := randomID(lights3.Shape{FirstByte: first}, size, depth)
				fmt.Fprintf(s, "| %s | %d KiB | %d | %s |", millis(first), size>>10, depth, r.cell("%.2f", id, "parts", "p50 ms"))
				for _, t := range []*tool{ours, s3fs, rclone, crypt4ghf} {
					fmt.Fprintf(s, " %s |", r.randomCell(id, t))
				}
				s.WriteString("\n")
			}
		}
	}
}

func (r *results) randomCell(id string, t *tool) string {
	if _, ok := r.get(id, t.name, "p50 ms").median(); !ok {
		return "–"
	}
	return r.cell("%.2f", id, t.name, "p50 ms") + " (" + r.cell("%.3g", id, t.name, "fetched/touched") + ")"
}

func (r *results) otherTable(s *strings.Builder) {
	fmt.Fprintf(s, "\n## Other\n\n| | allasfs | s3fs (16 streams) | rclone (default) | crypt4ghfs (over s3fs) |\n| --- | --- | --- | --- | --- |\n")
	line := func(what, form, id, quantity string) {
		fmt.Fprintf(s, "| %s |", what)
		for _, t := range []*tool{ours, s3fs, rclone, crypt4ghf} {
			fmt.Fprintf(s, " %s |", r.cell(form, id, t.name, quantity))
		}
		s.WriteString("\n")
	}
	line("from the start to the first answer, ms", "%.0f", "mount", "ms")
	line(fmt.Sprintf("%d files at once: resident memory at most, MiB", smallFiles), "%.0f", "open-200", "resident MiB")
	line(fmt.Sprintf("%d files at once: MB/s", smallFiles), "%.0f", "open-200", rate)
	line(fmt.Sprintf("%d files round-robin: MB/s", manyFiles), "%.0f", "robin", rate)
	for _, size := range regionSizes {
		id := fmt.Sprintf("region-%d", size>>10)
		line(fmt.Sprintf("regions of %d KiB, 20 ms: round trips", size>>10), "%.2f", id, "round trips")
		line(fmt.Sprintf("regions of %d KiB, 20 ms: bytes fetched over the region", size>>10), "%.2f", id, "fetched/region")
	}
}

func (r *results) partsTable(s *strings.Builder) {
	s.WriteString("\n## The parts\n\nThe limit is the least of: bare GETs of 8 MiB on 4 connections; a mount of files of zeros; opening on all " +
		"cores; and all cores over the sum of the processor seconds of all of them, with the server's and the reader's.\n\n" +
		"| | MB/s | CPU s/GB |\n| --- | --- | --- |\n")
	for _, p := range []struct{ what, part string }{
		{"range GETs", "GETs"}, {"opening segments, one core", "opening"}, {"zero-file mount, 1 stream", "zero file"},
		{"the server", "server"}, {"the reader", "reader"},
	} {
		fmt.Fprintf(s, "| %s | %s | %s |\n", p.what, r.cell("%.0f", "parts-1", "parts", p.part+" MB/s"),
			r.cell("%.2f", "parts-1", "parts", p.part+" CPU s/GB"))
	}
}

func (r *results) failureList(s *strings.Builder) {
	if len(r.Failures) == 0 {
		return
	}
	s.WriteString("\n## Not run\n\n")
	for _, k := range slices.Sorted(maps.Keys(r.Failures)) {
		id, tool, _ := strings.Cut(k, "|")
		fmt.Fprintf(s, "- %s, %s: %s\n", id, tool, strings.Join(strings.Fields(r.Failures[k]), " "))
	}
}
