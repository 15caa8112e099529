package main

import (
	"image/color"
	"path/filepath"
	"time"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	_ "gonum.org/v1/plot/vg/vgsvg" // Save writes .svg with it

	"allasfs/test/bench/lights3"
)

const (
	plotDir    = "benchmarks" // below the directory of benchmarks.md
	plotWidth  = 17 * vg.Centimeter
	plotHeight = 9 * vg.Centimeter
)

// The colours differ in lightness too, for those who don't see them and for print.
var colours = []color.Color{
	color.RGBA{0x00, 0x44, 0x88, 0xff}, color.RGBA{0xdd, 0xaa, 0x33, 0xff}, color.RGBA{0xbb, 0x55, 0x66, 0xff},
	color.RGBA{0x88, 0x88, 0x88, 0xff}, color.RGBA{0x33, 0xbb, 0xaa, 0xff},
}

// plots writes the SVG files.
func (r *results) plots(dir string) error {
	for file, draw := range map[string]func() (*plot.Plot, error){
		"sequential.svg": r.sequentialPlot, "distance.svg": r.distancePlot, "random.svg": r.randomPlot,
	} {
		p, err := draw()
		if err != nil {
			return err
		}
		if err := p.Save(plotWidth, plotHeight, filepath.Join(dir, file)); err != nil {
			return err
		}
	}
	return nil
}

func newPlot(title, y string) *plot.Plot {
	p := plot.New()
	for _, style := range []*font.Font{
		&p.Title.TextStyle.Font, &p.X.Label.TextStyle.Font, &p.Y.Label.TextStyle.Font, &p.X.Tick.Label.Font,
		&p.Y.Tick.Label.Font, &p.Legend.TextStyle.Font,
	} {
		style.Variant, style.Size = "Sans", vg.Points(9) // small, because browsers take a wider font
	}
	p.Title.Text, p.Y.Label.Text, p.Y.Min = title, y, 0
	p.Legend.Top, p.Legend.Left = true, true
	p.Add(plotter.NewGrid())
	return p
}

// bars draws groups of bars, one of each group for each name in the legend.
func bars(p *plot.Plot, groups, legend []string, at func(group, bar int) float64) error {
	width := 95.0 / float64(len(legend))
	for i, name := range legend {
		var heights plotter.Values
		for g := range groups {
			heights = append(heights, max(0, at(g, i)))
		}
		chart, err := plotter.NewBarChart(heights, vg.Points(width))
		if err != nil {
			return err
		}
		chart.Color, chart.LineStyle.Width = colours[i], 0
		chart.Offset = vg.Points(width * (float64(i) - float64(len(legend)-1)/2))
		p.Add(chart)
		p.Legend.Add(name, chart)
	}
	p.NominalX(groups...)
	p.Y.Max *= 1.4 // room for the legend
	return nil
}

func (r *results) sequentialPlot() (*plot.Plot, error) {
	p := newPlot("Sequential, cold", "MB/s")
	ids := []string{"seq-1", "seq-4", "seq-far"}
	tools := []*tool{ours, s3fs, rclone, crypt4ghf, rclone16}
	return p, bars(p, []string{"near, 1 stream", "near, 4 streams", "20 ms, 100 MB/s"}, titles(tools),
		func(group, bar int) float64 {
			m, _ := r.get(ids[group], tools[bar].name, rate).median()
			return m
		})
}

func titles(tools []*tool) (all []string) {
	for _, t := range tools {
		all = append(all, t.title())
	}
	return all
}

// line adds a curve over the times to the first byte.
func line(p *plot.Plot, i int, name string, at func(time.Duration) (float64, bool)) error {
	var points plotter.XYs
	for _, first := range firstBytes {
		if y, ok := at(first); ok {
			points = append(points, plotter.XY{X: float64(first.Milliseconds()), Y: y})
		}
	}
	if len(points) == 0 {
		return nil
	}
	curve, dots, err := plotter.NewLinePoints(points)
	if err != nil {
		return err
	}
	curve.Color, curve.Width, dots.Color = colours[i], vg.Points(2), colours[i]
	p.Add(curve, dots)
	p.Legend.Add(name, curve)
	return nil
}

// roomForLegend finishes a plot of lines.
func roomForLegend(p *plot.Plot) {
	p.X.Label.Text = "time to the first byte, ms"
	p.Y.Max *= 1.4
}

func (r *results) distancePlot() (*plot.Plot, error) {
	p := newPlot("Sequential, one stream, 100 MB/s a connection", "MB/s")
	defer roomForLegend(p)
	for i, t := range []*tool{ours, s3fs, rclone, rclone16} {
		if err := line(p, i, t.title(), func(first time.Duration) (float64, bool) {
			return r.get(matrixID(lights3.Shape{FirstByte: first, Rate: 100 * mega}), t.name, rate).median()
		}); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (r *results) randomPlot() (*plot.Plot, error) {
	p := newPlot("Random reads, cold, depth 1: p50 above the time to the first byte", "ms")
	defer roomForLegend(p)
	i := 0
	for _, size := range []int{4 << 10, 64 << 10} {
		for _, who := range []string{ours.name, "parts"} {
			if err := line(p, i, randomLegend(who, size), func(first time.Duration) (float64, bool) {
				m, ok := r.get(randomID(lights3.Shape{FirstByte: first}, size, 1), who, "p50 ms").median()
				return m - float64(first.Milliseconds()), ok
			}); err != nil {
				return nil, err
			}
			i++
		}
	}
	return p, nil
}

func randomLegend(who string, size int) string {
	what := map[int]string{4 << 10: "4 KiB", 64 << 10: "64 KiB"}[size]
	if who == "parts" {
		return "bare GET of the segment, " + what
	}
	return who + ", " + what
}
