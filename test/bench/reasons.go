package main

import (
	"fmt"
	"strings"
)

// reason says why cases whose name begins in some way may not be reached, and what was tried.
type reason struct{ cases, against, text string }

// reasons returns what is known of the goals that weren't reached at some time.
func reasons() []reason {
	const latency = "Each jump is a GET of its own, and waits for it: 0.4 ms through FUSE, the store's client and the opening of a " +
		"segment, where a local read takes 0.01 ms. With its read-ahead the kernel asks for 280 KiB where htslib wants 64 or 96. Tried: to let the " +
		"waiting reader run as soon as its segment is open (no gain), to bring with the jump what was read behind the last ones (a third fewer GETs), " +
		"less read-ahead of the kernel (a quarter less of the sequential rate)."
	const start = "It takes milliseconds on tmpfs. The mount first has to look up the file and its index, which are two or three " +
		"listings, and to read two headers: some 0.4 ms each."
	return []reason{
		{"sequential, near", rclone.title(), "All of it shares two cores: the mount, the server, the reader. Together they need some 1.6 processor seconds a " +
			"GB, so that 1.25 GB/s is the most that can come out, and what the parts alone would give (the limit of the parts) is just three times rclone's " +
			"rate. Tried: windows of 4 to 32 MiB in GETs of 1 to 4 MiB, plaintext that begins at a page of memory: all within 3 %."},
		{"sequential, near", "the limit of the parts", "The parts were measured one by one, and together they wait for each other on two cores: what arrives has " +
			"to be opened and handed over by other threads. Tried: as in the line above, and a window that follows the least time to an answer instead of the mean " +
			"(kept: 15 %)."},
		{"sequential, 20 ms", "", "A GB takes one second here, and 0.3 s of it pass until the first 128 MiB are there, because a window isn't larger than what was read already. " +
			"The same read is in the table by distance. " +
			"Tried: windows that grow fourfold after 8 MiB (kept), GETs of 4 MiB instead of 8 (kept), the window measured instead of fixed (kept)."},
		{"again from page cache", "", "It is the kernel alone that copies, in both cases; runs have given anything from 0.7 to 1.3."},
		{"CPU of the mount", "", "Beyond its parts the mount needs the processor for HTTP requests of 2 MiB, locks and hand-over between threads. Tried: larger GETs and " +
			"windows (the segments leave the processor's cache, and it gets dearer), buffers on huge pages and windows that don't grow for a near store (both kept)."},
		{"samtools view", "", latency},
		{"samtools idxstats", "", start},
		{"bcftools", "", start},
		{"md5sum", "", "md5sum fills one of two cores, so that the other one has the mount, the server and what the kernel copies: 1.1 is the best there can be."},
		{"fastqc", "", "A program of several threads fills both cores by itself, and shares them with the mount and the server here."},
		{"again from disk tier", "", "Reading the tier's files and the reply to the kernel come on top of opening, and checking for damage too; two cores give less than two of one."},
	}
}

// reasonList names each goal that wasn't reached, with its reason.
func (r *results) reasonList(s *strings.Builder) {
	var missed []goal
	for _, g := range r.goals() {
		if g.known && !g.reached() {
			missed = append(missed, g)
		}
	}
	if len(missed) == 0 {
		return
	}
	s.WriteString("\nNot reached:\n\n")
	for _, g := range missed {
		fmt.Fprintf(s, "- %s, compared with %s. %s\n", g.what, g.against, g.why())
	}
}

func (g goal) why() string {
	for _, r := range reasons() {
		if strings.HasPrefix(g.what, r.cases) && (r.against == "" || r.against == g.against) {
			return r.text
		}
	}
	return "The reason isn't known."
}
