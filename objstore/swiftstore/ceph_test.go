//go:build ceph

package swiftstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"allasfs/objstore"
	"allasfs/objstore/keystone"
	"allasfs/objstore/storetest"
	"allasfs/objstore/swiftstore"
)

// project is the other one of C's user, which nobody else has buckets in.
const project = "project_2000005"

// owner is that project on a gateway that is there for tests only: whatever the project has on it is removed.
type owner struct {
	t     *testing.T
	login swiftstore.Login
	store *swiftstore.Store
}

func variable(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatalf("%s isn't set: run this test with RGW_KEYSTONE=fake test/ceph/with.sh", name)
	}
	return value
}

// loginAs logs in to a project as the user with a letter.
func loginAs(t *testing.T, letter, project string) swiftstore.Login {
	t.Helper()
	session, err := keystone.Login(t.Context(), keystone.Options{AuthURL: variable(t, "KEYSTONE_URL"), Username: variable(t, "RGW_"+letter+"_USER"),
		Password: variable(t, "RGW_"+letter+"_PASSWORD"), ProjectName: project})
	if err != nil {
		t.Fatal(err)
	}
	if u, err := url.Parse(session.Swift); err != nil || u.Hostname() != "127.0.0.1" {
		t.Fatalf("%s isn't a server on this machine, and its buckets would be removed", session.Swift)
	}
	return swiftstore.Login{URL: session.Swift, Token: session.Token(), Expires: session.Expires}
}

func as(t *testing.T, login swiftstore.Login) *swiftstore.Store {
	return open(t, swiftstore.Options{Login: func(context.Context) (swiftstore.Login, error) { return login, nil }})
}

func ceph(t *testing.T) *owner {
	o := &owner{t: t, login: loginAs(t, "C", project)}
	o.store = as(t, o.login)
	o.clear()
	t.Cleanup(o.clear)
	return o
}

// send makes a request that changes something.
func (o *owner) send(method, bucket, key string, body []byte, header ...string) {
	o.t.Helper()
	address := o.login.URL + "/" + url.PathEscape(bucket)
	if key != "" {
		address += "/" + strings.ReplaceAll(url.PathEscape(key), "%2F", "/")
	}
	r, err := http.NewRequestWithContext(context.WithoutCancel(o.t.Context()), method, address, bytes.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", o.login.Token)
	r.Header.Set("Content-Type", "application/octet-stream")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		o.t.Fatalf("%s %s/%q: %s", method, bucket, key, answer.Status)
	}
}

func (o *owner) makeBucket(bucket string) { o.send(http.MethodPut, bucket, "", nil) }

func (o *owner) put(bucket, key string, data []byte) { o.send(http.MethodPut, bucket, key, data) }

// clear removes all buckets with all objects in them.
func (o *owner) clear() {
	ctx := context.WithoutCancel(o.t.Context()) // which has ended when this is a cleanup
	buckets, err := o.store.Buckets(ctx)
	if err != nil {
		o.t.Fatal(err)
	}
	for _, b := range buckets {
		for {
			page, err := o.store.List(ctx, b.Name, objstore.ListOptions{})
			if err != nil {
				o.t.Fatal(err)
			}
			for _, object := range page.Objects {
				o.send(http.MethodDelete, b.Name, object.Key, nil)
			}
			if page.Next == "" {
				break
			}
		}
		o.send(http.MethodDelete, b.Name, "", nil)
	}
}

func TestCephSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Fixture {
		o := ceph(t)
		return storetest.Fixture{Store: o.store, MakeBucket: o.makeBucket, Put: o.put, CanHold: canHold}
	})
}

// canHold leaves out what Ceph's gateway doesn't take.
func canHold(key string) bool { return utf8.ValidString(key) && !strings.Contains(key, "\x00") }

// What is granted with X-Container-Read can be listed and read by the other project, and by nobody before.
func TestCephContainerRead(t *testing.T) {
	o, other := ceph(t), as(t, loginAs(t, "D", variable(t, "RGW_D_NAME")))
	o.makeBucket("granted")
	data := bytes.Repeat([]byte("0123456789"), 10_000)
	o.put("granted", "dir/x", data)
	if _, err := other.List(t.Context(), "granted", objstore.ListOptions{}); !errors.Is(err, objstore.ErrDenied) {
		t.Errorf("before the grant: %v", err)
	}
	o.send(http.MethodPost, "granted", "", nil, "X-Container-Read", variable(t, "RGW_D_UID")+":*")
	object, err := other.Head(t.Context(), "granted", "dir/x")
	if err != nil || object.Size != int64(len(data)) {
		t.Fatalf("%+v, %v", object, err)
	}
	got, err := read(t, other, object.Version, 5, 50_000)
	if err != nil || !bytes.Equal(got, data[5:50_005]) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestCephSegmentsOfOthers: a dynamic large object in a bucket that was granted, with the bucket of its segments. The
// gateway refuses it as a whole.
func TestCephSegmentsOfOthers(t *testing.T) {
	o, other := ceph(t), as(t, loginAs(t, "D", variable(t, "RGW_D_NAME")))
	o.makeBucket("large")
	o.makeBucket("large_segments")
	var data []byte
	for i := range 4 {
		part := bytes.Repeat([]byte{byte('A' + i)}, 100_000*(i%3)) // two of them hold nothing
		o.put("large_segments", fmt.Sprintf("a b+%%/%d", i), part)
		data = append(data, part...)
	}
	o.send(http.MethodPut, "large", "dlo", nil, "X-Object-Manifest", "large_segments/a%20b+%25/")
	o.send(http.MethodPost, "large", "", nil, "X-Container-Read", variable(t, "RGW_D_UID")+":*")
	object, err := other.Head(t.Context(), "large", "dlo")
	if err != nil || object.Size != int64(len(data)) {
		t.Fatalf("%+v, %v", object, err)
	}
	if _, err := read(t, other, object.Version, 0, 10); !errors.Is(err, objstore.ErrDenied) {
		t.Errorf("without a grant of the segments: %v", err)
	}
	o.send(http.MethodPost, "large_segments", "", nil, "X-Container-Read", variable(t, "RGW_D_UID")+":*")
	for _, r := range [][2]int64{{0, 300_000}, {0, 1}, {99_999, 2}, {100_000, 200_000}, {299_999, 1}, {50_000, 50_000}} {
		got, err := read(t, other, object.Version, r[0], r[1])
		if err != nil || !bytes.Equal(got, data[r[0]:r[0]+r[1]]) {
			t.Errorf("%v: %d bytes, %v", r, len(got), err)
		}
	}
	o.put("large_segments", "a b+%/1", bytes.Repeat([]byte("X"), 100_000))
	for name, store := range map[string]*swiftstore.Store{"that knows the segments": other, "that doesn't": as(t, loginAs(t, "D", variable(t, "RGW_D_NAME")))} {
		if got, err := read(t, store, object.Version, 0, 300_000); !errors.Is(err, objstore.ErrChanged) || bytes.Contains(got, []byte("X")) {
			t.Errorf("a store %s, after a segment was replaced: %d bytes, %v", name, len(got), err)
		}
	}
	o.send(http.MethodDelete, "large_segments", "a b+%/2", nil)
	if _, err := read(t, other, object.Version, 150_000, 1); !errors.Is(err, objstore.ErrIncomplete) || !strings.Contains(err.Error(), "segment large_segments/a b+%/2") {
		t.Errorf("a missing segment: %v", err)
	}
}

// Manifests: the whole size, every range right, and a change is seen without If-Match.
func TestCephManifests(t *testing.T) {
	o := ceph(t)
	o.makeBucket("large")
	o.makeBucket("large_segments")
	var data []byte
	for i, name := range []string{"0", "1", "2"} {
		segment := bytes.Repeat([]byte{byte('A' + i)}, 100_000)
		o.put("large_segments", "dlo/"+name, segment)
		data = append(data, segment...)
	}
	manifest := "["
	for i, name := range []string{"0", "1", "2"} {
		object, err := o.store.Head(t.Context(), "large_segments", "dlo/"+name)
		if err != nil {
			t.Fatal(err)
		}
		line, err := json.Marshal(map[string]any{"path": "large_segments/dlo/" + name, "etag": object.ETag, "size_bytes": object.Size})
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			manifest += ","
		}
		manifest += string(line)
	}
	o.send(http.MethodPut, "large", "dlo", nil, "X-Object-Manifest", "large_segments/dlo/")
	o.sendSLO("large", "slo", []byte(manifest+"]"))
	page, err := o.store.List(t.Context(), "large", objstore.ListOptions{})
	if err != nil || len(page.Objects) != 2 {
		t.Fatalf("%+v, %v", page, err)
	}
	for _, listed := range page.Objects {
		if listed.Size != 0 {
			t.Errorf("%s is listed with %d bytes, which isn't its size", listed.Key, listed.Size)
		}
		object, err := o.store.Head(t.Context(), "large", listed.Key)
		if err != nil || object.Size != int64(len(data)) {
			t.Fatalf("%+v, %v", object, err)
		}
		for _, r := range [][2]int64{{0, 300_000}, {0, 1}, {99_999, 2}, {50_000, 200_000}, {299_999, 1}, {100_000, 100_000}, {10, 99_990}} {
			got, err := read(t, o.store, object.Version, r[0], r[1])
			if err != nil || !bytes.Equal(got, data[r[0]:r[0]+r[1]]) {
				t.Errorf("%s, %v: %d bytes, %v", listed.Key, r, len(got), err)
			}
		}
		o.put("large", listed.Key, data[:5])
		got, err := read(t, o.store, object.Version, 0, 10)
		old := listed.Key == "dlo" && bytes.Equal(got, data[:10]) // whose segments are still there
		if !old && !errors.Is(err, objstore.ErrChanged) {
			t.Errorf("%s, replaced: %q, %v", listed.Key, got, err)
		}
	}
}

// sendSLO is send for a static large object: that it is one is said in the address.
func (o *owner) sendSLO(bucket, key string, manifest []byte) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), http.MethodPut, o.login.URL+"/"+bucket+"/"+key+"?multipart-manifest=put", bytes.NewReader(manifest))
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", o.login.Token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		o.t.Fatal(answer.Status)
	}
}

func read(t *testing.T, s objstore.Store, v objstore.Version, off, n int64) ([]byte, error) {
	t.Helper()
	body, err := s.Get(t.Context(), v, off, n)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(body)
}
