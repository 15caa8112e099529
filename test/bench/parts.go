package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"sync"
	"time"

	"allasfs/c4gh"
)

// The parts of a read, each measured alone: range GETs, opening, FUSE.

// getter sends bare range GETs.
type getter struct {
	client *http.Client
	url    string // of the object
}

func (b *bench) getter(object string, conns int) *getter {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &getter{
		client: &http.Client{Transport: &http.Transport{
			MaxIdleConnsPerHost: conns, DisableCompression: true, Protocols: &protocols,
		}},
		url: b.control.URL + "/" + bucket + "/" + object + suffix,
	}
}

func (g *getter) close() { g.client.CloseIdleConnections() }

// get reads n bytes at off through buf.
func (g *getter) get(off, n int64, buf []byte) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, g.url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", off, off+n-1))
	resp, err := g.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusPartialContent {
		return errors.New(resp.Status)
	}
	var got int64
	for {
		m, err := resp.Body.Read(buf)
		got += int64(m)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
	}
	if got != n {
		return fmt.Errorf("%d bytes instead of %d", got, n)
	}
	return nil
}

// whole reads an object of size bytes on several connections, in parts, for at most so long.
func (g *getter) whole(size, part int64, conns int, limit time.Duration) (pass, error) {
	begin := time.Now()
	parts := make(chan int64)
	failures := make([]error, conns)
	var all sync.WaitGroup
	var mu sync.Mutex
	var sum pass
	for i := range conns {
		all.Go(func() {
			buf := make([]byte, c4gh.SealedSegmentSize)
			for off := range parts {
				n := min(part, size-off)
				failures[i] = errors.Join(failures[i], g.get(off, n, buf))
				mu.Lock()
				sum.bytes += n
				mu.Unlock()
			}
		})
	}
	for off := int64(0); off < size && time.Since(begin) < limit; off += part {
		parts <- off
	}
	close(parts)
	all.Wait()
	sum.took = time.Since(begin)
	return sum, errors.Join(failures...)
}

// opened reads an object's file and opens its segments on one goroutine.
func opened(path string, key *c4gh.SecretKey) (pass, error) {
	f, err := os.Open(path)
	if err != nil {
		return pass{}, err
	}
	defer f.Close()
	header, err := c4gh.ReadHeader(f)
	if err != nil {
		return pass{}, err
	}
	body, err := header.Open([]*c4gh.SecretKey{key}, c4gh.OpenOptions{})
	if err != nil {
		return pass{}, err
	}
	begin, sum, buf := time.Now(), pass{}, make([]byte, c4gh.SealedSegmentSize)
	for off := header.Size(); ; off += c4gh.SealedSegmentSize {
		n, err := f.ReadAt(buf, off)
		if err != nil && err != io.EOF {
			return sum, err
		}
		if n == 0 {
			sum.took = time.Since(begin)
			return sum, nil
		}
		plain, err := body.OpenSegment(buf[:n])
		if err != nil {
			return sum, err
		}
		sum.bytes += int64(len(plain))
	}
}

// onlyOpening returns the processor seconds for opening a GB that is in memory.
func onlyOpening(path string, key *c4gh.SecretKey) (float64, error) {
	const segments = 1024
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	header, err := c4gh.ReadHeader(f)
	if err != nil {
		return 0, err
	}
	body, err := header.Open([]*c4gh.SecretKey{key}, c4gh.OpenOptions{})
	if err != nil {
		return 0, err
	}
	buf := make([]byte, segments*c4gh.SealedSegmentSize)
	if _, err := f.ReadAt(buf, header.Size()); err != nil {
		return 0, err
	}
	runtime.GC()
	before := ownCPU()
	for off := 0; off < len(buf); off += c4gh.SealedSegmentSize {
		if _, err := body.OpenSegment(buf[off : off+c4gh.SealedSegmentSize]); err != nil {
			return 0, err
		}
	}
	return (ownCPU() - before).Seconds() / (segments * c4gh.SegmentSize / 1e9), nil
}

// parts measures what a sequential read through a mount can't do without, and writes down the limit that follows.
func (b *bench) parts(id string, streams int) error {
	g := b.getter(largeName(0), 4)
	defer g.close()
	size := b.data.large / c4gh.SegmentSize * c4gh.SealedSegmentSize  // the header is left out
	if _, err := g.whole(size/8, 8<<20, 4, time.Minute); err != nil { // connections, memory
		return err
	}
	client, server := ownCPU(), b.serverCPU()
	got, err := g.whole(size, 8<<20, 4, time.Minute)
	if err != nil {
		return err
	}
	clientCPU, serverCPU := got.perGB(ownCPU()-client), got.perGB(b.serverCPU()-server)
	open, err := onlyOpening(b.data.object(largeName(0)), b.data.secret)
	if err != nil {
		return err
	}
	zero, daemon, readerCPU, err := b.zeroMount(streams)
	if err != nil {
		return err
	}
	all := clientCPU + serverCPU + open + daemon + readerCPU
	cores := float64(runtime.NumCPU())
	limit := min(got.mbps(), zero.mbps(), cores/open*1e3, cores/all*1e3)
	for name, v := range map[string]float64{
		"GETs MB/s": got.mbps(), "zero file MB/s": zero.mbps(), "opening MB/s": 1e3 / open, "limit MB/s": limit,
		"GETs CPU s/GB": clientCPU, "server CPU s/GB": serverCPU, "opening CPU s/GB": open,
		"zero file CPU s/GB": daemon, "reader CPU s/GB": readerCPU, "mount CPU s/GB": clientCPU + open + daemon,
	} {
		b.results.add(id, "parts", name, v)
	}
	return nil
}

// zeroMount reads zero files, and returns the processor seconds a GB of the mount's process and of the reader.
func (b *bench) zeroMount(streams int) (p pass, daemon, reader float64, err error) {
	m, err := b.mount(zeros)
	if err != nil {
		return p, 0, 0, err
	}
	defer b.unmount(m)
	before, own := m.cpu(), ownCPU()
	p, err = sequential(time.Minute, readBlock, m.zeroFiles(streams)...)
	return p, p.perGB(m.cpu() - before), p.perGB(ownCPU() - own), err
}
