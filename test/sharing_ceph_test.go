//go:build ceph

package test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// pairs are a bucket's owner and the other project, by the letter in their variables.
// A and B are local users of the gateway, C and D projects of OpenStack's, as on Allas.
var pairs = []struct{ owner, other string }{{"A", "B"}, {"C", "D"}}

// thirdUser is a project that nobody ever shares anything with.
const thirdUser = "0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f"

// newThird makes that project.
func newThird(t *testing.T) *project {
	t.Helper()
	p := &project{t: t, uid: thirdUser, account: account{variable(t, "RGW_URL"), "CEPHPROJECTTHIRD0009", "ceph-secret-of-the-third-project-00000009"}}
	admin := command{env: os.Environ()}
	if r := admin.run(t, "radosgw-admin", "user", "info", "--uid="+p.uid); r.status != 0 {
		admin.must(t, "radosgw-admin", "user", "create", "--uid="+p.uid, "--display-name=project_2000009",
			"--access-key="+p.access, "--secret-key="+p.secret)
	}
	p.connect()
	return p
}

// newParty is newProject without a Swift login.
func newParty(t *testing.T, letter string) *project {
	t.Helper()
	get := func(name string) string { return variable(t, "RGW_"+letter+"_"+name) }
	p := &project{t: t, uid: get("UID"), account: account{variable(t, "RGW_URL"), get("ACCESS"), get("SECRET")}}
	p.connect()
	return p
}

func (p *project) connect() {
	p.s3 = s3.New(s3.Options{
		Region: "regionOne", BaseEndpoint: &p.endpoint, UsePathStyle: true, Retryer: aws.NopRetryer{},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: p.access, SecretAccessKey: p.secret}, nil
		}),
	})
}

// allasfs runs the program as somebody of the project.
func (p *project) allasfs(args ...string) result {
	p.t.Helper()
	return command{env: p.environ(p.t)}.run(p.t, program(), args...)
}

// must runs the program, which has to succeed, and returns all that it said.
func (p *project) must(args ...string) string {
	p.t.Helper()
	r := p.allasfs(args...)
	if r.status != 0 {
		p.t.Fatalf("allasfs %s: exit status %d\n%s%s", strings.Join(args, " "), r.status, r.stdout, r.stderr)
	}
	return r.stdout + r.stderr
}

// putAs uploads with a canned ACL, or none, and returns what the store says.
func (p *project) putAs(bucket, key string, body []byte, acl types.ObjectCannedACL) error {
	_, err := p.s3.PutObject(p.t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body), ACL: acl})
	return err
}

func (p *project) get(bucket, key string) ([]byte, error) {
	out, err := p.s3.GetObject(p.t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}

func (p *project) list(bucket string) error {
	_, err := p.s3.ListObjectsV2(p.t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	return err
}

func (p *project) delete(bucket, key string) error {
	_, err := p.s3.DeleteObject(p.t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key})
	return err
}

func (p *project) publish(bucket, key string) error {
	_, err := p.s3.PutObjectAcl(p.t.Context(), &s3.PutObjectAclInput{Bucket: &bucket, Key: &key, ACL: types.ObjectCannedACLPublicRead})
	return err
}

func statusOf(err error) int {
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return r.HTTPStatusCode()
	}
	return 0
}

func refused(t *testing.T, what string, err error) {
	t.Helper()
	if statusOf(err) != http.StatusForbidden {
		t.Errorf("%s: %v, want 403", what, err)
	}
}

func allowed(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// wantInLog fails unless the mount's log soon has all of the words.
func wantInLog(t *testing.T, m *mountedFS, words ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("%q in the log", words), func() bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !m.log.contains(w) })
	})
}

func wantSaid(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("%q isn't in:\n%s", want, text)
		}
	}
}

// stayOut tries everything that a project without rights could try.
func (p *project) stayOut(bucket, key string) {
	p.t.Helper()
	refused(p.t, "list", p.list(bucket))
	_, err := p.get(bucket, key)
	refused(p.t, "get", err)
	refused(p.t, "put", p.putAs(bucket, "intruder", []byte("x"), ""))
	refused(p.t, "replace", p.putAs(bucket, key, []byte("x"), ""))
	refused(p.t, "delete", p.delete(bucket, key))
	refused(p.t, "publish", p.publish(bucket, key))
	_, err = p.s3.GetBucketPolicy(p.t.Context(), &s3.GetBucketPolicyInput{Bucket: &bucket})
	refused(p.t, "see the policy", err)
	if r := p.allasfs("inbox", "close", bucket); r.status != 1 {
		p.t.Errorf("inbox close by a stranger: %d\n%s", r.status, r.stderr)
	}
}

// setPolicy shares a bucket as other tools do.
func (p *project) setPolicy(bucket string, with *project, actions ...string) {
	p.t.Helper()
	policy := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Sid": "Theirs", "Effect": "Allow",
		"Principal": {"AWS": ["arn:aws:iam:::user/%[1]s", "arn:aws:iam::%[1]s:root"]}, "Action": ["%[2]s"],
		"Resource": ["arn:aws:s3:::%[3]s", "arn:aws:s3:::%[3]s/*"]}]}`, with.uid, strings.Join(actions, `", "`), bucket)
	if _, err := p.s3.PutBucketPolicy(p.t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy}); err != nil {
		p.t.Fatal(err)
	}
}

// eachPair runs a test with each of the pairs and with somebody who is never let in.
func eachPair(t *testing.T, test func(t *testing.T, owner, other, third *project)) {
	third := newThird(t)
	for _, pair := range pairs {
		t.Run(pair.owner+pair.other, func(t *testing.T) { test(t, newParty(t, pair.owner), newParty(t, pair.other), third) })
	}
}

// TestCephShare: plain grants by policy, given and taken back.
func TestCephShare(t *testing.T) {
	eachPair(t, testShare)
}

func testShare(t *testing.T, owner, other, third *project) {
	key, bucket := newKey(t), "share-"+owner.uid[:2]
	_, err := owner.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	allowed(t, "make the bucket", err)
	owner.put(bucket, "x.c4gh", encrypt(t, []byte("shared"), key))
	other.stayOut(bucket, "x.c4gh")
	r := other.allasfs("ls", "s3://"+bucket)
	wantSaid(t, r.stderr, "bucket "+bucket+" isn't shared with this project", "allasfs share "+bucket+" --with "+other.uid)
	owner.setPolicy(bucket, third, "s3:GetBucketLocation") // a rule of others, which stays

	wantSaid(t, owner.must("share", bucket, "--with", other.uid), "+ "+other.uid+" may list it, read objects")
	m := mount(t, other.environ(t), "--sk", key.secret)
	if got := m.read(bucket + "/x"); string(got) != "shared" {
		t.Errorf("it reads %q", got)
	}
	m.end()
	refused(t, "write with read rights", other.putAs(bucket, "y", []byte("y"), ""))
	refused(t, "delete with read rights", other.delete(bucket, "x.c4gh"))
	wantSaid(t, owner.must("share", bucket, "--with", other.uid), "nothing: it is so already")
	wantSaid(t, other.must("access", bucket), "belongs to another project", "may list it")

	owner.must("share", bucket, "--with", other.uid, "--write")
	allowed(t, "write", other.putAs(bucket, "y", []byte("y"), ""))
	if got, err := owner.get(bucket, "y"); string(got) != "y" {
		t.Errorf("the owner reads what the other wrote: %q, %v", got, err)
	}
	allowed(t, "delete", other.delete(bucket, "y"))
	if r := other.allasfs("share", bucket, "--with", third.uid); r.status != 1 || !strings.Contains(r.stderr, "only its owner") {
		t.Errorf("share by the other: %d %s", r.status, r.stderr)
	}
	third.stayOut(bucket, "x.c4gh")

	wantSaid(t, owner.must("access", bucket), other.uid+" may list it, read objects, write objects, delete objects", third.uid+" may s3:GetBucketLocation")
	wantSaid(t, owner.must("unshare", bucket, "--with", other.uid), "nothing in the policy and the ACL of "+bucket)
	other.stayOut(bucket, "x.c4gh")
	wantSaid(t, owner.must("access", bucket), third.uid+" may s3:GetBucketLocation (policy Theirs)")
}

// TestCephShareByACL: the grants of S3 itself. One on the bucket shows the names and no more.
func TestCephShareByACL(t *testing.T) {
	eachPair(t, testACL)
}

func testACL(t *testing.T, owner, other, third *project) {
	key, bucket, object := newKey(t), "acl-"+owner.uid[:2], "x.c4gh"
	_, err := owner.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	allowed(t, "make the bucket", err)
	owner.put(bucket, object, encrypt(t, []byte("by ACL"), key))
	full, read := aws.String("id="+owner.uid), aws.String("id="+other.uid)
	_, err = owner.s3.PutBucketAcl(t.Context(), &s3.PutBucketAclInput{Bucket: &bucket, GrantFullControl: full, GrantRead: read})
	allowed(t, "set the bucket's ACL", err)

	m := mount(t, other.environ(t), "--sk", key.secret, "s3://"+bucket)
	wantListed(t, m, ".", "x")
	_, err = os.ReadFile(m.path("x"))
	wantErrno(t, "an object that the bucket's ACL doesn't cover", err, syscall.EACCES)
	wantInLog(t, m, "the object isn't shared with this project", "allasfs share "+bucket+" --with "+other.uid)
	wantSaid(t, owner.must("access", bucket), other.uid+") may list it (ACL)")

	_, err = owner.s3.PutObjectAcl(t.Context(), &s3.PutObjectAclInput{Bucket: &bucket, Key: &object, GrantFullControl: full, GrantRead: read})
	allowed(t, "set the object's ACL", err)
	if got := m.read("x"); string(got) != "by ACL" {
		t.Errorf("it reads %q", got)
	}
	third.stayOut(bucket, object)

	r := owner.allasfs("unshare", bucket, "--with", other.uid)
	if r.status != 1 || !strings.Contains(r.stderr, "still there:") || !strings.Contains(r.stderr, "may list it (ACL)") {
		t.Errorf("unshare beside an ACL: %d\n%s", r.status, r.stderr)
	}
	// Closing denies what other grants allow.
	wantSaid(t, owner.must("inbox", "close", bucket, "--from", other.uid), "closed: "+other.uid, "without effect")
	other.stayOut(bucket, object)
}

// TestCephShareBySwift: a grant that Swift tools make to a user counts for S3 keys, and can't be seen over S3.
func TestCephShareBySwift(t *testing.T) {
	owner, other, third, key := newProject(t, "A"), newProject(t, "B"), newThird(t), newKey(t)
	bucket := owner.bucket()
	owner.put(bucket, "x.c4gh", encrypt(t, []byte("by Swift"), key))
	owner.http("POST", owner.swift.url+"/"+bucket, nil, "X-Auth-Token", owner.swift.token,
		"X-Container-Read", other.uid, "X-Container-Write", other.uid)
	m := mount(t, other.environ(t), "--sk", key.secret, "s3://"+bucket)
	if got := m.read("x"); string(got) != "by Swift" {
		t.Errorf("it reads %q", got)
	}
	third.stayOut(bucket, "x.c4gh")
	wantSaid(t, owner.must("access", bucket), "not shown: grants made with Swift")

	allowed(t, "upload by a Swift grant", other.putAs(bucket, "y.c4gh", encrypt(t, []byte("back"), key), ""))
	back := mount(t, owner.environ(t), "--sk", key.secret, "s3://"+bucket)
	_, err := os.ReadFile(back.path("y"))
	wantErrno(t, "what isn't shared back", err, syscall.EACCES)
	wantInLog(t, back, "hasn't shared it back")
	owner.must("share", bucket, "--with", "self")
	if got := back.read("y"); string(got) != "back" {
		t.Errorf("it reads %q", got)
	}
	url := owner.swift.url + "/" + bucket
	if status := other.swiftStatus(url + "/y.c4gh"); status != http.StatusOK {
		t.Errorf("read by Swift: %d", status)
	}
	owner.must("inbox", "close", bucket, "--from", other.uid)
	other.stayOut(bucket, "y.c4gh")
	for _, path := range []string{"", "/x.c4gh", "/y.c4gh"} {
		if status := other.swiftStatus(url + path); status != http.StatusForbidden {
			t.Errorf("read of %q by Swift after the close: %d", path, status)
		}
	}
}

// swiftStatus is what Swift answers to a GET.
func (p *project) swiftStatus(url string) int {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, url, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("X-Auth-Token", p.swift.token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
