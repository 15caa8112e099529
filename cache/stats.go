package cache

import "allasfs/cache/disk"

// Stats counts what a cache has done since it was made.
type Stats struct {
	Reads       int64 `json:"reads"`        // reads that ended
	AskedBytes  int64 `json:"asked_bytes"`  // plaintext bytes that they asked for, none behind the end of a file
	ServedBytes int64 `json:"served_bytes"` // plaintext bytes handed to readers

	Gets         int64 `json:"gets"`          // range GETs sent, each counted once whatever its retries
	AheadGets    int64 `json:"ahead_gets"`    // those of them that read-ahead sent
	FetchedBytes int64 `json:"fetched_bytes"` // ciphertext bytes of segments received whole
	AheadBytes   int64 `json:"ahead_bytes"`   // those of them that read-ahead asked for
	WastedBytes  int64 `json:"wasted_bytes"`  // those of them that were dropped before a read came

	Hits     int64 `json:"hits"`      // segments that were ready when a read came
	Waits    int64 `json:"waits"`     // segments that were pending when a read came
	Misses   int64 `json:"misses"`    // segments that a read had to ask for
	DiskHits int64 `json:"disk_hits"` // segments that the disk tier had, asked for by a read or by read-ahead
	Unused   int64 `json:"unused"`    // segments that read-ahead brought and no read came to

	Pending    int   `json:"pending"`     // segments that are being brought now
	Used       int   `json:"-"`           // segments that take of the budget now
	Limit      int   `json:"-"`           // segments that the budget allows
	UsedBytes  int64 `json:"used_bytes"`  // memory that Used takes
	LimitBytes int64 `json:"limit_bytes"` // memory that Limit stands for

	// Disk is what the disk tier has counted; nil where there is none.
	Disk *disk.Stats `json:"disk,omitempty"`
}

// Stats returns the counters as they are now.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	s := c.stats
	s.Pending, s.Used, s.Limit = len(c.pending), c.used, c.limit
	c.mu.Unlock()
	s.UsedBytes, s.LimitBytes = int64(s.Used)*bufferSize, int64(s.Limit)*bufferSize
	if c.disk != nil {
		d := c.disk.Stats()
		s.Disk = &d
	}
	return s
}
