package test

import (
	"encoding/json"
	"testing"
)

// TestStatOfObjects asks about objects of a store: by key, by the name a mount shows, and what isn't there.
func TestStatOfObjects(t *testing.T) {
	l := newLab(t)
	l.putEncrypted("dir/x.c4gh", content(1, 200_000))
	l.put("plain", []byte("hello"))
	l.bucket("bobs", 1)
	env := l.account(0).environ(t)
	for _, c := range []struct {
		name      string
		status    int
		crypt4gh  bool
		plaintext int64
	}{
		{"s3://reads/dir/x.c4gh", 0, true, 200_000},
		{"s3://reads/dir/x", 0, true, 200_000},
		{"s3://reads/plain", 0, false, 5},
		{"s3://reads/none", 1, false, 0},
		{"s3://reads", 1, false, 0},
		{"s3://bobs/x", 1, false, 0},
		{"s3://nobodys-bucket/x", 1, false, 0},
	} {
		r := command{env: env}.run(t, program(), "stat", "--json", "--sk", l.key.secret, c.name)
		if r.status != c.status || (r.stderr == "") != (c.status == 0) {
			t.Errorf("%s: exit status %d: %s", c.name, r.status, r.stderr)
		}
		if c.status != 0 {
			continue
		}
		var got struct {
			Crypt4GH      bool  `json:"crypt4gh"`
			PlaintextSize int64 `json:"plaintext_size"`
			Header        *struct{ Opened bool }
		}
		if err := json.Unmarshal([]byte(r.stdout), &got); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got.Crypt4GH != c.crypt4gh || got.PlaintextSize != c.plaintext || c.crypt4gh && !got.Header.Opened {
			t.Errorf("%s: %s", c.name, r.stdout)
		}
	}
}
