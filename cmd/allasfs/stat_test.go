package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"allasfs/c4gh"
)

// statOf returns what stat says of a file, as JSON has it, and its exit status.
func statOf(t *testing.T, file string, keys ...string) (*inspection, int) {
	t.Helper()
	args := []string{"stat", "--json", file}
	for _, k := range keys {
		args = append(args, "--sk", k)
	}
	r := run(t, nil, args...)
	in := &inspection{}
	if err := json.Unmarshal([]byte(r.out), in); err != nil {
		t.Fatalf("stat %s: %v\n%s", file, err, r.err)
	}
	return in, r.status
}

func TestStat(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann", "bob", "cyd")
	encrypted := []byte(must(t, someBytes(100_000), "encrypt", "--pk", "ann.pub", "--pk", "bob.pub", "--pk", "csc").out)
	writeFile(t, "x.c4gh", encrypted)
	in, status := statOf(t, "x.c4gh", "ann.key", "cyd.key", "bob.key")
	h := in.Header
	if status != 0 || !in.Crypt4GH || in.Size != int64(len(encrypted)) || *in.PlaintextSize != 100_000 || in.RepeatedNonce || h == nil {
		t.Fatalf("status %d: %+v", status, in)
	}
	if h.Version != 1 || h.Size != 16+3*108 || h.Packets != 3 || h.Others != 1 || h.DataKeys != 1 || h.EditList != nil || h.KeysTried != 3 {
		t.Errorf("header: %+v", h)
	}
	if len(h.OpenedBy) != 2 || h.OpenedBy[0].File != "ann.key" || h.OpenedBy[1].File != "bob.key" {
		t.Errorf("opened by %v", h.OpenedBy)
	}
	in, status = statOf(t, "x.c4gh", "cyd.key")
	if status != 0 || in.Header.Opened || in.Header.Others != 3 || *in.PlaintextSize != 100_000 {
		t.Errorf("with a stranger's key: status %d, %+v, %+v", status, in, in.Header)
	}
	in, _ = statOf(t, "x.c4gh")
	if in.Header.KeysTried != 0 || in.Header.Others != 3 {
		t.Errorf("without a key: %+v", in.Header)
	}
}

func TestStatOfEditList(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann")
	writeFile(t, "x", someBytes(200_000))
	must(t, nil, "encrypt", "--pk", "ann.pub", "x", "-o", "x.c4gh")
	must(t, nil, "rearrange", "--sk", "ann.key", "--range", "70000-140000", "x.c4gh", "-o", "y.c4gh")
	in, status := statOf(t, "y.c4gh", "ann.key")
	if status != 0 || *in.PlaintextSize != 70_000 || in.Header.EditList == nil || in.Header.Others != 0 {
		t.Fatalf("status %d: %+v, %+v", status, in, in.Header)
	}
	if want := (c4gh.EditList{70_000 - 65536, 70_000}); !reflect.DeepEqual(*in.Header.EditList, want) {
		t.Errorf("edit list %v, want %v", *in.Header.EditList, want)
	}
	if r := must(t, nil, "stat", "--sk", "ann.key", "y.c4gh"); !strings.Contains(r.out, "2 lengths: 4464 70000") {
		t.Errorf("said %s", r.out)
	}
}

func TestStatOfOtherThings(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann")
	encrypted := []byte(must(t, someBytes(100_000), "encrypt", "--pk", "ann.pub").out)
	writeFile(t, "plain", []byte("hello"))
	writeFile(t, "empty", nil)
	writeFile(t, "empty.c4gh", nil)
	writeFile(t, "body.c4gh", encrypted[124:])
	writeFile(t, "nobody.c4gh", []byte("hello"))
	writeFile(t, "header.c4gh", encrypted[:124])
	writeFile(t, "cut-header.c4gh", encrypted[:100])
	writeFile(t, "cut-body.c4gh", encrypted[:130])
	for _, c := range []struct {
		file                string
		crypt4gh, elsewhere bool
		plaintext           int64 // -1 for unknown
		status              int
	}{
		{"plain", false, false, 5, 0},
		{"empty", false, false, 0, 0},
		{"empty.c4gh", false, false, -1, 1},
		{"body.c4gh", false, true, 100_000, 0},
		{"nobody.c4gh", false, false, -1, 1},
		{"header.c4gh", true, false, 0, 0},
		{"cut-header.c4gh", true, false, -1, 1},
		{"cut-body.c4gh", true, false, -1, 1},
	} {
		in, status := statOf(t, c.file, "ann.key")
		size := int64(-1)
		if in.PlaintextSize != nil {
			size = *in.PlaintextSize
		}
		if in.Crypt4GH != c.crypt4gh || in.HeaderElsewhere != c.elsewhere || size != c.plaintext || status != c.status {
			t.Errorf("%s: status %d, plaintext %d: %+v", c.file, status, size, in)
		}
		if (in.Problem == "") != (status == 0) {
			t.Errorf("%s: status %d, problem %q", c.file, status, in.Problem)
		}
	}
	if r := run(t, nil, "stat", "plain", "missing", "."); r.status != 1 || !strings.Contains(r.out, "plain") {
		t.Errorf("one of three: status %d, %s", r.status, r.out)
	}
}

func TestStatOfRepeatedNonce(t *testing.T) {
	sandbox(t)
	newKeys(t, "ann")
	encrypted := []byte(must(t, someBytes(200_000), "encrypt", "--pk", "ann.pub").out)
	second := encrypted[124+c4gh.SealedSegmentSize:]
	copy(second[c4gh.SealedSegmentSize:], second[:nonceSize])
	writeFile(t, "x.c4gh", encrypted)
	if in, _ := statOf(t, "x.c4gh", "ann.key"); !in.RepeatedNonce {
		t.Error("not seen")
	}
}
