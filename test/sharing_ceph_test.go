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
	"path/filepath"
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

// smallBAM makes a BAM file with an index and returns its name.
func smallBAM(t *testing.T) string {
	t.Helper()
	var sam strings.Builder
	sam.WriteString("@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:chr1\tLN:1000000\n")
	for i := range 20_000 {
		fmt.Fprintf(&sam, "r%d\t0\tchr1\t%d\t60\t20M\t*\t0\t0\tACGTACGTACGTACGTACGT\tIIIIIIIIIIIIIIIIIIII\n", i, 1+i*40)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "reads.sam"), []byte(sam.String()))
	bam := filepath.Join(dir, "reads.bam")
	command{}.must(t, "samtools", "view", "-b", "-o", bam, filepath.Join(dir, "reads.sam"))
	command{}.must(t, "samtools", "index", bam)
	return bam
}

// followLetter does what the letter tells the sender: it saves the keys and encrypts a file with the reference tool.
func followLetter(t *testing.T, letter, file string) []byte {
	t.Helper()
	start, end := strings.Index(letter, "cat > our.pub"), strings.LastIndex(letter, "\nEND\n")
	if start < 0 || end < start {
		t.Fatalf("no keys in the letter:\n%s", letter)
	}
	script := letter[start:end] + "\nEND\n"
	for line := range strings.Lines(letter) {
		if strings.HasPrefix(strings.TrimSpace(line), "crypt4gh encrypt") {
			script += strings.ReplaceAll(line, "FILE", "'"+file+"'")
		}
	}
	path := "PATH=" + filepath.Dir(venv(t, "crypt4gh")) + ":" + os.Getenv("PATH")
	command{env: append(os.Environ(), path), dir: t.TempDir()}.must(t, "bash", "-euc", script)
	body, err := os.ReadFile(file + ".c4gh")
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestCephInbox: from the letter to samtools, and that nobody gets in who shouldn't.
func TestCephInbox(t *testing.T) {
	third := newThird(t)
	for _, pair := range pairs {
		t.Run(pair.owner+pair.other, func(t *testing.T) {
			testInbox(t, newParty(t, pair.owner), newParty(t, pair.other), third)
		})
	}
}

func testInbox(t *testing.T, owner, sender, third *project) {
	key, bam := newKey(t), smallBAM(t)
	bucket := "inbox-" + owner.uid[:2]
	r := owner.allasfs("inbox", "create", bucket, "--from", sender.uid, "--pk", key.public)
	if r.status != 0 {
		t.Fatal(r.stderr)
	}
	wantSaid(t, r.stderr, "+ the bucket is made", "+ "+sender.uid+" may list it, write objects", "+ the owner may read objects")
	wantSaid(t, r.stdout, bucket, owner.endpoint, sender.uid, key.pk.String(), "dmku3fKA/wrOpWntUTkkoQvknjZDisdmSwU4oFk/on0=")

	body := followLetter(t, r.stdout, bam)
	index := followLetter(t, r.stdout, bam+".bai")
	allowed(t, "upload with the ACL", sender.putAs(bucket, "reads.bam.c4gh", body, types.ObjectCannedACLBucketOwnerFullControl))
	allowed(t, "upload without the ACL", sender.putAs(bucket, "reads.bam.bai.c4gh", index, ""))
	sender.putMultipart(bucket, "large.c4gh", encrypt(t, content(1, 12<<20), key))
	allowed(t, "list by the sender", sender.list(bucket))
	public, err := sender.get(bucket, "inbox.pub")
	if err != nil || !bytes.Equal(public, key.pk.Marshal()) {
		t.Errorf("public key: %q, %v", public, err)
	}
	refused(t, "sender replaces the public key", sender.putAs(bucket, "inbox.pub", public, ""))
	refused(t, "sender deletes", sender.delete(bucket, "reads.bam.c4gh"))
	third.stayOut(bucket, "reads.bam.c4gh")

	readInbox(t, owner, bucket, bam, key)
	testInboxStatus(t, owner, sender, bucket, key)

	said := owner.must("inbox", "close", bucket)
	wantSaid(t, said, "- "+sender.uid+" may list it, write objects", "closed: "+sender.uid+" may do nothing in "+bucket)
	sender.stayOut(bucket, "reads.bam.bai.c4gh") // its own object, without the ACL
	sender.stayOut(bucket, "reads.bam.c4gh")
	third.stayOut(bucket, "reads.bam.c4gh")
	readInbox(t, owner, bucket, bam, key)
	wantSaid(t, owner.must("access", bucket), sender.uid+" may do nothing", "the owner may do everything")

	owner.must("inbox", "create", bucket, "--from", sender.uid, "--pk", key.public)
	allowed(t, "upload into the bucket that was opened again", sender.putAs(bucket, "more.c4gh", body, ""))
	owner.must("unshare", bucket, "--with", sender.uid)
	refused(t, "upload after unshare", sender.putAs(bucket, "more.c4gh", body, ""))
}

// readInbox reads what arrived through the mount.
func readInbox(t *testing.T, owner *project, bucket, bam string, key keyPair) {
	t.Helper()
	m := mount(t, owner.environ(t), "--sk", key.secret, "s3://"+bucket)
	if sum(t, m.path("reads.bam")) != sum(t, bam) {
		t.Error("the mount has other bytes")
	}
	const region = "chr1:100000-200000"
	got := command{}.must(t, "samtools", "view", "-X", m.path("reads.bam"), m.path("reads.bam.bai"), region)
	if want := (command{}).must(t, "samtools", "view", bam, region); got != want || len(want) < 1000 {
		t.Errorf("samtools: %d bytes, want %d", len(got), len(want))
	}
	m.end()
}

// testInboxStatus: each state that an object can be in is told.
func testInboxStatus(t *testing.T, owner, sender *project, bucket string, key keyPair) {
	t.Helper()
	stranger := newKey(t)
	whole := encrypt(t, content(2, 1000), stranger)
	for name, body := range map[string][]byte{
		"strange.c4gh": whole, "alone.c4gh": encrypt(t, []byte("x"), key), "plain.txt": []byte("plain"),
		"headless.c4gh": whole[headerSize(t, whole):], "cut.c4gh": whole[:50],
	} {
		allowed(t, name, sender.putAs(bucket, name, body, ""))
	}
	said := owner.must("inbox", "status", bucket, "--sk", key.secret)
	for line, want := range map[string]string{
		"reads.bam.c4gh": "opens; 1 other recipients", "strange.c4gh": "doesn't open: your key isn't among its 1 recipients",
		"alone.c4gh": "opens; no other recipient", "plain.txt": "NOT ENCRYPTED", "headless.c4gh": "no Crypt4GH header",
		"cut.c4gh": "damaged", "8 objects": "your keys open 4 of them",
	} {
		found := ""
		for l := range strings.Lines(said) {
			if strings.Contains(l, line) {
				found = l
			}
		}
		if !strings.Contains(found, want) {
			t.Errorf("%s: %q isn't in %q\n%s", line, want, found, said)
		}
	}
	wantSaid(t, said, sender.uid)
	for _, name := range []string{"strange.c4gh", "alone.c4gh", "plain.txt", "headless.c4gh", "cut.c4gh"} {
		allowed(t, "the owner deletes", owner.delete(bucket, name))
	}
}

// TestCephImportTrap: a bucket that other tools shared for writing. The listing shows what arrives, and reading it is
// refused with the reason, until it is shared back by either side.
func TestCephImportTrap(t *testing.T) {
	for _, pair := range pairs {
		t.Run(pair.owner+pair.other, func(t *testing.T) {
			testTrap(t, newParty(t, pair.owner), newParty(t, pair.other))
		})
	}
}

func testTrap(t *testing.T, owner, sender *project) {
	key, bucket := newKey(t), "trap-"+owner.uid[:2]
	_, err := owner.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket})
	allowed(t, "make the bucket", err)
	owner.setPolicy(bucket, sender, "s3:PutObject", "s3:ListBucket")
	encrypted := encrypt(t, []byte("from the centre"), key)
	allowed(t, "upload", sender.putAs(bucket, "x.c4gh", encrypted, ""))
	allowed(t, "upload with the ACL", sender.putAs(bucket, "granted.c4gh", encrypted, types.ObjectCannedACLBucketOwnerFullControl))

	m := mount(t, owner.environ(t), "--sk", key.secret, "s3://"+bucket)
	wantListed(t, m, ".", "x")
	if got := m.read("granted"); string(got) != "from the centre" {
		t.Errorf("with the ACL it reads %q", got)
	}
	_, err = os.ReadFile(m.path("x"))
	wantErrno(t, "what isn't shared back", err, syscall.EACCES)
	words := []string{"uploaded by", sender.uid, "hasn't shared it back", "allasfs share " + bucket + " --with self"}
	eventually(t, "the reason in the log", func() bool {
		return !slices.ContainsFunc(words, func(w string) bool { return !m.log.contains(w) })
	})
	wantSaid(t, owner.must("inbox", "status", bucket, "--sk", key.secret), words...)
	r := owner.allasfs("stat", "s3://"+bucket+"/x.c4gh")
	if r.status != 1 {
		t.Errorf("stat: exit status %d", r.status)
	}
	wantSaid(t, r.stderr, words...)

	allowed(t, "sharing back by the uploader", sender.shareBack(bucket, "x.c4gh"))
	if got := m.read("x"); string(got) != "from the centre" {
		t.Errorf("shared back by its uploader it reads %q", got)
	}
	allowed(t, "upload", sender.putAs(bucket, "y.c4gh", encrypted, ""))
	said := owner.must("share", bucket, "--with", "self")
	wantSaid(t, said, "+ the owner may read objects")
	owner.must("refresh", m.dir)
	if got := m.read("y"); string(got) != "from the centre" {
		t.Errorf("with the owner's rule it reads %q", got)
	}
	wantSaid(t, owner.must("access", bucket), sender.uid+" may list it, write objects", "the owner may read objects")
	allowed(t, "the other rules are still there", sender.putAs(bucket, "z.c4gh", encrypted, ""))
}

// shareBack gives the bucket's owner all rights in an object, as its uploader can.
func (p *project) shareBack(bucket, key string) error {
	_, err := p.s3.PutObjectAcl(p.t.Context(), &s3.PutObjectAclInput{Bucket: &bucket, Key: &key, ACL: types.ObjectCannedACLBucketOwnerFullControl})
	return err
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

// TestCephShare: plain grants by policy, given and taken back.
func TestCephShare(t *testing.T) {
	third := newThird(t)
	for _, pair := range pairs {
		t.Run(pair.owner+pair.other, func(t *testing.T) {
			testShare(t, newParty(t, pair.owner), newParty(t, pair.other), third)
		})
	}
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
	third := newThird(t)
	for _, pair := range pairs {
		t.Run(pair.owner+pair.other, func(t *testing.T) {
			testACL(t, newParty(t, pair.owner), newParty(t, pair.other), third)
		})
	}
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
	wantSaid(t, m.log.String(), "the object isn't shared with this project", "allasfs share "+bucket+" --with "+other.uid)
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
	wantSaid(t, back.log.String(), "hasn't shared it back")
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
