package lights3

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

var keys = regexp.MustCompile(`<(?:Key|Prefix)>([^<]+)</(?:Key|Prefix)>`)

func TestListing(t *testing.T) {
	root := t.TempDir()
	for _, key := range []string{"b/top", "b/run/a", "b/run/a.bai", "b/run/deep/c", "b/runs/d"} {
		path := filepath.Join(root, filepath.FromSlash(key))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(New(root))
	defer server.Close()
	for _, c := range []struct {
		query string
		want  []string // the prefix that was asked for comes first
	}{
		{"delimiter=/", []string{"run/", "runs/", "top"}},
		{"prefix=run&delimiter=/", []string{"run", "run/", "runs/"}},
		{"prefix=run/&delimiter=/", []string{"run/", "run/a", "run/a.bai", "run/deep/"}},
		{"prefix=run/a", []string{"run/a", "run/a", "run/a.bai"}},
		{"prefix=none/", []string{"none/"}},
		{"prefix=top/", []string{"top/"}},
	} {
		resp, err := http.Get(server.URL + "/b?list-type=2&" + c.query)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		var got []string
		for _, m := range keys.FindAllSubmatch(body, -1) {
			got = append(got, string(m[1]))
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if err != nil || resp.StatusCode != http.StatusOK || !slices.Equal(got, c.want) {
			t.Errorf("%s: %s %q, want %q, %v", c.query, resp.Status, got, c.want, err)
		}
	}
}
