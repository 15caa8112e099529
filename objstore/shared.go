package objstore

import (
	"bufio"
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
)

// CSC's command-line tools note the names of other projects' buckets that they have met, one a line, in this object of
// this bucket: "Working with shared buckets" in the help of a-list.
var sharedList = struct {
	bucket *regexp.Regexp
	key    string
	limit  int64 // bytes that are looked at
}{regexp.MustCompile(`^(project_)?[0-9]+-a-tools$`), "buckets_shared_to", 1 << 20}

// SharedBuckets returns names of buckets that others share with the project whose own buckets are given, as far as CSC's
// tools have noted them: in byte order, each once, and none of own. Whether they still are shared isn't tried. Where there
// is no such list, or it can't be read, there are none; any other error is returned with what was found.
func SharedBuckets(ctx context.Context, store Store, own []Bucket) ([]string, error) {
	var names []string
	var failed error
	for _, b := range own {
		if !sharedList.bucket.MatchString(b.Name) {
			continue
		}
		lines, err := readLines(ctx, store, b.Name, sharedList.key)
		names = append(names, lines...)
		if err != nil && !errors.Is(err, ErrNotExist) && !errors.Is(err, ErrDenied) {
			failed = err
		}
	}
	slices.Sort(names)
	names = slices.DeleteFunc(slices.Compact(names), func(name string) bool {
		return slices.ContainsFunc(own, func(b Bucket) bool { return b.Name == name })
	})
	return names, failed
}

// readLines returns the lines of a small object that can be the name of a bucket.
func readLines(ctx context.Context, store Store, bucket, key string) (names []string, err error) {
	object, err := store.Head(ctx, bucket, key)
	if err != nil || object.Size == 0 {
		return nil, err
	}
	body, err := store.Get(ctx, object.Version, 0, min(object.Size, sharedList.limit))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(strings.NewReader(string(text))); lines.Scan(); {
		name := strings.TrimSpace(lines.Text())
		if name != "" && !strings.ContainsAny(name, "/: \t") {
			names = append(names, name)
		}
	}
	return names, nil
}
