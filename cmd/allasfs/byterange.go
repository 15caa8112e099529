package main

import (
	"fmt"
	"strconv"
	"strings"

	"allasfs/c4gh"
)

// byteRange is the flag --range: plaintext bytes [a, b), or from a to the end.
type byteRange struct {
	value *c4gh.Range // nil for everything
}

func (r *byteRange) Set(s string) error {
	from, to, _ := strings.Cut(s, "-")
	a, err := strconv.ParseInt(from, 10, 64)
	if err != nil || a < 0 || !strings.Contains(s, "-") {
		return errRange
	}
	b := int64(-1)
	if to != "" {
		if b, err = strconv.ParseInt(to, 10, 64); err != nil || b < a {
			return errRange
		}
	}
	r.value = &c4gh.Range{From: a, To: b}
	return nil
}

var errRange = fmt.Errorf("a range is two byte offsets a-b, b left out and not below a, or a- for all from a")

func (r *byteRange) String() string {
	switch {
	case r.value == nil:
		return ""
	case r.value.To < 0:
		return fmt.Sprintf("%d-", r.value.From)
	}
	return fmt.Sprintf("%d-%d", r.value.From, r.value.To)
}

func (r *byteRange) Type() string { return "a-b" }
