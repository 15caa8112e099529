package cache

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"allasfs/c4gh"
	"allasfs/cache/disk"
)

// session runs body with a cache over f's store whose disk tier is in dir, as one mount does, and returns what it
// fetched from the store in bytes.
func (f *fixture) session(dir string, body func(c *Cache)) int64 {
	f.t.Helper()
	tier, err := disk.Open(disk.Options{Dir: dir})
	if err != nil {
		f.t.Fatal(err)
	}
	defer tier.Close()
	before := f.fault.Bytes()
	c := New(f.fault, Options{Budget: leastBudget, Disk: tier})
	defer c.Close()
	body(c)
	return f.fault.Bytes() - before
}

// readAll reads a whole source through c and compares.
func (f *fixture) readAll(c *Cache, src Source, want []byte) {
	f.t.Helper()
	h, err := c.Open(src)
	if err != nil {
		f.t.Fatal(err)
	}
	defer h.Close()
	for off := int64(0); off < int64(len(want)); off += mebibyte {
		if got, err := read(h, off, mebibyte); err != nil || !bytes.Equal(got, window(want, off, mebibyte)) {
			f.t.Fatalf("read at %d: %v", off, err)
		}
	}
}

func TestDiskTierSparesTheStore(t *testing.T) {
	f := newFixture(t, Options{})
	dir := t.TempDir()
	data := random(40, 10*mebibyte+77)
	src := f.sealed("o", data)
	readAll := func(c *Cache) { f.readAll(c, src, data) }
	if got, want := f.session(dir, readAll), src.Version.Size-src.HeaderSize; got != want {
		t.Errorf("the first reading fetched %d bytes of %d", got, want)
	}
	if got := f.session(dir, readAll); got != 0 {
		t.Errorf("the second one, after a restart, fetched %d bytes", got)
	}
}

func TestDiskTierNeverHoldsPlaintext(t *testing.T) {
	f := newFixture(t, Options{})
	dir := t.TempDir()
	data := bytes.Repeat([]byte("plaintext at rest "), 100_000)
	for _, src := range []Source{f.sealed("sealed", data), f.plain("plain", data)} {
		f.session(dir, func(c *Cache) { f.readAll(c, src, data) })
	}
	files := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte("plaintext at")) {
			t.Errorf("%s holds plaintext", path)
		}
		return err
	})
	if err != nil || files == 0 {
		t.Errorf("%d files, %v", files, err)
	}
}

// What somebody put in the place of a segment, checksum and all, isn't authentic: it is fetched again.
func TestForgedSegmentOnDiskIsFetchedAgain(t *testing.T) {
	f := newFixture(t, Options{})
	dir := t.TempDir()
	data := random(41, 4*c4gh.SegmentSize)
	src := f.sealed("o", data)
	tier, err := disk.Open(disk.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	tier.Put(src.Version, 2, random(42, c4gh.SealedSegmentSize))
	tier.Close()
	readAll := func(c *Cache) { f.readAll(c, src, data) }
	if got, want := f.session(dir, readAll), src.Version.Size-src.HeaderSize; got != want {
		t.Errorf("%d bytes were fetched of %d", got, want)
	}
	if got := f.session(dir, readAll); got != 0 {
		t.Errorf("%d bytes were fetched again", got)
	}
}

func TestPartsOnDiskAreNotFetched(t *testing.T) {
	f := newFixture(t, Options{})
	dir := t.TempDir()
	data := random(43, 8*c4gh.SegmentSize)
	src := f.sealed("o", data)
	f.session(dir, func(c *Cache) {
		h, err := c.Open(src)
		if err != nil {
			t.Fatal(err)
		}
		defer h.Close()
		for _, segment := range []int64{2, 5} {
			if _, err := read(h, segment*c4gh.SegmentSize, 10); err != nil {
				t.Fatal(err)
			}
		}
	})
	got := f.session(dir, func(c *Cache) { f.readAll(c, src, data) })
	if want := src.Version.Size - src.HeaderSize - 2*c4gh.SealedSegmentSize; got != want {
		t.Errorf("%d bytes were fetched, %d are missing on disk", got, want)
	}
}
