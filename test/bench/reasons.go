package main

import (
	"fmt"
	"strings"
)

// reason says why cases whose name begins in some way may not be reached, and what was tried.
type reason struct{ cases, against, text string }

// reasons returns what is known of the goals that weren't reached at some time.
func reasons() []reason {
	const latency = "Each jump is a GET of its own, and waits for it: some 0.3 ms through FUSE, the store's client and the opening of a " +
		"segment, where a local read takes 0.01 ms. Bare GETs of one segment for 200 jumps take 25 ms by themselves, with FUSE's part 40, so that 1.2 is out of " +
		"reach for regions of 1 kb. Tried: GETs without the SDK's middlewares and memory made ready beside the reads (both kept: a fifth less time for 1 kb), " +
		"to bring with the jump what was read behind the last ones (kept: a third fewer GETs), to bring no more of that than a round trip is worth (fewer bytes, " +
		"more GETs, the same time), kernel read-ahead of 128 and 512 KiB (no gain), to let the waiting reader run as soon as its segment is open (no gain)."
	const start = "It takes milliseconds on tmpfs. The mount has to ask for what tmpfs has: two directories' names, the index under three names, two headers, the first " +
		"and the last bytes of the file, and the index, some ten requests of 0.3 to 0.4 ms one after the other. Bare, they would take 1.3 ms. Tried: GETs without the " +
		"SDK's middlewares (kept). Not tried: to answer for the index from what the lookup of the file has listed."
	return []reason{
		{"sequential, near", rclone.title(), "All of it shares two cores, and they are busy throughout: the mount, the server and the reader together need some 1.6 " +
			"processor seconds a GB, so that 1.25 GB/s is the most that can come out. That is just three times rclone's rate with one stream, and twice its " +
			"rate with four. Of the mount's time, two fifths are the cipher of x/crypto, and a third is the kernel's copying from the socket and to FUSE. Tried: windows of 4 to 32 MiB in GETs of 1 to 4 MiB, plaintext that begins at a page of " +
			"memory (all within 3 %), GETs without the SDK's middlewares (kept: 2 to 3 %), whole files that earn their window sooner (kept: no gain near by). Not tried: a " +
			"cipher of our own for AVX-512."},
		{"sequential, near", "the limit of the parts", "The parts were measured one by one, and together they wait for each other on two cores: what arrives has " +
			"to be opened and handed over by other threads. Tried: as in the lines above, and a window that follows the least time to an answer instead of the mean " +
			"(kept: 15 %)."},
		{"sequential, 20 ms", "", "A GB takes about a second here, of which 60 ms are three round trips until the first byte and some 60 ms pass until the window is full; " +
			"then both cores are busy. On 2026-11-26 the first two rounds gave 1060 and 1090 MB/s (11 × rclone, 0.83 of the formula) and the last three 820 to 880, at " +
			"half as much processor time again. s3fs went from 1.3 to 2.0 seconds a GB as well, rclone hardly changed. A profile taken afterwards has twice the time in what the " +
			"kernel copies to the page cache; that this virtual machine has to get that memory back from its host is a guess. The same read is in the table by distance. Tried: windows that grow eightfold from the beginning of a file in GETs that bring " +
			"them soonest (kept: a tenth, side by side), GETs of 4 MiB instead of 8 (kept), the window measured instead of fixed (kept), a window for 1 or 1.5 GiB/s " +
			"instead of 2 (a quarter less)."},
		{"again from page cache", "", "It is the kernel alone that copies, in both cases."},
		{"CPU of the mount", "", "Beyond its parts the mount needs the processor for HTTP requests of 2 MiB, locks and hand-over between threads. Tried: larger GETs and " +
			"windows (the segments leave the processor's cache, and it gets dearer), buffers on huge pages and windows that don't grow for a near store (both kept)."},
		{"samtools view", "", latency},
		{"samtools idxstats", "", start},
		{"bcftools", "", start},
		{"md5sum", "", "md5sum fills one of two cores, so that the other one has the mount, the server and what the kernel copies: together they need as long as " +
			"md5sum itself, and each wait for the other adds to it. Tried: as for one stream near by; kernel read-ahead of 128 KiB (a sixth slower) and 512 KiB (no gain)."},
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
	for i, g := range missed {
		fmt.Fprintf(s, "- %s, compared with %s.\n", g.what, g.against)
		if i+1 == len(missed) || missed[i+1].why() != g.why() { // once for neighbours that have it in common
			fmt.Fprintf(s, "\n  %s\n\n", g.why())
		}
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
