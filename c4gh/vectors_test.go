package c4gh

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// vector is an object and what reading it must give.
type vector struct {
	name   string
	object []byte
	plain  []byte // when want is nil
	want   error
}

// vectors makes all of them for one reader.
func vectors(t *testing.T, k *SecretKey) []vector {
	return slices.Concat(framingVectors(), packetVectors(t, k), bodyVectors(t, k), editVectors(t, k), keyVectors(t, k))
}

// framingVectors need no key.
func framingVectors() []vector {
	least := slices.Concat(u32(8), u32(7))
	return []vector{
		{"empty", nil, nil, ErrNotCrypt4GH},
		{"seven bytes of the magic", []byte("crypt4g"), nil, ErrNotCrypt4GH},
		{"plain text", []byte("plain text, longer than a header"), nil, ErrNotCrypt4GH},
		{"magic alone", []byte(magic), nil, ErrMalformed},
		{"prefix cut", head(1, 0)[:15], nil, ErrMalformed},
		{"version 0", head(0, 0), nil, ErrMalformed},
		{"version 2", head(2, 0), nil, ErrMalformed},
		{"no packets", head(1, 0), nil, ErrNoKey},
		{"packet missing", head(1, 1), nil, ErrMalformed},
		{"packet length cut", append(head(1, 1), 8, 0, 0), nil, ErrMalformed},
		{"packet length 0", slices.Concat(head(1, 1), u32(0), u32(0)), nil, ErrMalformed},
		{"packet length 7", slices.Concat(head(1, 1), u32(7), u32(0)), nil, ErrMalformed},
		{"packet length 8 alone", slices.Concat(head(1, 1), least), nil, ErrNoKey},
		{"packet cut", slices.Concat(head(1, 1), u32(108), make([]byte, 103)), nil, ErrMalformed},
		{"packet length lies", slices.Concat(head(1, 1), u32(1<<32-1), make([]byte, 100)), nil, ErrMalformed},
		{"packet count lies", slices.Concat(head(1, 1<<32-1), least), nil, ErrMalformed},
		{"packet count over the bound", slices.Concat(head(1, maxPackets+1), least), nil, ErrMalformed},
	}
}

// packetVectors are headers of packets of every kind before the same short body.
func packetVectors(t *testing.T, k *SecretKey) (all []vector) {
	other := newKey(t)
	data, plain := newDataKeyT(t), pattern(100)
	payload := data.payload()
	edits := EditList{10, 20}
	sealed := func(to *SecretKey, payload []byte) Packet {
		p, err := sealFor(newKey(t), to.Public(), [][]byte{payload})
		if err != nil {
			t.Fatal(err)
		}
		return p[0]
	}
	method := func(m byte) Packet {
		p := sealed(k, payload)
		p[4] = m
		return p
	}
	for _, c := range []struct {
		name    string
		packets []Packet
		edits   EditList // what is applied
		want    error
	}{
		{"one", []Packet{sealed(k, payload)}, nil, nil},
		{"none", nil, nil, ErrNoKey},
		{"somebody else's", []Packet{sealed(other, payload)}, nil, ErrNoKey},
		{"somebody else's first", []Packet{sealed(other, payload), sealed(k, payload)}, nil, nil},
		{"the same twice", []Packet{sealed(k, payload), sealed(k, payload)}, nil, nil},
		{"padded", []Packet{sealed(k, append(bytes.Clone(payload), "padding"...))}, nil, nil},
		{"method 1", []Packet{method(1)}, nil, ErrNoKey},
		{"method 1 first", []Packet{method(1), sealed(k, payload)}, nil, nil},
		{"8 bytes first", []Packet{append(u32(8), u32(0)...), sealed(k, payload)}, nil, nil},
		{"67 bytes first", []Packet{append(u32(67), make([]byte, 63)...), sealed(k, payload)}, nil, nil},
		{"no payload", []Packet{sealed(k, nil), sealed(k, payload)}, nil, ErrMalformed},
		{"3 bytes of payload", []Packet{sealed(k, []byte{0, 0, 0}), sealed(k, payload)}, nil, ErrMalformed},
		{"type 2", []Packet{sealed(k, payload), sealed(k, u32(2))}, nil, ErrMalformed},
		{"type 3 before", []Packet{sealed(k, u32(3)), sealed(k, payload)}, nil, ErrMalformed},
		{"somebody else's type 2", []Packet{sealed(other, u32(2)), sealed(k, payload)}, nil, nil},
		{"type in big-endian", []Packet{sealed(k, append([]byte{0, 0, 0, 1}, payload[4:]...))}, nil, ErrMalformed},
		{"data method 1", []Packet{sealed(k, slices.Concat(u32(0), u32(1), payload[8:]))}, nil, ErrMalformed},
		{"short key", []Packet{sealed(k, payload[:39])}, nil, ErrMalformed},
		{"edit list", []Packet{sealed(k, payload), sealed(k, edits.payload())}, edits, nil},
		{"edit list first", []Packet{sealed(k, edits.payload()), sealed(k, payload)}, edits, nil},
		{"edit list alone", []Packet{sealed(k, edits.payload())}, nil, ErrNoKey},
		{"empty edit list", []Packet{sealed(k, EditList{}.payload()), sealed(k, payload)}, nil, nil},
		{"padded edit list", []Packet{sealed(k, append(edits.payload(), "pad"...)), sealed(k, payload)}, edits, nil},
		{"two edit lists", []Packet{sealed(k, edits.payload()), sealed(k, edits.payload()), sealed(k, payload)}, nil, ErrMalformed},
		{"two empty ones", []Packet{sealed(k, EditList{}.payload()), sealed(k, EditList{}.payload()), sealed(k, payload)}, nil, ErrMalformed},
		{"somebody else's edit list", []Packet{sealed(other, EditList{9}.payload()), sealed(k, edits.payload()), sealed(k, payload)}, edits, nil},
		{"count missing", []Packet{sealed(k, u32(1)), sealed(k, payload)}, nil, ErrMalformed},
		{"count too large", []Packet{sealed(k, slices.Concat(u32(1), u32(2), make([]byte, 15))), sealed(k, payload)}, nil, ErrMalformed},
		{"count lies", []Packet{sealed(k, slices.Concat(u32(1), u32(1<<32-1), make([]byte, 16))), sealed(k, payload)}, nil, ErrMalformed},
	} {
		h := Header{Packets: c.packets}
		all = append(all, vector{c.name, append(h.Marshal(), sealT(t, data, plain)...), naive(plain, c.edits), c.want})
	}
	return all
}

// bodyVectors are bodies of every shape, good and bad.
func bodyVectors(t *testing.T, k *SecretKey) []vector {
	a, b := newDataKeyT(t), newDataKeyT(t)
	two := pattern(SegmentSize + 100)
	full := two[:SegmentSize]
	three := pattern(2*SegmentSize + 100)
	swapped := build(t, k, parts{plain: three})
	body := swapped[16+108:]
	first := bytes.Clone(body[:SealedSegmentSize])
	copy(body, body[SealedSegmentSize:2*SealedSegmentSize])
	copy(body[SealedSegmentSize:], first)
	return []vector{
		{"two data keys", build(t, k, parts{plain: two, keys: []*DataKey{a, b}}), two, nil},
		{"the other order", build(t, k, parts{plain: two, keys: []*DataKey{b, a}}), two, nil},
		{"one key unused", build(t, k, parts{plain: two[:9], keys: []*DataKey{b, a}}), two[:9], nil},
		{"another data key", build(t, k, parts{tail: sealT(t, a, two[:9])}), nil, ErrSegment},
		{"neither data key", build(t, k, parts{keys: []*DataKey{a, b}, tail: sealT(t, newDataKeyT(t), two[:9])}), nil, ErrSegment},
		{"empty last segment", build(t, k, parts{plain: full, keys: []*DataKey{a}, tail: sealT(t, a, nil)}), full, nil},
		{"empty only segment", build(t, k, parts{keys: []*DataKey{a}, tail: sealT(t, a, nil)}), nil, nil},
		{"segment behind a short one", build(t, k, parts{plain: two[:9], keys: []*DataKey{a}, tail: sealT(t, a, two[:9])}), nil, ErrSegment},
		{"27 bytes", build(t, k, parts{tail: make([]byte, 27)}), nil, ErrMalformed},
		{"1 byte behind", build(t, k, parts{plain: full, tail: make([]byte, 1)}), nil, ErrMalformed},
		{"27 bytes behind", build(t, k, parts{plain: full, tail: make([]byte, 27)}), nil, ErrMalformed},
		{"28 bytes of junk", build(t, k, parts{tail: make([]byte, 28)}), nil, ErrSegment},
		{"junk behind", build(t, k, parts{plain: two, tail: []byte("junk")}), nil, ErrSegment},
		{"swapped, undetectable", swapped, slices.Concat(three[SegmentSize:2*SegmentSize], three[:SegmentSize], three[2*SegmentSize:]), nil},
		{"cut between segments, undetectable", swapped[:16+108+SealedSegmentSize], three[SegmentSize : 2*SegmentSize], nil},
		{"cut in what the edit list hides", build(t, k, parts{plain: full, edits: EditList{0, 5}, tail: make([]byte, 7)}), nil, ErrMalformed},
		{"cut behind the last discard", build(t, k, parts{plain: full, edits: EditList{1 << 20, 5}, tail: make([]byte, 7)}), nil, ErrMalformed},
		{"cut far behind", build(t, k, parts{plain: full, edits: EditList{1 << 62, 5}, tail: make([]byte, 7)}), nil, ErrMalformed},
	}
}

// editVectors are edit lists of every kind over the same two segments.
func editVectors(t *testing.T, k *SecretKey) (all []vector) {
	const most = 1<<64 - 1
	plain := pattern(SegmentSize + 100)
	for name, e := range map[string]EditList{
		"even":                    {10, 20, 30, 40},
		"odd":                     {10, 20, 30},
		"discard alone":           {65530},
		"discards nothing":        {0},
		"across segments":         {65530, 12},
		"first byte":              {0, 1},
		"last byte":               {65635, 1},
		"zero keeps":              {5, 0, 5, 0, 5, 5},
		"zero discards":           {0, 5, 0, 5, 0, 5},
		"whole segment discarded": {65536, 10},
		"keep past the end":       {65630, 1000},
		"discard past the end":    {1 << 40, 5},
		"keeps nothing":           {0, 0},
		"sum overflows":           {5, 5, most, 5, most, 5},
		"keep overflows":          {5, most, most, most},
		"specification":           {0, 7853, 71721, 307929, 51299, 38},
	} {
		object := build(t, k, parts{plain: plain, edits: e})
		all = append(all, vector{"edit list " + name, object, naive(plain, e), nil})
	}
	return all
}

// keyVectors are about who may open what.
func keyVectors(t *testing.T, k *SecretKey) (all []vector) {
	for i, low := range lowOrder(t)[:4] {
		p := make(Packet, packetMinimum+dataPayload)
		copy(p, u32(uint32(len(p))))
		copy(p[packetWriter:], low[:])
		alone := Header{Packets: []Packet{p}}
		object := build(t, k, parts{plain: []byte("x"), packets: []Packet{p}})
		all = append(all,
			vector{fmt.Sprintf("low-order writer %d alone", i), alone.Marshal(), nil, ErrNoKey},
			vector{fmt.Sprintf("low-order writer %d first", i), object, []byte("x"), nil})
	}
	var others []Packet
	for range 999 {
		p, err := sealFor(k, newKey(t).Public(), [][]byte{newDataKeyT(t).payload()})
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, p...)
	}
	crowd := Header{Packets: others}
	return append(all,
		vector{"1000 packets, the last is ours", build(t, k, parts{plain: []byte("x"), packets: others}), []byte("x"), nil},
		vector{"999 packets, none is ours", crowd.Marshal(), nil, ErrNoKey})
}

// stored is a vector in testdata/vectors/vectors.json.
type stored struct {
	File   string // in the same directory, for the key ../keys/ref-none.sec
	Class  string // ok, not-crypt4gh, malformed, no-key or segment
	Size   int    // plaintext bytes after edits, of class ok
	SHA256 string // of that plaintext
}

func class(err error) string {
	for name, is := range classNames() {
		if errors.Is(err, is) {
			return name
		}
	}
	return "ok"
}

func classNames() map[string]error {
	return map[string]error{"not-crypt4gh": ErrNotCrypt4GH, "malformed": ErrMalformed, "no-key": ErrNoKey, "segment": ErrSegment}
}

// updating asks for vectors anew: go test ./c4gh -run TestVectors -update.
var updating = flag.Bool("update", false, "make testdata/vectors anew")

const vectorsDir = "testdata/vectors"

// TestVectors reads freshly made vectors, and then the stored ones, which other tests use as well.
func TestVectors(t *testing.T) {
	k := loadKey(t, "ref-none.sec")
	fresh := vectors(t, k)
	for _, v := range fresh {
		opens(t, v.name, v.object, []*SecretKey{newKey(t), k}, v.plain, v.want)
	}
	if *updating {
		storeVectors(t, fresh)
	}
	index := loadIndex(t)
	if len(index) != len(fresh) {
		t.Errorf("%d vectors are stored, %d made; run this test with -update", len(index), len(fresh))
	}
	for _, s := range index {
		object := testdata(t, filepath.Join("vectors", s.File))
		for _, p := range paths() {
			got, err := p.read(object, []*SecretKey{k})
			sum := sha256.Sum256(got)
			if class(err) != s.Class || err == nil && (hex.EncodeToString(sum[:]) != s.SHA256 || len(got) != s.Size) {
				t.Errorf("%s, %s: %d bytes, %v; want %s", s.File, p.name, len(got), err, s.Class)
			}
		}
	}
}

func loadIndex(t *testing.T) (index []stored) {
	if err := json.Unmarshal(testdata(t, "vectors/vectors.json"), &index); err != nil {
		t.Fatal(err)
	}
	return index
}

func storeVectors(t *testing.T, all []vector) {
	if err := errors.Join(os.RemoveAll(vectorsDir), os.MkdirAll(vectorsDir, 0o755)); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(a, b vector) int { return strings.Compare(a.name, b.name) })
	index := make([]stored, 0, len(all))
	for _, v := range all {
		s := stored{File: strings.NewReplacer(" ", "-", ",", "", "'", "").Replace(v.name) + ".c4gh", Class: class(v.want)}
		if v.want == nil {
			sum := sha256.Sum256(v.plain)
			s.Size, s.SHA256 = len(v.plain), hex.EncodeToString(sum[:])
		}
		if err := os.WriteFile(filepath.Join(vectorsDir, s.File), v.object, 0o644); err != nil {
			t.Fatal(err)
		}
		index = append(index, s)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "\t")
	if err := errors.Join(e.Encode(index), os.WriteFile(filepath.Join(vectorsDir, "vectors.json"), b.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
}
