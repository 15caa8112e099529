package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"allasfs/c4gh"
	"allasfs/fs"
)

// inspection is what can be told of an object. All sizes are in bytes.
type inspection struct {
	Name     string `json:"name"`
	Size     int64  `json:"size"` // as stored
	Crypt4GH bool   `json:"crypt4gh"`
	// HeaderElsewhere: the name promises Crypt4GH, and the size is that of a body without header.
	HeaderElsewhere bool         `json:"header_elsewhere"`
	Header          *headerFacts `json:"header,omitempty"`
	// PlaintextSize is after edits, or before them where Header.Opened is false; nil where there is none to tell.
	PlaintextSize *int64 `json:"plaintext_size"`
	// RepeatedNonce: two segments that follow each other have the same nonce, so that with the same data key they
	// give away how their plaintexts differ. Only so many segments are looked at as take little time.
	RepeatedNonce bool   `json:"repeated_nonce"`
	Problem       string `json:"problem,omitempty"`
}

// headerFacts are what can be told of a header.
type headerFacts struct {
	Version   int            `json:"version"`
	Size      int64          `json:"size"`
	Packets   int            `json:"packets"`
	KeysTried int            `json:"keys_tried"`
	Opened    bool           `json:"opened"`
	OpenedBy  []keyFacts     `json:"opened_by"`
	Others    int            `json:"other_packets"` // that no key at hand opens
	DataKeys  int            `json:"data_keys"`
	EditList  *c4gh.EditList `json:"edit_list"` // nil for none, or none that can be seen
}

// keyFacts name a secret key.
type keyFacts struct {
	File   string `json:"file"`
	Public string `json:"public_key"`
}

// headerBuffer is how many bytes of an object are read at once while its header is.
const headerBuffer = 64 << 10

// inspect finds out about an object. An error beside an inspection is the object's problem, any other one that of
// reading it.
func inspect(name string, o *storedObject, keys []namedKey) (*inspection, error) {
	in := &inspection{Name: name, Size: o.size}
	header, err := c4gh.ReadHeader(bufio.NewReaderSize(io.NewSectionReader(o, 0, o.size), headerBuffer))
	if errors.Is(err, c4gh.ErrNotCrypt4GH) {
		return in, in.withoutHeader()
	}
	if err != nil && !errors.Is(err, c4gh.ErrMalformed) {
		return nil, err
	}
	in.Crypt4GH = true
	if err == nil {
		err = in.withHeader(header, o, keys)
	}
	if err != nil {
		in.Problem = oneLine(err)
	}
	return in, err
}

// withoutHeader tells plain objects from those whose header somebody else keeps.
func (in *inspection) withoutHeader() error {
	if !strings.HasSuffix(in.Name, fs.Suffix) {
		in.PlaintextSize = &in.Size
		return nil
	}
	size, err := c4gh.PlaintextSize(in.Size)
	if err != nil || in.Size == 0 {
		in.Problem = fmt.Sprintf("neither a header nor the size of a body: %v", c4gh.ErrNotCrypt4GH)
		return fmt.Errorf("%w, nor can %d bytes be a body whose header is held elsewhere", c4gh.ErrNotCrypt4GH, in.Size)
	}
	in.HeaderElsewhere, in.PlaintextSize = true, &size
	return nil
}

func (in *inspection) withHeader(h *c4gh.Header, o *storedObject, keys []namedKey) error {
	facts := &headerFacts{
		Version: 1, Size: h.Size(), Packets: len(h.Packets), KeysTried: len(keys), Others: len(h.Packets),
		OpenedBy: []keyFacts{},
	}
	in.Header = facts
	body, err := h.Open(bare(keys), c4gh.OpenOptions{})
	if err != nil && !errors.Is(err, c4gh.ErrNoKey) {
		return err
	}
	if body != nil {
		facts.open(h, body, keys)
	}
	size, err := c4gh.PlaintextSize(o.size - h.Size())
	if err != nil {
		return err
	}
	if body != nil {
		size = body.Extents(size).Size()
	}
	in.PlaintextSize = &size
	in.RepeatedNonce, err = o.repeatsNonce(h.Size())
	return err
}

// open adds what the keys make visible.
func (f *headerFacts) open(h *c4gh.Header, body *c4gh.Body, keys []namedKey) {
	f.Opened, f.DataKeys, f.Others = true, body.DataKeys(), otherPackets(h, keys)
	for _, public := range body.Openers() {
		for _, k := range keys {
			if k.key.Public() == public {
				f.OpenedBy = append(f.OpenedBy, keyFacts{k.file, public.String()})
			}
		}
	}
	if list, ok := body.EditList(); ok {
		list = append(c4gh.EditList{}, list...) // JSON has null for none, [] for an empty one
		f.EditList = &list
	}
}

// otherPackets returns the number of packets that none of the keys opens: as many as a new header has more when it
// keeps them.
func otherPackets(h *c4gh.Header, keys []namedKey) int {
	o := c4gh.ReencryptOptions{Recipients: []c4gh.PublicKey{keys[0].key.Public()}}
	with, err := h.Reencrypt(bare(keys), o)
	if err != nil {
		return 0
	}
	o.Trim = true
	without, err := h.Reencrypt(bare(keys), o)
	if err != nil {
		return 0
	}
	return len(with.Packets) - len(without.Packets)
}

// namedKey is a secret key and the file it comes from.
type namedKey struct {
	file string
	key  *c4gh.SecretKey
}

func bare(keys []namedKey) []*c4gh.SecretKey {
	out := make([]*c4gh.SecretKey, len(keys))
	for i, k := range keys {
		out[i] = k.key
	}
	return out
}
