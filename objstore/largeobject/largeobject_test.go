package largeobject_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"allasfs/objstore"
	"allasfs/objstore/largeobject"
	"allasfs/objstore/storetest"
)

const (
	uploaded = "1700000000.123456"
	place    = "b_segments/x/" + uploaded + "/9000/1000/"
)

// gateway is a store with the object b/x in segments, of which HEAD tells as Ceph does.
type gateway struct {
	storetest.Faults
	memory   *storetest.Memory
	place    string
	modified time.Time
	gone     bool
}

func newGateway() *gateway {
	memory := new(storetest.Memory)
	g := &gateway{memory: memory, place: place, modified: time.Unix(1e9, 0)}
	g.Faults.Store = memory
	memory.MakeBucket("b")
	return g
}

// put stores the segment with a number.
func (g *gateway) put(number int, data []byte) {
	g.memory.Put("b_segments", g.key(number), data)
}

func (g *gateway) key(number int) string {
	_, prefix, _ := strings.Cut(g.place, "/")
	return fmt.Sprintf("%s%08d", prefix, number)
}

// fill puts nine segments of 1000 bytes and returns what they make.
func (g *gateway) fill() (data []byte) {
	for i := range 9 {
		part := bytes.Repeat([]byte{byte('a' + i)}, 1000)
		g.put(i, part)
		data = append(data, part...)
	}
	return data
}

func (g *gateway) head(ctx context.Context, bucket, key string) (m largeobject.Manifest, err error) {
	if g.gone {
		return m, &objstore.Error{Op: "head", Bucket: bucket, Key: key, Err: objstore.ErrNotExist}
	}
	segments, prefix, _ := strings.Cut(g.place, "/")
	page, err := g.memory.List(ctx, segments, objstore.ListOptions{Prefix: strings.ReplaceAll(prefix, "%20", " ")})
	if err != nil {
		return m, err
	}
	m.Bucket, m.Key, m.Place, m.Modified = bucket, key, g.place, g.modified
	digest := md5.New()
	for _, o := range page.Objects {
		m.Size += o.Size
		io.WriteString(digest, o.ETag)
	}
	m.ETag = largeobject.DynamicETag(hex.EncodeToString(digest.Sum(nil)), g.modified)
	return m, nil
}

// open returns a joiner that knows the segments, and the object's version.
func (g *gateway) open(t *testing.T) (*largeobject.Joiner, objstore.Version) {
	t.Helper()
	j := largeobject.NewJoiner(&g.Faults, g.head)
	m, err := g.head(t.Context(), "b", "x")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Check(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return j, m.Version
}

func read(t *testing.T, j *largeobject.Joiner, v objstore.Version, off, n int64) ([]byte, error) {
	t.Helper()
	body, err := j.Get(t.Context(), v, off, n)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(iotest.OneByteReader(body))
}

func TestRanges(t *testing.T) {
	g := newGateway()
	g.put(0, nil)
	var data []byte
	for i := range 20 { // some hold nothing
		part := bytes.Repeat([]byte{byte('a' + i)}, 500*(i%3))
		g.put(i, part)
		data = append(data, part...)
	}
	j, v := g.open(t)
	size := v.Size
	for _, r := range [][2]int64{{0, size}, {0, 1}, {size - 1, 1}, {499, 2}, {500, 1000}, {250, size - 251}, {1499, 1}, {0, 500}} {
		if got, err := read(t, j, v, r[0], r[1]); err != nil || !bytes.Equal(got, data[r[0]:r[0]+r[1]]) {
			t.Errorf("%v: %d bytes, %v", r, len(got), err)
		}
	}
	before := g.Count("get")
	if _, err := read(t, j, v, 600, 300); err != nil || g.Count("get") != before+1 {
		t.Errorf("%d requests for a range within a segment, %v", g.Count("get")-before, err)
	}
	body, err := j.Get(t.Context(), v, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(body.Close(), body.Close()); err != nil {
		t.Error(err)
	}
	if n, err := body.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("Read after Close: %d bytes, %v", n, err)
	}
}

// A joiner that doesn't know an object, or has forgotten it, asks what it is.
func TestForgotten(t *testing.T) {
	g := newGateway()
	data := g.fill()
	_, v := g.open(t)
	fresh := largeobject.NewJoiner(&g.Faults, g.head)
	for range 2 {
		if got, err := read(t, fresh, v, 500, 2000); err != nil || !bytes.Equal(got, data[500:2500]) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
	}
	if lists := g.Count("list"); lists != 2 {
		t.Errorf("%d listings, want one for each joiner", lists)
	}
}

// Whatever happens to a segment, what is read is right or an error that names it.
func TestSegmentsThatCantBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(g *gateway)
		want    error
		names   string
	}{
		"missing":          {func(g *gateway) { g.memory.Delete("b_segments", g.key(4)) }, objstore.ErrIncomplete, place + "00000004"},
		"replaced":         {func(g *gateway) { g.put(4, bytes.Repeat([]byte("X"), 1000)) }, objstore.ErrChanged, ""},
		"removed with all": {func(g *gateway) { g.memory.Delete("b_segments", g.key(4)); g.gone = true }, objstore.ErrNotExist, ""},
		"removed for new ones": {func(g *gateway) {
			g.memory.Delete("b_segments", g.key(4))
			g.modified, g.place = time.Unix(2e9, 0), "b_segments/x/1800000000.1/9000/1000/"
			g.fill()
		}, objstore.ErrChanged, ""},
		"refused": {func(g *gateway) {
			g.Set(func(r storetest.Request) storetest.Fault {
				if r.Op == "get" && strings.HasSuffix(r.Key, "4") {
					return storetest.Fault{Err: objstore.ErrDenied}
				}
				return storetest.Fault{}
			})
		}, objstore.ErrDenied, place + "00000004"},
		"breaks off": {func(g *gateway) {
			g.Set(func(r storetest.Request) storetest.Fault {
				if r.Op == "get" && strings.HasSuffix(r.Key, "4") {
					return storetest.Reset(300)
				}
				return storetest.Fault{}
			})
		}, storetest.ErrReset, place + "00000004"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway()
			data := g.fill()
			j, v := g.open(t)
			c.happens(g)
			got, err := read(t, j, v, 0, v.Size)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.names) || len(got) < 4000 || !bytes.Equal(got, data[:len(got)]) {
				t.Errorf("from the beginning: %d bytes, %v", len(got), err)
			}
			if e, ok := errors.AsType[*objstore.Error](err); !ok || e.Bucket != "b" || e.Key != "x" || e.Offset != int64(len(got)) {
				t.Errorf("it doesn't name the object and the offset: %v", err)
			}
			if c.want == storetest.ErrReset {
				return
			}
			if got, err := read(t, j, v, 4500, 10); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.names) {
				t.Errorf("in the segment: %d bytes, %v", len(got), err)
			}
			if name == "refused" {
				return
			}
			if got, err := read(t, largeobject.NewJoiner(&g.Faults, g.head), v, 0, 10); !errors.Is(err, c.want) {
				t.Errorf("with a joiner that doesn't know the segments: %d bytes, %v", len(got), err)
			}
		})
	}
}

// What is missing is told from the names of the others, and from the size that they tell.
func TestMissing(t *testing.T) {
	for _, c := range []struct {
		place   string
		there   []int
		missing int // -1 for none
	}{
		{place, []int{0, 1, 2, 3, 4, 5, 6, 7, 8}, -1},
		{place, []int{0, 1, 2, 3, 4, 5, 6, 7}, 8},
		{place, []int{1, 2, 3, 4, 5, 6, 7, 8}, 0},
		{place, []int{0, 1, 2, 4, 5, 6, 7, 8}, 3},
		{place, []int{}, 0},
		{"b_segments/x/1700000000/2000/", []int{0, 1}, -1},
		{"b_segments/x/1700000000/2000/", []int{0}, 1},
		{"b_segments/x/slo/1700000000.5/2000/1000/", []int{0}, 1},
		{"b_segments/x/1700000000/-1/", []int{0}, -1},
		{"b_segments/x/20240102-3455/", []int{0, 1}, -1},
		{"b_segments/x/20240102-3455/", []int{0, 2}, 1},
		{"b_segments/x/20240102-3455/", []int{1, 2}, -1},
		{"b_segments/x/20240102-3455/", []int{2, 3}, 0},
		{"b_segments/0b54f0ff-6b5e-4d2b-9a2f-3f1f0a5d9c11/", []int{0, 1, 3}, 2},
		{"b_segments/samples/2000/", []int{0, 1, 2}, -1},
		{"b_segments/a%20b/1700000000/2000/", []int{0, 1}, -1},
	} {
		g := newGateway()
		g.memory.MakeBucket("b_segments")
		g.place = strings.ReplaceAll(c.place, "%20", " ")
		for _, number := range c.there {
			g.put(number, make([]byte, 1000))
		}
		want := strings.TrimPrefix(g.key(c.missing), "b_segments/")
		g.place = c.place
		m, err := g.head(t.Context(), "b", "x")
		if err != nil {
			t.Fatal(err)
		}
		err = largeobject.NewJoiner(&g.Faults, g.head).Check(t.Context(), m)
		if c.missing < 0 && err != nil {
			t.Errorf("%s with %v: %v", c.place, c.there, err)
		}
		e, _ := errors.AsType[*largeobject.Error](err)
		if c.missing >= 0 && (!errors.Is(err, objstore.ErrIncomplete) || e == nil || e.Bucket != "b_segments" || e.Key != want) {
			t.Errorf("%s with %v: %v, want %s named", c.place, c.there, err, want)
		}
	}
}

func TestPlacesThatArentThere(t *testing.T) {
	g := newGateway()
	g.fill()
	j := largeobject.NewJoiner(&g.Faults, g.head)
	for place, want := range map[string]error{
		"": objstore.ErrChanged, "nonsense": nil, "/": nil, "%zz/x": nil, "none/x/": objstore.ErrNotExist, "b_segments/": nil,
	} {
		m, err := g.head(t.Context(), "b", "x")
		if err != nil {
			t.Fatal(err)
		}
		m.Place = place
		if err := j.Check(t.Context(), m); err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%q: %v", place, err)
		}
	}
	g.Set(func(storetest.Request) storetest.Fault { return storetest.Fault{Err: objstore.ErrDenied} })
	m, err := g.head(t.Context(), "b", "x")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Check(t.Context(), m); !errors.Is(err, objstore.ErrDenied) || !strings.Contains(err.Error(), "segments in b_segments") {
		t.Errorf("segments that may not be listed: %v", err)
	}
}

// The segment of a static large object is searched for where Swift's tools put it.
func TestBlame(t *testing.T) {
	for _, c := range []struct {
		name   string
		place  string // with the bucket
		there  []int
		off    int64
		err    error
		blamed int // -1 for none
	}{
		{"Swift's client", "b_segments/x/slo/" + uploaded + "/9000/1000/", []int{0, 1, 2, 3, 5, 6, 7, 8}, 4000, objstore.ErrNotExist, 4},
		{"from a pipe", "b_segments/x/slo/" + uploaded + "/1000/", []int{0, 1, 2, 3, 5, 6, 7, 8}, 4999, objstore.ErrNotExist, 4},
		{"in the same bucket", "b/x/slo/" + uploaded + "/9000/1000/", []int{0, 1, 2, 3, 5, 6, 7, 8}, 4500, objstore.ErrNotExist, 4},
		{"the first", "b_segments/x/slo/" + uploaded + "/9000/1000/", []int{1, 2, 3, 4, 5, 6, 7, 8}, 0, objstore.ErrNotExist, 0},
		{"the last", "b_segments/x/slo/" + uploaded + "/9000/1000/", []int{0, 1, 2, 3, 4, 5, 6, 7}, 8999, objstore.ErrNotExist, 8},
		{"numbers from 1 on", "b_segments/x/an-uuid/", []int{1, 2, 3, 4, 6, 7, 8, 9}, 4000, objstore.ErrNotExist, 5},
		{"refused", "b_segments/x/slo/" + uploaded + "/9000/1000/", []int{0, 1, 2, 3, 4, 5, 6, 7, 8}, 4000, objstore.ErrDenied, 4},
		{"another upload", "b_segments/x/slo/" + uploaded + "/8000/1000/", []int{0, 1, 2, 3, 5, 6, 7}, 4000, objstore.ErrNotExist, -1},
		{"elsewhere", "somewhere/x/", []int{0, 1, 2, 3, 5, 6, 7, 8}, 4000, objstore.ErrNotExist, -1},
		{"other names", "b_segments/x/part-", []int{0, 1}, 4000, objstore.ErrNotExist, -1},
	} {
		store := new(storetest.Memory)
		store.MakeBucket("b")
		bucket, prefix, _ := strings.Cut(c.place, "/")
		for _, number := range c.there {
			store.Put(bucket, fmt.Sprintf("%s%08d", prefix, number), make([]byte, 1000))
		}
		v := objstore.Version{Bucket: "b", Key: "x", ETag: largeobject.StaticETag("e", time.Unix(1e9, 0)), Size: 9000}
		err := largeobject.Blame(t.Context(), store, v, c.off, c.err)
		want := c.err
		if want == objstore.ErrNotExist {
			want = objstore.ErrIncomplete
		}
		named := fmt.Sprintf("segment %s%08d: ", c.place, c.blamed)
		if c.blamed < 0 {
			named = fmt.Sprintf("the segment that has byte %d: ", c.off)
		}
		if !errors.Is(err, want) || c.err == objstore.ErrNotExist && errors.Is(err, c.err) || !strings.HasPrefix(err.Error(), named) {
			t.Errorf("%s: %v, want %q", c.name, err, named)
		}
	}
}
