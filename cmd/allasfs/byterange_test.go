package main

import "testing"

func TestByteRange(t *testing.T) {
	for _, c := range []struct{ given, want string }{
		{"0-0", "0-0"}, {"0-1", "0-1"}, {"5-", "5-"}, {"0-", "0-"}, {"65536-131072", "65536-131072"},
		{"9223372036854775807-", "9223372036854775807-"},
		{"", ""}, {"5", ""}, {"-5", ""}, {"-", ""}, {"5-4", ""}, {"a-b", ""}, {"1-2-3", ""}, {"1-2x", ""}, {"--5", ""},
		{"9223372036854775808-", ""}, {"0-9223372036854775808", ""}, {"1--1", ""},
	} {
		var r byteRange
		if err := r.Set(c.given); (err == nil) != (c.want != "") {
			t.Errorf("%q: %v", c.given, err)
		}
		if r.String() != c.want {
			t.Errorf("%q is %q, want %q", c.given, r.String(), c.want)
		}
	}
}

func TestReferenceRange(t *testing.T) {
	for _, c := range []struct {
		given    string
		from, to int64 // half-open; 0, 0 for an error
	}{
		{"0-2", 0, 1}, {"0-10", 0, 9}, {"10-21", 10, 20}, {"10-21junk", 10, 20}, {"65536-65538", 65536, 65537},
		{"0-99999999999999999999", 0, 1<<63 - 2},
		{"0-1", 0, 0}, {"0-0", 0, 0}, {"10-10", 0, 0}, {"10-5", 0, 0}, {"10-", 0, 0}, {"10", 0, 0}, {"x1-5", 0, 0},
		{"", 0, 0}, {"99999999999999999999-99999999999999999999", 0, 0},
	} {
		r, err := referenceRange(once{c.given, true})
		if c.to == 0 {
			if err == nil {
				t.Errorf("%q is taken as %v", c.given, *r)
			}
			continue
		}
		if err != nil || r.From != c.from || r.To != c.to {
			t.Errorf("%q: %v, %v", c.given, r, err)
		}
	}
	if r, err := referenceRange(once{}); r != nil || err != nil {
		t.Errorf("no range: %v, %v", r, err)
	}
}
