package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
)

// vector is an object of c4gh's test data and what reading it whole gives.
type vector struct {
	File, Class string
	Size        int64
	SHA256      string
}

// TestVectors runs stat and decrypt on every vector of the format.
func TestVectors(t *testing.T) {
	data, err := filepath.Abs("../../c4gh/testdata")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(readFile(t, filepath.Join(data, "vectors/vectors.json")), &vectors); err != nil || len(vectors) == 0 {
		t.Fatalf("%d vectors, %v", len(vectors), err)
	}
	sandbox(t)
	writeFile(t, "ref.key", readFile(t, filepath.Join(data, "keys/ref-none.sec")))
	for _, v := range vectors {
		t.Run(v.File, func(t *testing.T) {
			file := filepath.Join(data, "vectors", v.File)
			in, status := statOf(t, file, "ref.key")
			v.checkStat(t, in, status)
			v.checkDecrypt(t, run(t, nil, "decrypt", "--sk", "ref.key", file))
			r := run(t, nil, "decrypt", "--sk", "ref.key", file, "-o", strings.TrimSuffix(v.File, ".c4gh"))
			if (r.status == 0) != exists(strings.TrimSuffix(v.File, ".c4gh")) {
				t.Errorf("status %d, but there is a result: %v", r.status, r.status != 0)
			}
			noParts(t)
		})
	}
}

func (v vector) checkStat(t *testing.T, in *inspection, status int) {
	t.Helper()
	var good bool
	switch v.Class {
	case "ok":
		good = status == 0 && in.Crypt4GH && in.Header.Opened && in.PlaintextSize != nil && *in.PlaintextSize == v.Size
	case "segment": // which stat doesn't open
		good = status == 0 && in.Crypt4GH && in.Header.Opened
	case "no-key":
		good = status == 0 && in.Crypt4GH && !in.Header.Opened && in.Header.Others == in.Header.Packets
	case "malformed":
		good = status == exitError && in.Crypt4GH && in.Problem != ""
	case "not-crypt4gh":
		good = !in.Crypt4GH && in.HeaderElsewhere == (status == 0)
	}
	if !good {
		t.Errorf("%s: stat: status %d, %+v, %+v", v.Class, status, in, in.Header)
	}
}

func (v vector) checkDecrypt(t *testing.T, r ran) {
	t.Helper()
	want := map[string]int{"ok": 0, "no-key": exitKey}
	status, known := want[v.Class]
	if !known {
		status = exitError
	}
	if r.status != status {
		t.Errorf("%s: decrypt: status %d, want %d: %s", v.Class, r.status, status, r.err)
	}
	sum := sha256.Sum256([]byte(r.out))
	if v.Class == "ok" && hex.EncodeToString(sum[:]) != v.SHA256 {
		t.Errorf("decrypt: %d wrong bytes", len(r.out))
	}
}
