package c4gh

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"slices"
	"testing"
	"testing/iotest"
)

// head is the first 16 bytes of a header.
func head(version, count uint32) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(magic), version)
	return binary.LittleEndian.AppendUint32(b, count)
}

func u32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

func TestReadHeader(t *testing.T) {
	least := slices.Concat(u32(8), u32(7))
	for _, c := range []struct {
		name string
		data []byte
		want error // nil: read whole
	}{
		{"empty", nil, ErrNotCrypt4GH},
		{"7 bytes of the magic", []byte("crypt4g"), ErrNotCrypt4GH},
		{"7 other bytes", []byte("another"), ErrNotCrypt4GH},
		{"other bytes", []byte("plain text, longer than a header"), ErrNotCrypt4GH},
		{"9 other bytes", []byte("plaintext"), ErrNotCrypt4GH},
		{"magic alone", []byte(magic), ErrMalformed},
		{"15 bytes", head(1, 0)[:15], ErrMalformed},
		{"version 0", head(0, 0), ErrMalformed},
		{"version 2", head(2, 0), ErrMalformed},
		{"big-endian version", head(1<<24, 0), ErrMalformed},
		{"no packets", head(1, 0), nil},
		{"packet missing", head(1, 1), ErrMalformed},
		{"length cut", append(head(1, 1), 8, 0, 0), ErrMalformed},
		{"length 0", slices.Concat(head(1, 1), u32(0), u32(0)), ErrMalformed},
		{"length 7", slices.Concat(head(1, 1), u32(7), u32(0)), ErrMalformed},
		{"length 8", slices.Concat(head(1, 1), least), nil},
		{"packet cut", slices.Concat(head(1, 1), u32(108), make([]byte, 103)), ErrMalformed},
		{"second packet missing", slices.Concat(head(1, 2), least), ErrMalformed},
		{"16 MiB", slices.Concat(head(1, 1), u32(maxHeader-16), make([]byte, maxHeader-20)), nil},
		{"16 MiB and one", slices.Concat(head(1, 1), u32(maxHeader-15), make([]byte, maxHeader-19)), ErrMalformed},
		{"16 MiB in two", slices.Concat(head(1, 2), least, u32(maxHeader-23), make([]byte, maxHeader)), ErrMalformed},
		{"4 GiB", slices.Concat(head(1, 1), u32(1<<32-1), make([]byte, 100)), ErrMalformed},
		{"65536 packets", append(head(1, maxPackets), bytes.Repeat(least, maxPackets)...), nil},
		{"65537 packets", append(head(1, maxPackets+1), bytes.Repeat(least, maxPackets+1)...), ErrMalformed},
		{"4 billion packets", head(1, 1<<32-1), ErrMalformed},
	} {
		src := bytes.NewReader(append(bytes.Clone(c.data), "body"...))
		if c.want != nil {
			src = bytes.NewReader(c.data)
		}
		h, err := ReadHeader(src)
		if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if err != nil {
			continue
		}
		if src.Len() != 4 || h.Size() != int64(len(c.data)) || !bytes.Equal(h.Marshal(), c.data) {
			t.Errorf("%s: size %d, %d bytes left", c.name, h.Size(), src.Len())
		}
	}
}

// TestHeaderOfBrokenSource tells a cut object from a source that fails, also one that says io.ErrUnexpectedEOF itself.
func TestHeaderOfBrokenSource(t *testing.T) {
	object := testdata(t, "objects/three-1000.c4gh")[:16+3*108]
	for n := range object {
		_, err := ReadHeader(bytes.NewReader(object[:n]))
		if n < len(magic) && !errors.Is(err, ErrNotCrypt4GH) ||
			n >= len(magic) && (!errors.Is(err, ErrMalformed) || !errors.Is(err, io.ErrUnexpectedEOF)) {
			t.Errorf("cut at %d: %v", n, err)
		}
		for _, broken := range []error{errors.New("reset"), io.ErrUnexpectedEOF} {
			_, err := ReadHeader(io.MultiReader(bytes.NewReader(object[:n]), iotest.ErrReader(broken)))
			if !errors.Is(err, broken) || errors.Is(err, ErrMalformed) || errors.Is(err, ErrNotCrypt4GH) {
				t.Errorf("broken at %d: %v", n, err)
			}
		}
	}
	for _, r := range []io.Reader{iotest.OneByteReader(bytes.NewReader(object)), iotest.DataErrReader(bytes.NewReader(object))} {
		if h, err := ReadHeader(r); err != nil || !bytes.Equal(h.Marshal(), object) {
			t.Error(err)
		}
	}
}

// TestLyingHeaderAllocatesLittle: counts and lengths that aren't backed by bytes cost nothing.
func TestLyingHeaderAllocatesLittle(t *testing.T) {
	k := newKey(t)
	lying := build(t, k, parts{payloads: [][]byte{slices.Concat(u32(typeEditList), u32(1<<32-1), make([]byte, 80))}})
	for name, data := range map[string][]byte{
		"packets":   head(1, maxPackets),
		"length":    slices.Concat(head(1, 1), u32(maxHeader-16)),
		"edit list": lying,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := openByHand(data, []*SecretKey{k})
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, ErrMalformed) || got > 256<<10 {
			t.Errorf("%s: %d bytes allocated, %v", name, got, err)
		}
	}
}

// opens reads an object through every path, which must agree.
func opens(t *testing.T, name string, object []byte, keys []*SecretKey, plain []byte, want error) {
	t.Helper()
	for _, p := range paths() {
		got, err := p.read(object, keys)
		switch {
		case want == nil && (err != nil || !bytes.Equal(got, plain)):
			t.Errorf("%s, %s: %d bytes, %v", name, p.name, len(got), err)
		case want != nil && !errors.Is(err, want):
			t.Errorf("%s, %s: %d bytes, %v; want %v", name, p.name, len(got), err, want)
		}
	}
}

// TestLowOrderWriter: a packet whose writer key is of low order is skipped, even where its key can be guessed.
func TestLowOrderWriter(t *testing.T) {
	k := newKey(t)
	for _, low := range lowOrder(t) {
		p := make(Packet, packetMinimum+dataPayload)
		binary.LittleEndian.PutUint32(p, uint32(len(p)))
		copy(p[packetWriter:], low[:])
		alone := Header{Packets: []Packet{p}}
		opens(t, low.String(), alone.Marshal(), []*SecretKey{k}, nil, ErrNoKey)
		opens(t, low.String(), build(t, k, parts{plain: []byte("x"), packets: []Packet{p}}), []*SecretKey{k}, []byte("x"), nil)
	}
}

func TestExpectedWriter(t *testing.T) {
	k, writer, stranger := newKey(t), newKey(t), newKey(t)
	var b bytes.Buffer
	w, err := NewWriter(&b, writer, []PublicKey{k.Public()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		by   *SecretKey
		want error
	}{{writer, nil}, {stranger, ErrNoKey}} {
		pub := c.by.Public()
		_, err := NewReader(bytes.NewReader(b.Bytes()), []*SecretKey{k}, OpenOptions{Writer: &pub})
		if !errors.Is(err, c.want) {
			t.Errorf("NewReader: %v, want %v", err, c.want)
		}
		_, err = Decrypt(io.Discard, bytes.NewReader(b.Bytes()), []*SecretKey{k}, DecryptOptions{Writer: &pub})
		if !errors.Is(err, c.want) {
			t.Errorf("Decrypt: %v, want %v", err, c.want)
		}
	}
	// A stranger's packet of an unknown type is nobody's business then.
	strange, err := sealFor(stranger, k.Public(), [][]byte{u32(2)})
	if err != nil {
		t.Fatal(err)
	}
	h, err := ReadHeader(&b)
	if err != nil {
		t.Fatal(err)
	}
	h.Packets = append(h.Packets, strange...)
	pub := writer.Public()
	if _, err := h.Open([]*SecretKey{k}, OpenOptions{Writer: &pub}); err != nil {
		t.Error(err)
	}
	if _, err := h.Open([]*SecretKey{k}, OpenOptions{}); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

// TestEveryHeaderByteFlipped: no flipped bit of a header leads to other bytes than the right ones.
func TestEveryHeaderByteFlipped(t *testing.T) {
	k := newKey(t)
	plain := pattern(70_000)
	object := build(t, k, parts{plain: plain, edits: EditList{5, 69_000}})
	size := 16 + 108 + 76 + 16
	for i := range size {
		for _, bit := range []byte{1, 128} {
			bad := bytes.Clone(object)
			bad[i] ^= bit
			for _, p := range paths()[:5:5] {
				got, err := p.read(bad, []*SecretKey{k})
				// Losing the packet of the edit list shows what it hid: the format doesn't bind packets together.
				lost := i >= 16+108 && bytes.Equal(got, plain)
				if err == nil && !lost {
					t.Errorf("byte %d, %s: %d bytes without an error", i, p.name, len(got))
				}
				if err != nil && len(got) > 0 {
					t.Errorf("byte %d, %s: %d bytes and %v", i, p.name, len(got), err)
				}
			}
		}
	}
}

func TestManyRecipients(t *testing.T) {
	k := newKey(t)
	var to []PublicKey
	for range 999 {
		to = append(to, newKey(t).Public())
	}
	to = append(append(to, k.Public()), to[:10]...)
	h, err := NewHeader(HeaderOptions{Recipients: to, DataKeys: []*DataKey{newDataKeyT(t)}, Edits: EditList{1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Packets) != 2000 || h.Size() != 16+1000*(108+92) {
		t.Errorf("%d packets, %d bytes", len(h.Packets), h.Size())
	}
	strangers := []*SecretKey{newKey(t), k, newKey(t)}
	b, err := h.Open(strangers, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if list, ok := b.EditList(); !ok || !slices.Equal(list, EditList{1, 2}) || b.DataKeys() != 1 ||
		!slices.Equal(b.Openers(), []PublicKey{k.Public()}) {
		t.Errorf("%v, %d data keys, opened by %v", list, b.DataKeys(), b.Openers())
	}
}

func TestHeadersThatAreRefused(t *testing.T) {
	to, data := []PublicKey{newKey(t).Public()}, []*DataKey{newDataKeyT(t)}
	for name, o := range map[string]HeaderOptions{
		"no recipient":        {DataKeys: data},
		"no data key":         {Recipients: to},
		"too long an edit":    {Recipients: to, DataKeys: data, Edits: make(EditList, maxHeader/8)},
		"low-order recipient": {Recipients: lowOrder(t)[:1], DataKeys: data},
	} {
		if h, err := NewHeader(o); err == nil {
			t.Errorf("%s: a header of %d bytes", name, h.Size())
		}
	}
}
