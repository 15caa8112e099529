package test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// expiring is in front of a server and refuses one access key once that has expired.
func expiring(t *testing.T, server, access string) (endpoint string, expired *atomic.Bool) {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	expired = &atomic.Bool{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // which is signed
	}}
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if expired.Load() && strings.Contains(r.Header.Get("Authorization"), "Credential="+access+"/") {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<Error><Code>ExpiredToken</Code></Error>")
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	return h.URL, expired
}

// A mount goes on with what is in the file by the time its first credentials expire, and nobody at it notices.
func TestCredentialsAreRenewed(t *testing.T) {
	l := newLab(t)
	const theirs = "bobs-bucket"
	l.bucket(theirs, 1)
	if err := l.server.Put(theirs, "a", []byte("bob's")); err != nil {
		t.Fatal(err)
	}
	endpoint, expired := expiring(t, l.server.URL(), l.server.Key(0).Access)
	env, home := account{}.environ(t), t.TempDir()
	env = append(env, "HOME="+home)
	write := func(owner int) {
		k := l.server.Key(owner)
		text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\nendpoint_url = %s\n", k.Access, k.Secret, endpoint)
		if err := os.WriteFile(filepath.Join(home, ".aws", "credentials"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(0)
	m := mount(t, env, "--list-ttl=0", "s3://")
	if _, err := os.ReadFile(m.path(theirs + "/a")); err == nil {
		t.Fatal("the first credentials should open nothing there")
	}
	write(1)
	expired.Store(true)
	if got := string(m.read(theirs + "/a")); got != "bob's" {
		t.Errorf("read %q", got)
	}
	if m.log.contains(l.server.Key(0).Secret) || m.log.contains(l.server.Key(1).Secret) {
		t.Error("the log shows a secret")
	}
}
