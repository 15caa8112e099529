package s3server

import (
	"slices"
	"strings"
)

// entry is one line of a listing: an object, or a prefix that stands for many.
type entry struct {
	name   string
	object *object // nil for a prefix
}

// list returns up to limit entries behind the marker, in byte order, and whether there are more. A marker that is a
// rolled-up prefix stands for all keys below it, so a prefix is never repeated on the next page.
func (b *bucket) list(prefix, delimiter, marker string, limit int) (entries []entry, more bool) {
	keys := b.order()
	i, found := slices.BinarySearch(keys, max(prefix, marker))
	if found && keys[i] == marker {
		i++
	}
	if marker != "" && marker == rollUp(marker, prefix, delimiter) {
		i = past(keys, i, marker)
	}
	for i < len(keys) && strings.HasPrefix(keys[i], prefix) {
		if len(entries) == limit {
			return entries, true
		}
		p := rollUp(keys[i], prefix, delimiter)
		if p == "" {
			entries = append(entries, entry{keys[i], b.objects[keys[i]]})
			i++
			continue
		}
		entries = append(entries, entry{name: p})
		i = past(keys, i, p)
	}
	return entries, false
}

func (b *bucket) order() []string {
	if !b.sorted {
		slices.Sort(b.keys)
		b.sorted = true
	}
	return b.keys
}

// rollUp returns the part of key up to and with the first delimiter behind prefix, or "" when there is none.
func rollUp(key, prefix, delimiter string) string {
	if delimiter == "" || !strings.HasPrefix(key, prefix) {
		return ""
	}
	before, _, ok := strings.Cut(key[len(prefix):], delimiter)
	if !ok {
		return ""
	}
	return prefix + before + delimiter
}

// past returns the index of the first key from i on that doesn't begin with p.
func past(keys []string, i int, p string) int {
	n, _ := slices.BinarySearchFunc(keys[i:], p, func(k, p string) int {
		if strings.HasPrefix(k, p) || k < p {
			return -1
		}
		return 1
	})
	return i + n
}
