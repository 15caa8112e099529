//go:build ceph

package s3store_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"allasfs/objstore"
	"allasfs/objstore/s3store"
	"allasfs/objstore/storetest"
)

// gateway is a Ceph object gateway that is there for tests only: whatever the project has on it is removed.
type gateway struct {
	t      *testing.T
	url    string
	client *s3.Client // for writing
}

// ceph reads the variables that test/ceph/up.sh writes.
func ceph(t *testing.T) *gateway {
	g := &gateway{t: t, url: variable(t, "RGW_URL")}
	if u, err := url.Parse(g.url); err != nil || u.Hostname() != "127.0.0.1" {
		t.Fatalf("%s isn't a server on this machine, and its buckets would be removed", g.url)
	}
	keys := aws.Credentials{AccessKeyID: variable(t, "RGW_A_ACCESS"), SecretAccessKey: variable(t, "RGW_A_SECRET")}
	g.client = s3.New(s3.Options{
		BaseEndpoint: &g.url, Region: "regionOne", UsePathStyle: true,
		Credentials:                aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return keys, nil }),
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
	})
	g.clear()
	t.Cleanup(g.clear)
	return g
}

func variable(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s isn't set: run this test with test/ceph/with.sh", name)
	}
	return value
}

func (g *gateway) must(err error) {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *gateway) store(url string) *s3store.Store {
	return openAs(g.t, s3store.Credentials{AccessKeyID: variable(g.t, "RGW_A_ACCESS"),
		SecretAccessKey: variable(g.t, "RGW_A_SECRET"), Endpoint: url})
}

// clear removes all buckets with all objects in them.
func (g *gateway) clear() {
	ctx := context.WithoutCancel(g.t.Context()) // which has ended when this is a cleanup
	store := g.store(g.url)
	buckets, err := store.Buckets(ctx)
	g.must(err)
	for _, b := range buckets {
		for o := (objstore.ListOptions{}); ; {
			page, err := store.List(ctx, b.Name, o)
			g.must(err)
			for _, object := range page.Objects {
				_, err = g.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.Name, Key: &object.Key})
				g.must(err)
			}
			if o.Token = page.Next; o.Token == "" {
				break
			}
		}
		_, err := g.client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &b.Name})
		g.must(err)
	}
}

func (g *gateway) makeBucket(bucket string) {
	g.t.Helper()
	_, err := g.client.CreateBucket(g.t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	g.must(err)
}

func (g *gateway) put(bucket, key string, data []byte) {
	g.t.Helper()
	_, err := g.client.PutObject(g.t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(data)})
	if err != nil {
		g.t.Fatalf("%q: %v", key, err)
	}
}

func TestCephSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		g := ceph(t)
		return storetest.Fixture{Store: g.store(g.url), MakeBucket: g.makeBucket, Put: g.put, CanHold: canHold}
	})
}

// canHold leaves out what Ceph's gateway doesn't take.
func canHold(key string) bool { return utf8.ValidString(key) && !strings.Contains(key, "\x00") }

// swift is a session with the gateway's other protocol.
type swift struct {
	t          *testing.T
	url, token string
}

func newSwift(t *testing.T) *swift {
	r, err := http.NewRequest(http.MethodGet, variable(t, "RGW_SWIFT_AUTH"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Auth-User", variable(t, "RGW_A_UID")+":swift")
	r.Header.Set("X-Auth-Key", variable(t, "RGW_A_SWIFT"))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	return &swift{t, answer.Header.Get("X-Storage-Url"), answer.Header.Get("X-Auth-Token")}
}

func (s *swift) put(path string, data []byte, header ...string) {
	s.t.Helper()
	r, err := http.NewRequest(http.MethodPut, s.url+"/"+path, bytes.NewReader(data))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", s.token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusCreated && answer.StatusCode != http.StatusAccepted {
		s.t.Fatalf("%s: %s", path, answer.Status)
	}
}

// putSegments stores data in segments under a name.
func (s *swift) putSegments(name string, data []byte, size int) (manifest []byte) {
	type segment struct {
		Path string `json:"path"`
	}
	var all []segment
	for i := 0; i*size < len(data); i++ {
		path := "bucket_segments/" + name + "/0000" + string(rune('0'+i))
		s.put(path, data[i*size:min(len(data), (i+1)*size)])
		all = append(all, segment{"/" + path})
	}
	manifest, err := json.Marshal(all)
	if err != nil {
		s.t.Fatal(err)
	}
	return manifest
}

// Objects that were uploaded in segments with Swift: listed with a size that isn't theirs, and 412 to If-Match.
func TestCephManifests(t *testing.T) {
	const size, segment = 250_000, 100_000
	g, data := ceph(t), content(size)
	var requests atomic.Int64
	target, err := url.Parse(g.url)
	g.must(err)
	proxy := serve(t, counting(&requests, httputil.ReverseProxy{Transport: &http.Transport{DisableKeepAlives: true}, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}))
	store := g.store(proxy)
	swift := newSwift(t)
	swift.put("bucket", nil)
	swift.put("bucket_segments", nil)
	swift.putSegments("dlo", data, segment)
	swift.put("bucket/dlo", nil, "X-Object-Manifest", "bucket_segments/dlo/")
	swift.put("bucket/slo?multipart-manifest=put", swift.putSegments("slo", data, segment))

	page, err := store.List(t.Context(), "bucket", objstore.ListOptions{})
	g.must(err)
	for _, o := range page.Objects {
		if o.Size != 0 {
			t.Errorf("%s is listed with size %d, want 0", o.Key, o.Size)
		}
	}
	for _, key := range []string{"dlo", "slo"} {
		o, err := store.Head(t.Context(), "bucket", key)
		g.must(err)
		if o.Size != size {
			t.Fatalf("%s: size %d, want %d", key, o.Size, size)
		}
		for _, r := range []struct{ off, n int64 }{{0, size}, {0, 1}, {segment - 1, 2}, {segment, segment}, {size - 1, 1}, {150_000, 100_000}} {
			before := requests.Load()
			got, err := read(t, store, o.Version, r.off, r.n)
			if err != nil || !bytes.Equal(got, data[r.off:r.off+r.n]) {
				t.Errorf("%s: %d bytes at %d: %d bytes, %v", key, r.n, r.off, len(got), err)
			}
			wanted := int64(1)
			if key == "dlo" { // is read segment by segment
				wanted = (r.off+r.n-1)/segment - r.off/segment + 1
			}
			if n := requests.Load() - before; n != wanted {
				t.Errorf("%s: %d requests for %d bytes at %d, want %d", key, n, r.n, r.off, wanted)
			}
		}
	}
	old := map[string]objstore.Version{}
	for _, key := range []string{"dlo", "slo"} {
		old[key] = head(t, store, "bucket", key)
	}
	time.Sleep(time.Second) // Last-Modified has whole seconds
	data[0]++
	swift.putSegments("dlo", data, segment)
	swift.put("bucket/slo?multipart-manifest=put", swift.putSegments("slo", data, segment))
	for key, v := range old {
		if got, err := read(t, store, v, 0, size); !errors.Is(err, objstore.ErrChanged) {
			t.Errorf("%s, replaced: %d bytes, %v", key, len(got), err)
		}
	}
}

func counting(n *atomic.Int64, next httputil.ReverseProxy) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		next.ServeHTTP(w, r)
	}
}

// Another project's bucket is refused, a missing one isn't there, and wrong keys are called so.
func TestCephRefusals(t *testing.T) {
	g := ceph(t)
	g.makeBucket("bucket")
	g.put("bucket", "k", content(10))
	other := openAs(t, s3store.Credentials{AccessKeyID: variable(t, "RGW_B_ACCESS"),
		SecretAccessKey: variable(t, "RGW_B_SECRET"), Endpoint: g.url})
	wrong := openAs(t, s3store.Credentials{AccessKeyID: variable(t, "RGW_A_ACCESS"), SecretAccessKey: "wrong", Endpoint: g.url})
	unknown := openAs(t, s3store.Credentials{AccessKeyID: "unknown", SecretAccessKey: "wrong", Endpoint: g.url})
	for _, c := range []struct {
		name   string
		store  objstore.Store
		bucket string
		want   error
		words  string
	}{
		{"another project", other, "bucket", objstore.ErrDenied, "403 AccessDenied"},
		{"no bucket", other, "none", objstore.ErrNoBucket, "404 NoSuchBucket"},
		{"no such name", other, ".Trash-0", objstore.ErrNoBucket, ""},
		{"wrong secret", wrong, "bucket", objstore.ErrDenied, "the secret key doesn't belong to the access key"},
		{"unknown key", unknown, "bucket", objstore.ErrDenied, "doesn't know the access key"},
	} {
		_, err := c.store.List(t.Context(), c.bucket, objstore.ListOptions{})
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: list: %v", c.name, err)
		}
		want := c.want
		if want == objstore.ErrNoBucket { // which the answer to a HEAD doesn't tell
			want = objstore.ErrNotExist
		}
		if _, err = c.store.Head(t.Context(), c.bucket, "k"); !errors.Is(err, want) {
			t.Errorf("%s: head: %v", c.name, err)
		}
	}
}
