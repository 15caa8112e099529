package main

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"allasfs/fs"
)

// statusCollector makes metrics of a mount's status, all of one moment. No label names a bucket or an object.
type statusCollector struct {
	status func() fs.Status
}

// metric is a metric that is a single number of the status. The unit is in the name.
type metric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*fs.Status) float64
}

func counter(name, help string, value func(*fs.Status) int64) metric {
	return metric{describe(name, help), prometheus.CounterValue, func(s *fs.Status) float64 { return float64(value(s)) }}
}

func gauge(name, help string, value func(*fs.Status) int64) metric {
	return metric{describe(name, help), prometheus.GaugeValue, func(s *fs.Status) float64 { return float64(value(s)) }}
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("allasfs_"+name, help, labels, nil)
}

// mountMetrics are those that every mount has.
var mountMetrics = []metric{
	counter("reads_total", "Reads that ended.", func(s *fs.Status) int64 { return s.Cache.Reads }),
	counter("read_asked_bytes_total", "Plaintext bytes that reads asked for.", func(s *fs.Status) int64 { return s.Cache.AskedBytes }),
	counter("read_served_bytes_total", "Plaintext bytes that reads got.", func(s *fs.Status) int64 { return s.Cache.ServedBytes }),
	counter("fetches_total", "Range GETs for segments, without their retries.", func(s *fs.Status) int64 { return s.Cache.Gets }),
	counter("fetches_ahead_total", "Range GETs that read-ahead sent.", func(s *fs.Status) int64 { return s.Cache.AheadGets }),
	counter("fetched_bytes_total", "Ciphertext bytes of segments received whole.", func(s *fs.Status) int64 { return s.Cache.FetchedBytes }),
	counter("fetched_ahead_bytes_total", "Ciphertext bytes of them that read-ahead asked for.", func(s *fs.Status) int64 { return s.Cache.AheadBytes }),
	counter("fetched_wasted_bytes_total", "Ciphertext bytes of them that were dropped before a read came.", func(s *fs.Status) int64 { return s.Cache.WastedBytes }),
	counter("segment_memory_hits_total", "Segments that were in memory when a read came.", func(s *fs.Status) int64 { return s.Cache.Hits }),
	counter("segment_waits_total", "Segments that were being brought when a read came.", func(s *fs.Status) int64 { return s.Cache.Waits }),
	counter("segment_misses_total", "Segments that a read had to ask for.", func(s *fs.Status) int64 { return s.Cache.Misses }),
	counter("segment_disk_hits_total", "Segments brought from the disk cache.", func(s *fs.Status) int64 { return s.Cache.DiskHits }),
	counter("segment_unused_total", "Segments that were read ahead and dropped before a read came.", func(s *fs.Status) int64 { return s.Cache.Unused }),
	gauge("segments_pending", "Segments that are being brought.", func(s *fs.Status) int64 { return int64(s.Cache.Pending) }),
	gauge("memory_used_bytes", "Memory that segments take.", func(s *fs.Status) int64 { return s.Cache.UsedBytes }),
	gauge("memory_limit_bytes", "Memory that segments may take.", func(s *fs.Status) int64 { return s.Cache.LimitBytes }),
	gauge("open_files", "Files that are open.", func(s *fs.Status) int64 { return s.OpenFiles }),
	gauge("mount_time_seconds", "When the mount was made, in seconds since 1970.", func(s *fs.Status) int64 { return s.Begun.Unix() }),
	counter("store_received_bytes_total", "Bytes of object bodies received, as stored.", func(s *fs.Status) int64 { return s.Store.ReceivedBytes }),
}

// diskMetrics are those of a mount with a disk cache.
var diskMetrics = []metric{
	counter("disk_written_segments_total", "Segments written to the disk cache.", func(s *fs.Status) int64 { return s.Cache.Disk.Writes }),
	counter("disk_dropped_segments_total", "Segments not written, because the disk was slow or failed.", func(s *fs.Status) int64 { return s.Cache.Disk.Dropped }),
	counter("disk_evicted_files_total", "Files removed from the disk cache for room.", func(s *fs.Status) int64 { return s.Cache.Disk.Evicted }),
	gauge("disk_used_bytes", "Disk space that the disk cache takes.", func(s *fs.Status) int64 { return s.Cache.Disk.Bytes }),
	gauge("disk_limit_bytes", "Disk space that the disk cache may take.", func(s *fs.Status) int64 { return s.Cache.Disk.Limit }),
}

// The metrics with labels.
var (
	requestsDesc = describe("store_requests_total", "Requests sent to the store, retries included.", "operation")
	inFlightDesc = describe("store_requests_in_flight", "Requests under way.", "operation")
	latencyDesc  = describe("store_latency_seconds", "Time to the answer, for a get to the first byte of the body; without requests that failed.", "operation")
	causesDesc   = describe("store_errors_total", "Requests that failed, those that were tried again included.", "operation", "cause")
	errorsDesc   = describe("errors_total", "Operations on files and directories that failed.", "cause", "errno")
)

// Describe implements [prometheus.Collector].
func (c *statusCollector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range slices.Concat(mountMetrics, diskMetrics) {
		out <- m.desc
	}
	for _, desc := range []*prometheus.Desc{requestsDesc, inFlightDesc, latencyDesc, causesDesc, errorsDesc} {
		out <- desc
	}
}

// Collect implements [prometheus.Collector].
func (c *statusCollector) Collect(out chan<- prometheus.Metric) {
	s := c.status()
	send := func(m metric) { out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.value(&s)) }
	for _, m := range mountMetrics {
		send(m)
	}
	if s.Cache.Disk != nil {
		for _, m := range diskMetrics {
			send(m)
		}
	}
	for _, f := range s.Errors {
		out <- prometheus.MustNewConstMetric(errorsDesc, prometheus.CounterValue, float64(f.Count), f.Cause, f.Errno)
	}
	collectRequests(&s, out)
}

func collectRequests(s *fs.Status, out chan<- prometheus.Metric) {
	for op, r := range s.Store.Requests {
		out <- prometheus.MustNewConstMetric(requestsDesc, prometheus.CounterValue, float64(r.Sent), op)
		out <- prometheus.MustNewConstMetric(inFlightDesc, prometheus.GaugeValue, float64(r.InFlight), op)
		for cause, n := range r.Errors {
			out <- prometheus.MustNewConstMetric(causesDesc, prometheus.CounterValue, float64(n), op, cause)
		}
		within, n := make(map[float64]uint64), uint64(0)
		for i, bound := range r.Latency.Bounds {
			n += uint64(r.Latency.Counts[i])
			within[bound] = n
		}
		out <- prometheus.MustNewConstHistogram(latencyDesc, uint64(r.Latency.Count()), r.Latency.Sum, within, op)
	}
}
