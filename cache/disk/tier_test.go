package disk

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"allasfs/c4gh"
	"allasfs/objstore"
)

func version(name string) objstore.Version {
	return objstore.Version{Bucket: "b", Key: name, ETag: "e", Size: 1 << 40}
}

func sealed(seed, n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(b)
	return b
}

func open(t *testing.T, o Options) *Tier {
	t.Helper()
	tier, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	return tier
}

func wantHit(t *testing.T, tier *Tier, v objstore.Version, segment int64, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if !tier.Get(v, segment, got) {
		t.Errorf("segment %d of %s isn't there", segment, v.Key)
	} else if !bytes.Equal(got, want) {
		t.Errorf("segment %d of %s has wrong bytes", segment, v.Key)
	}
}

func wantMiss(t *testing.T, tier *Tier, v objstore.Version, segment int64, length int) {
	t.Helper()
	if tier.Get(v, segment, make([]byte, length)) {
		t.Errorf("segment %d of %s, %d bytes, is there", segment, v.Key, length)
	}
}

func TestSegmentsSurviveARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "made")
	tier := open(t, Options{Dir: dir, Namespace: "one"})
	segments := []int64{0, 1, chunkSegments - 1, chunkSegments, 5 * chunkSegments}
	for _, i := range segments {
		tier.Put(version("o"), i, sealed(int(i), c4gh.SealedSegmentSize))
	}
	tier.Put(version("o"), 7, sealed(7, 29))
	tier.Close()
	tier = open(t, Options{Dir: dir, Namespace: "one"})
	defer tier.Close()
	for _, i := range segments {
		wantHit(t, tier, version("o"), i, sealed(int(i), c4gh.SealedSegmentSize))
	}
	wantHit(t, tier, version("o"), 7, sealed(7, 29))
	wantMiss(t, tier, version("o"), 7, 30)
	wantMiss(t, tier, version("o"), 2, c4gh.SealedSegmentSize)
	wantMiss(t, tier, version("other"), 0, c4gh.SealedSegmentSize)
	changed := version("o")
	changed.ETag = "f"
	wantMiss(t, tier, changed, 0, c4gh.SealedSegmentSize)
	elsewhere := open(t, Options{Dir: dir, Namespace: "two"})
	defer elsewhere.Close()
	wantMiss(t, elsewhere, version("o"), 0, c4gh.SealedSegmentSize)
}

// chunkFiles returns the chunk files of a directory.
func chunkFiles(t *testing.T, dir string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestDamageIsAMiss(t *testing.T) {
	damages := map[string]func(file string) error{
		"a byte of the segment": func(file string) error { return flip(file, dataOffset+1000) },
		"its checksum":          func(file string) error { return flip(file, tableOffset) },
		"its length":            func(file string) error { return flip(file, tableOffset+4) },
		"the magic":             func(file string) error { return flip(file, 0) },
		"cut":                   func(file string) error { return os.Truncate(file, dataOffset+100) },
		"cut in the table":      func(file string) error { return os.Truncate(file, tableOffset+3) },
		"empty":                 func(file string) error { return os.Truncate(file, 0) },
		"gone":                  os.Remove,
	}
	for name, damage := range damages {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			tier := open(t, Options{Dir: dir})
			tier.Put(version("o"), 0, sealed(1, c4gh.SealedSegmentSize))
			tier.Close()
			if err := damage(chunkFiles(t, dir)[0]); err != nil {
				t.Fatal(err)
			}
			tier = open(t, Options{Dir: dir})
			wantMiss(t, tier, version("o"), 0, c4gh.SealedSegmentSize)
			tier.Close()
		})
	}
}

func flip(file string, off int64) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], off); err != nil {
		return err
	}
	b[0] ^= 0x40
	_, err = f.WriteAt(b[:], off)
	return err
}

func TestAChunkUnderAWrongName(t *testing.T) {
	dir := t.TempDir()
	tier := open(t, Options{Dir: dir})
	tier.Put(version("one"), 0, sealed(1, 1000))
	tier.Close()
	from := chunkFiles(t, dir)[0]
	id, _ := identify("", version("two"), 0)
	if err := os.MkdirAll(filepath.Dir(id.path(dir)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(from, id.path(dir)); err != nil {
		t.Fatal(err)
	}
	tier = open(t, Options{Dir: dir})
	defer tier.Close()
	wantMiss(t, tier, version("two"), 0, 1000)
}

func TestTheLimitHolds(t *testing.T) {
	const limit = 64 << 20
	dir := t.TempDir()
	tiers := []*Tier{open(t, Options{Dir: dir, Limit: limit}), open(t, Options{Dir: dir, Limit: limit})}
	var writers sync.WaitGroup
	for id, tier := range tiers {
		writers.Go(func() {
			for i := range 2000 { // 131 MB each
				tier.Put(version(fmt.Sprint(id, i/100)), int64(i), sealed(i, c4gh.SealedSegmentSize))
			}
		})
	}
	writers.Wait()
	evicted := int64(0)
	for _, tier := range tiers {
		tier.Close()
		evicted += tier.Stats().Evicted
	}
	if _, total, err := tiers[0].measure(); err != nil || total > limit {
		t.Errorf("the chunks take %d bytes, %d are allowed: %v", total, limit, err)
	}
	if evicted == 0 {
		t.Error("nothing was evicted")
	}
}

func TestADirectoryThatTakesNothing(t *testing.T) {
	dir := t.TempDir()
	tier := open(t, Options{Dir: dir})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // a file where the directory was
		t.Fatal(err)
	}
	for i := range 10 {
		tier.Put(version("o"), int64(i), sealed(i, 1000))
		wantMiss(t, tier, version("o"), int64(i), 1000)
	}
	tier.Close()
	if s := tier.Stats(); s.Dropped != 10 || s.Writes != 0 {
		t.Errorf("%+v", s)
	}
}

func TestForget(t *testing.T) {
	tier := open(t, Options{Dir: t.TempDir()})
	tier.Put(version("o"), 0, sealed(1, 1000))
	tier.Put(version("o"), 1, sealed(2, 1000))
	for len(tier.queue) > 0 || tier.Stats().Writes < 2 {
	}
	tier.Forget(version("o"), 0)
	wantMiss(t, tier, version("o"), 0, 1000)
	wantHit(t, tier, version("o"), 1, sealed(2, 1000))
	tier.Close()
}

func TestNamesTellNothing(t *testing.T) {
	dir := t.TempDir()
	tier := open(t, Options{Dir: dir, Namespace: "https://secret-endpoint"})
	tier.Put(objstore.Version{Bucket: "secret-bucket", Key: "secret-key", ETag: "secret-etag", Size: 100}, 0, sealed(1, 100))
	tier.Close()
	for _, file := range chunkFiles(t, dir) {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("secret")) || bytes.Contains([]byte(file), []byte("secret")) {
			t.Errorf("%s tells a name", file)
		}
	}
}
