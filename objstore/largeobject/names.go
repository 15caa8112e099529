package largeobject

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// The tools that upload in segments number these with eight digits. What stands before the number differs; where it
// ends in one of
//
//	TIME/SIZE/           as rclone has it
//	TIME/SIZE/SEGMENT/   as Swift's own client has it
//
// it tells how large the whole is, and the first number is 0. Elsewhere it may be 1; and where Swift's client doesn't know
// the size beforehand it is slo/TIME/SEGMENT/.

const digits = 8

// numberOf returns the number that a segment's key has behind the prefix.
func numberOf(key, prefix string) (number int64, ok bool) {
	text, ok := strings.CutPrefix(key, prefix)
	number, digitsOnly := natural(text)
	return number, ok && digitsOnly && len(text) == digits
}

func numbered(prefix string, number int64) string {
	return fmt.Sprintf("%s%0*d", prefix, digits, number)
}

// natural parses a number that is written in digits alone.
func natural(text string) (n int64, ok bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && strings.Trim(text, "0123456789") == ""
}

// missingIn returns the key of the first segment that isn't there, as far as the names of the others tell; "" for none.
func missingIn(prefix string, all []segment) string {
	next, whole := int64(0), declaredSize(prefix)
	for i, s := range all {
		number, ok := numberOf(s.Key, prefix)
		if !ok {
			return ""
		}
		if i == 0 && number == 1 && whole == 0 {
			next = 1
		}
		if number != next {
			return numbered(prefix, next)
		}
		next++
	}
	end := int64(0)
	if len(all) > 0 {
		end = all[len(all)-1].off + all[len(all)-1].Size
	}
	if end < whole {
		return numbered(prefix, next)
	}
	return ""
}

// declaredSize returns the size of the whole object that a prefix tells, or 0.
func declaredSize(prefix string) int64 {
	above, last := path.Split(strings.TrimSuffix(prefix, "/"))
	above, middle := path.Split(strings.TrimSuffix(above, "/"))
	_, first := path.Split(strings.TrimSuffix(above, "/"))
	a, ok := natural(last)
	b, two := natural(middle)
	switch {
	case !ok || !strings.HasSuffix(prefix, "/"):
		return 0
	case two && isTime(first):
		return b
	case isTime(middle) && first != "slo":
		return a
	}
	return 0
}

// isTime tells whether the text is a number of seconds since 1970, with a fraction or without.
func isTime(text string) bool {
	seconds, fraction, _ := strings.Cut(text, ".")
	n, ok := natural(seconds)
	return ok && n >= 1e9 && strings.Trim(fraction, "0123456789") == ""
}
