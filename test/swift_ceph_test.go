//go:build ceph

package test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// openStack returns the variables of a login to the project with a letter.
func openStack(t *testing.T, letter string) []string {
	get := func(name string) string { return variable(t, "RGW_"+letter+"_"+name) }
	return []string{"OS_AUTH_URL=" + variable(t, "KEYSTONE_URL"), "OS_USERNAME=" + get("USER"), "OS_PASSWORD=" + get("PASSWORD"),
		"OS_PROJECT_NAME=" + get("NAME")}
}

// loginOpenStack gives the project a token for Swift.
func (p *project) loginOpenStack(letter string) {
	p.t.Helper()
	get := func(name string) string { return variable(p.t, "RGW_"+letter+"_"+name) }
	body := fmt.Sprintf(`{"auth": {"identity": {"methods": ["password"], "password": {"user": {"name": %q, "domain": {"id": "default"},
		"password": %q}}}, "scope": {"project": {"name": %q, "domain": {"id": "default"}}}}}`, get("USER"), get("PASSWORD"), get("NAME"))
	h := p.http("POST", variable(p.t, "KEYSTONE_URL")+"/auth/tokens", []byte(body), "Content-Type", "application/json")
	p.swift = swiftToken{p.endpoint + "/swift/v1/AUTH_" + p.uid, h.Get("X-Subject-Token")}
}

// TestCephSwiftGrant: a grant to a project that Swift's tools make (a-access) is refused to keys for S3. With a login to
// OpenStack it is read all the same, for as long as it is there.
func TestCephSwiftGrant(t *testing.T) {
	owner, other, key := newParty(t, "C"), newParty(t, "D"), newKey(t)
	owner.loginOpenStack("C")
	bucket := "swift-" + owner.uid[:2]
	_, err := owner.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	allowed(t, "make the bucket", err)
	plaintext := content(3, 3<<20)
	for name, body := range map[string][]byte{"run/x.c4gh": encrypt(t, plaintext, key), "run/a+b c.txt": []byte("plain")} {
		allowed(t, name, owner.putAs(bucket, name, body, ""))
	}
	segments := bucket + "_segments"
	owner.swiftPut(segments, nil)
	for i, part := range slices.Collect(slices.Chunk(encrypt(t, plaintext, key), 1_000_000)) {
		owner.swiftPut(fmt.Sprintf("%s/large/%08d", segments, i), part)
	}
	owner.swiftPut(bucket+"/run/large.c4gh", nil, "X-Object-Manifest", segments+"/large/")
	grant := func(to string) {
		for _, name := range []string{bucket, segments} {
			owner.http("POST", owner.swift.url+"/"+name, nil, "X-Auth-Token", owner.swift.token, "X-Container-Read", to)
		}
	}
	grant(other.uid + ":*")

	refused(t, "list with keys for S3", other.list(bucket))
	r := other.allasfs("ls", "s3://"+bucket)
	wantSaid(t, r.stderr, "bucket "+bucket+" isn't shared with this project", "OS_AUTH_URL")
	strangers := command{env: other.environ(t, openStack(t, "C")...)}.run(t, program(), "ls", "s3://"+bucket)
	if strangers.status != 1 || !strings.Contains(strangers.stderr, "isn't shared with this project") {
		t.Errorf("with the login of another project: exit status %d, %s", strangers.status, strangers.stderr)
	}

	env := other.environ(t, openStack(t, "D")...)
	if got := (command{env: env}).must(t, program(), "ls", "s3://"+bucket+"/run"); got != "a+b c.txt\nlarge\nx\n" {
		t.Errorf("ls: %q", got)
	}
	m := mount(t, env, "--sk", key.secret, "--list-ttl", "0s")
	wantListed(t, m, bucket, "run")
	wantListed(t, m, bucket+"/run", "x")
	if !bytes.Equal(m.read(bucket+"/run/x"), plaintext) || string(m.read(bucket+"/run/a+b c.txt")) != "plain" {
		t.Error("it is read wrong")
	}
	if !bytes.Equal(m.read(bucket+"/run/large"), plaintext) {
		t.Error("an object in segments is read wrong")
	}
	if m.log.contains("the store refuses") {
		t.Error("the log tells of a refusal that isn't one")
	}
	grant("nobody")
	_, err = os.ReadDir(m.path(bucket + "/run"))
	wantErrno(t, "when the grant is gone", err, syscall.EACCES)
	for _, secret := range []string{owner.swift.token, variable(t, "RGW_D_PASSWORD"), "gAAAAA"} {
		if m.log.contains(secret) {
			t.Error("the log shows a secret")
		}
	}
}

// TestCephShareByName: a project of one's own goes by its name.
func TestCephShareByName(t *testing.T) {
	owner := newParty(t, "C")
	bucket := "named-" + owner.uid[:2]
	_, err := owner.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	allowed(t, "make the bucket", err)
	env := owner.environ(t, openStack(t, "C")...)
	r := command{env: env}.run(t, program(), "share", bucket, "--with", "project_2000005")
	if r.status != 0 {
		t.Fatal(r.stderr)
	}
	wantSaid(t, owner.must("access", bucket), "0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e may list it, read objects")
	r = command{env: env}.run(t, program(), "share", bucket, "--with", variable(t, "RGW_D_NAME"))
	if r.status != 1 {
		t.Errorf("exit status %d", r.status)
	}
	wantSaid(t, r.stderr, "Keystone shows only one's own projects", "32 hexadecimal digits")
	inbox := bucket + "-inbox"
	r = command{env: env}.run(t, program(), "inbox", "create", inbox, "--from", "project_2000005", "--pk", newKey(t).public)
	if r.status != 0 {
		t.Fatal(r.stderr)
	}
	wantSaid(t, r.stderr, "0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e")
}
