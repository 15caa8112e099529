package main

import (
	"cmp"
	"fmt"
	"time"
)

// goal is a row of the table of what is to be reached.
type goal struct {
	what    string // the case
	against string // what it is compared with
	figures string // both sides, as measured
	got     float64
	want    float64
	least   bool // got is to be at least want; otherwise at most
	known   bool // it was measured
}

func (g goal) reached() bool {
	if g.least {
		return g.got >= g.want
	}
	return g.got <= g.want
}

// quantity is a place in the results.
type quantity struct{ id, tool, what string }

func (r *results) at(q quantity) values { return r.get(q.id, q.tool, q.what) }

// figures shows medians.
func (r *results) figures(form string, all ...quantity) string {
	out := ""
	for i, q := range all {
		if i > 0 {
			out += " / "
		}
		if m, ok := r.at(q).median(); ok {
			out += fmt.Sprintf(form, m)
		} else {
			out += "–"
		}
	}
	return out
}

// ratio is a goal for a over b, the median of the quotients of each round.
func (r *results) ratio(what, against, form string, a, b quantity, want float64, least bool) goal {
	got, known := r.at(a).over(r.at(b)).median()
	return goal{what, against, r.figures(form, a, b), got, want, least, known}
}

// above is a goal for a over b in milliseconds, the median of the differences of each round.
func (r *results) above(what, against string, a, b quantity, want float64) goal {
	got, known := r.at(a).with(r.at(b), func(x, y float64) float64 { return max(x-y, 0) }).median()
	return goal{what, against, r.figures("%.3g ms", a, b), got, want, false, known}
}

// alone is a goal for one quantity.
func (r *results) alone(what, against, form string, a quantity, scale, want float64, least bool) goal {
	got, known := r.at(a).median()
	return goal{what, against, r.figures(form, a), got / scale, want, least, known}
}

// goals returns all rows.
func (r *results) goals() []goal {
	var all []goal
	all = append(all, r.sequentialGoals("seq-1", "parts-1", "1 stream")...)
	all = append(all, r.sequentialGoals("seq-4", "parts-4", "4 streams")...)
	all = append(all, r.farGoals()...)
	all = append(all, r.randomGoals()...)
	all = append(all, r.regionGoals()...)
	all = append(all, r.manyGoals()...)
	all = append(all, r.againGoals()...)
	all = append(all, r.programGoals()...)
	return append(all, r.costGoals()...)
}

const rate = "MB/s"

func (r *results) sequentialGoals(id, parts, streams string) []goal {
	what := "sequential, near, " + streams
	mine := quantity{id, ours.name, rate}
	against := func(t *tool, want float64) goal {
		return r.ratio(what, t.title(), "%.0f MB/s", mine, quantity{id, t.name, rate}, want, true)
	}
	return []goal{
		against(s3fs, 1), against(rclone, 3), against(crypt4ghf, 2.3),
		r.ratio(what, "the limit of the parts", "%.0f MB/s", mine, quantity{parts, "parts", "limit MB/s"}, 0.8, true),
	}
}

func (r *results) farGoals() []goal {
	const id, what = "seq-far", "sequential, 20 ms, 100 MB/s a connection"
	mine := quantity{id, ours.name, rate}
	against := func(t *tool, want float64) goal {
		return r.ratio(what, t.title(), "%.0f MB/s", mine, quantity{id, t.name, rate}, want, true)
	}
	limit := r.alone(what, fmt.Sprintf("N·R/(TTFB + R/bw), %d GETs of %d MiB: %.0f MB/s", farGets, farPart>>20, farLimit()),
		"%.0f MB/s", mine, farLimit(), 0.75, true)
	return []goal{against(rclone, 11), against(s3fs, 1.2), against(rclone16, 2.2), limit}
}

func (r *results) randomGoals() (all []goal) {
	for _, kib := range []int{4, 64} {
		what := fmt.Sprintf("random %d KiB, cold", kib)
		id := randomID(near, kib<<10, 1)
		p50 := func(id, who string) quantity { return quantity{id, who, "p50 ms"} }
		all = append(all, r.above(what+", near: p50", "bare range GET, ms more", p50(id, ours.name), p50(id, "parts"), 0.3))
		id = randomID(away, kib<<10, 1)
		all = append(all, r.alone(what+", 20 ms: p50", "round trips", "%.1f ms", p50(id, ours.name), 20, 1.1, false))
		for _, depth := range []int{1, 16} {
			for _, id := range []string{randomID(near, kib<<10, depth), randomID(away, kib<<10, depth)} {
				all = append(all, r.alone(fmt.Sprintf("%s, depth %d, %s: bytes", what, depth, place(id)), "segments touched", "%.2f",
					quantity{id, ours.name, "fetched/touched"}, 1, 1.02, false))
			}
		}
	}
	return all
}

// place says how far the store of a random case is.
func place(id string) string {
	if id[len(id)-3:] == "-0s" {
		return "near"
	}
	return "20 ms"
}

func (r *results) regionGoals() (all []goal) {
	trips, bytes := []float64{1.25, 1.6, 3}, []float64{6, 4, 2.5}
	for i, size := range regionSizes {
		id := fmt.Sprintf("region-%d", size>>10)
		what := fmt.Sprintf("regions of %d KiB, 20 ms", size>>10)
		all = append(all,
			r.alone(what+": p50", "round trips", "%.2f", quantity{id, ours.name, "round trips"}, 1, trips[i], false),
			r.alone(what+": bytes", "the region", "%.2f", quantity{id, ours.name, "fetched/region"}, 1, bytes[i], false))
	}
	return all
}

func (r *results) manyGoals() []goal {
	what := fmt.Sprintf("%d files round-robin in 128 KiB reads", manyFiles)
	return []goal{
		r.alone(what+": bytes", "one pass", "%.3f", quantity{"robin", ours.name, "fetched/read"}, 1, 1.1, false),
		r.ratio(what, "one stream", "%.0f MB/s", quantity{"robin", ours.name, rate}, quantity{"seq-1", ours.name, rate}, 0.7, true),
	}
}

func (r *results) againGoals() []goal {
	again := func(id, who, what string) quantity { return quantity{id, who, what} }
	return []goal{
		r.ratio("again from page cache", "tmpfs", "%.0f MB/s", again("pages", ours.name, rate), again("pages", "tmpfs", rate), 0.9, true),
		r.alone("again from memory tier, random 64 KiB: bytes", "nothing", "%.0f", again("memory", ours.name, "fetched"), 1, 0, false),
		r.above("again from memory tier, random 64 KiB: p50", "zero-file mount, ms more",
			again("memory", ours.name, "p50 ms"), again("memory", zeros.name, "p50 ms"), 0.1),
		r.alone("again from disk tier, after a restart: bytes", "nothing", "%.0f", again("disk", ours.name, "fetched"), 1, 0, false),
		r.ratio("again from disk tier, after a restart", "opening from a file, one core", "%.0f MB/s",
			again("disk", ours.name, rate), again("disk", "parts", rate), 0.7, true),
	}
}

func (r *results) programGoals() (all []goal) {
	for _, p := range programs() {
		all = append(all, r.ratio(p.name, "plaintext on tmpfs", "%.3g s",
			quantity{"programs", p.name, "s"}, quantity{"programs", p.name, "s on tmpfs"}, 1.2, false))
	}
	return all
}

const budgetMiB = 512 // the default memory for segments

func (r *results) costGoals() []goal {
	parts, _ := r.get("parts-1", "parts", "mount CPU s/GB").median()
	cpu := r.alone("CPU of the mount, sequential, near, 1 stream: s/GB", fmt.Sprintf("0.95, or 1.2 × its parts (%.2f)", parts),
		"%.2f", quantity{"seq-1", ours.name, "CPU s/GB"}, 1, max(0.95, 1.2*parts), false)
	memory := r.alone(fmt.Sprintf("resident memory, %d files read at once: MiB", smallFiles), "budget and 150 MiB", "%.0f",
		quantity{"open-200", ours.name, "resident MiB"}, 1, budgetMiB+150, false)
	return []goal{memory, cpu}
}

// title is the name of a tool with what has to be known of it.
func (t *tool) title() string {
	if t.note == "" {
		return t.name
	}
	return t.name + " (" + cmp.Or(t.note, t.name) + ")"
}

func millis(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
