//go:build ceph

package test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// project is one of the two projects that test/ceph/up.sh makes; its variables begin with RGW_A or RGW_B.
type project struct {
	t   *testing.T
	uid string
	account
	s3    *s3.Client
	swift swiftToken
}

// swiftToken is what a Swift login gives.
type swiftToken struct{ url, token string }

func variable(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s isn't set: run this by make test-ceph", name)
	}
	return v
}

func newProject(t *testing.T, letter string) *project {
	t.Helper()
	get := func(name string) string { return variable(t, "RGW_"+letter+"_"+name) }
	p := &project{t: t, uid: get("UID"), account: account{variable(t, "RGW_URL"), get("ACCESS"), get("SECRET")}}
	p.s3 = s3.New(s3.Options{
		Region: "regionOne", BaseEndpoint: &p.endpoint, UsePathStyle: true,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: p.access, SecretAccessKey: p.secret}, nil
		}),
	})
	p.login(variable(t, "RGW_SWIFT_AUTH"), get("SWIFT"))
	return p
}

func (p *project) login(url, password string) {
	p.t.Helper()
	h := p.http("GET", url, nil, "X-Auth-User", p.uid+":swift", "X-Auth-Key", password)
	p.swift = swiftToken{h.Get("X-Storage-Url"), h.Get("X-Auth-Token")}
}

// http sends a request that has to succeed and returns the header of the answer.
func (p *project) http(method, url string, body []byte, header ...string) http.Header {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, url, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	said, _ := io.ReadAll(resp.Body)
	if resp.StatusCode/100 != 2 {
		p.t.Fatalf("%s %s: %s\n%s", method, url, resp.Status, said)
	}
	return resp.Header
}

// swiftPut stores something over Swift; path is CONTAINER or CONTAINER/OBJECT.
func (p *project) swiftPut(path string, body []byte, header ...string) http.Header {
	p.t.Helper()
	return p.http("PUT", p.swift.url+"/"+path, body, append(header, "X-Auth-Token", p.swift.token)...)
}

// bucket makes a bucket with a name that no other test has.
func (p *project) bucket() string {
	p.t.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(p.t.Name()))
	if _, err := p.s3.CreateBucket(p.t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		p.t.Fatal(err)
	}
	return name
}

func (p *project) put(bucket, key string, body []byte) {
	p.t.Helper()
	in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)}
	if _, err := p.s3.PutObject(p.t.Context(), in); err != nil {
		p.t.Fatal(err)
	}
}

// putMultipart uploads in parts of 5 MiB, so that the ETag isn't an MD5.
func (p *project) putMultipart(bucket, key string, body []byte) {
	p.t.Helper()
	ctx := p.t.Context()
	upload, err := p.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key})
	if err != nil {
		p.t.Fatal(err)
	}
	var parts []types.CompletedPart
	for chunk := range slices.Chunk(body, 5<<20) {
		number := aws.Int32(int32(len(parts) + 1))
		part, err := p.s3.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &bucket, Key: &key, UploadId: upload.UploadId, PartNumber: number, Body: bytes.NewReader(chunk),
		})
		if err != nil {
			p.t.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{PartNumber: number, ETag: part.ETag})
	}
	if _, err := p.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &bucket, Key: &key, UploadId: upload.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts},
	}); err != nil {
		p.t.Fatal(err)
	}
}

// share lets another project list and read a bucket.
func (p *project) share(bucket string, with *project) {
	p.t.Helper()
	policy := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
		"Principal": {"AWS": ["arn:aws:iam:::user/%s"]}, "Action": ["s3:ListBucket", "s3:GetObject"],
		"Resource": ["arn:aws:s3:::%s", "arn:aws:s3:::%s/*"]}]}`, with.uid, bucket, bucket)
	in := &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy}
	if _, err := p.s3.PutBucketPolicy(p.t.Context(), in); err != nil {
		p.t.Fatal(err)
	}
}

func TestCephReadBack(t *testing.T) {
	a, key := newProject(t, "A"), newKey(t)
	bucket := a.bucket()
	dir := t.TempDir()
	sums := map[string]string{}
	for _, size := range boundaries {
		plain, encrypted := filepath.Join(dir, "p"), filepath.Join(dir, "e")
		want := writeStream(t, plain, uint64(size), size)
		for _, tool := range []string{venv(t, "crypt4gh"), program()} {
			throughFiles(t, nil, plain, encrypted, tool, append([]string{"encrypt"}, recipients(t, key, 3)...)...)
			body, err := os.ReadFile(encrypted)
			if err != nil {
				t.Fatal(err)
			}
			name := fmt.Sprintf("%s-%d", filepath.Base(tool), size)
			a.put(bucket, name+".c4gh", body)
			sums[name] = want
		}
	}
	m := mount(t, a.environ(t), "--sk", key.secret)
	for name, want := range sums {
		if sum(t, m.path(bucket+"/"+name)) != want {
			t.Errorf("%s: wrong bytes", name)
		}
	}
}

func TestCephMultipart(t *testing.T) {
	a, key := newProject(t, "A"), newKey(t)
	bucket := a.bucket()
	plain := content(31, 17<<20)
	a.putMultipart(bucket, "x.c4gh", encrypt(t, plain, key))
	a.putMultipart(bucket, "plain", plain)
	m := mount(t, a.environ(t), "--sk", key.secret, "s3://"+bucket)
	randomReads(t, m.path("x"), plain, 2000)
	randomReads(t, m.path("plain"), plain, 2000)
}

func TestCephNames(t *testing.T) {
	a, key := newProject(t, "A"), newKey(t)
	bucket := a.bucket()
	held := namesHeldBy(nameCase.areCephs)
	for name := range held {
		a.put(bucket, name, held.body(t, name, key))
	}
	held.check(t, a.environ(t), "--sk", key.secret, "s3://"+bucket)
}

// areCephs leaves out what Ceph's gateway doesn't take: names that aren't UTF-8, and those with a NUL.
func (c nameCase) areCephs() bool {
	for key := range c {
		if !utf8.ValidString(key) || strings.Contains(key, "\x00") {
			return false
		}
	}
	return true
}

// TestCephNamesOfEveryLength: whatever characters a key consists of, it has one path.
func TestCephNamesOfEveryLength(t *testing.T) {
	a := newProject(t, "A")
	bucket := a.bucket()
	keys := randomKeys(2, true)
	for key := range keys {
		a.put(bucket, key, []byte(key))
	}
	checkEach(t, mount(t, a.environ(t), "s3://"+bucket), keys)
}

// TestCephPages: directories of more than a page, whatever stands where one ends.
func TestCephPages(t *testing.T) {
	a := newProject(t, "A")
	bucket := a.bucket()
	for i := range 1100 {
		a.put(bucket, fmt.Sprintf("prefixes/%04d/x", i), nil)
		a.put(bucket, fmt.Sprintf("control/\x01\r\n%04d\x1f", i), nil)
	}
	m := mount(t, a.environ(t), "s3://"+bucket)
	for _, dir := range []string{"prefixes", "control"} {
		entries, err := os.ReadDir(m.path(dir))
		if err != nil || len(entries) != 1100 {
			t.Errorf("%s: %d entries, %v", dir, len(entries), err)
		}
	}
}

// TestCephShared: buckets of another project.
func TestCephShared(t *testing.T) {
	a, b, key := newProject(t, "A"), newProject(t, "B"), newKey(t)
	bucket := b.bucket()
	b.put(bucket, "x.c4gh", encrypt(t, []byte("shared"), key))
	b.share(bucket, a)
	private := bucket + "-private"
	b.swiftPut(private, nil)

	m := mount(t, a.environ(t), "--sk", key.secret)
	if slices.Contains(tree(t, m.dir), bucket+"/") {
		t.Error("a shared bucket is listed")
	}
	if got := m.read(bucket + "/x"); string(got) != "shared" {
		t.Errorf("by name it reads %q", got)
	}
	_, err := os.ReadDir(m.path(private))
	wantErrno(t, "a bucket that isn't shared", err, syscall.EACCES)
	_, err = os.ReadDir(m.path(bucket + "-none"))
	wantErrno(t, "a bucket that isn't there", err, syscall.ENOENT)

	named := mount(t, a.environ(t), "--sk", key.secret, "--bucket", bucket)
	wantListed(t, named, ".", bucket)
}

// TestCephSwift: large objects that Swift keeps in segments, and a bucket with a name that S3 doesn't allow.
func TestCephSwift(t *testing.T) {
	a, key := newProject(t, "A"), newKey(t)
	const container = "Ceph_Swift"
	segments := container + "_segments"
	a.swiftPut(container, nil)
	a.swiftPut(segments, nil)
	plain := content(32, 3<<20)
	for name, body := range map[string][]byte{"x.c4gh": encrypt(t, plain, key), "plain": plain} {
		var static []string
		for i, chunk := range slices.Collect(slices.Chunk(body, 1_000_000)) {
			path := fmt.Sprintf("%s/%s/1700000000/%d/%08d", segments, name, len(body), i)
			h := a.swiftPut(path, chunk)
			static = append(static, fmt.Sprintf(`{"path": "/%s", "etag": %q, "size_bytes": %d}`, path, h.Get("Etag"), len(chunk)))
		}
		a.swiftPut(container+"/dynamic-"+name, nil, "X-Object-Manifest", fmt.Sprintf("%s/%s/1700000000/%d/", segments, name, len(body)))
		a.swiftPut(container+"/static-"+name+"?multipart-manifest=put", []byte("["+strings.Join(static, ",")+"]"))
	}
	m := mount(t, a.environ(t), "--sk", key.secret)
	for _, name := range []string{"dynamic-x", "static-x", "dynamic-plain", "static-plain"} {
		path := container + "/" + name
		wantListed(t, m, container, name)
		wantSize(t, m, path, int64(len(plain)))
		randomReads(t, m.path(path), plain, 500)
	}
	if slices.Contains(tree(t, m.dir), segments+"/") {
		t.Errorf("%s is listed", segments)
	}
}

func TestCephErrors(t *testing.T) {
	a, key := newProject(t, "A"), newKey(t)
	bucket := a.bucket()
	old, fresh := content(33, 8<<20), content(34, 8<<20)
	a.put(bucket, "x.c4gh", encrypt(t, old, key))
	a.put(bucket, "others.c4gh", encrypt(t, old, newKey(t)))
	m := mount(t, a.environ(t), "--sk", key.secret, "s3://"+bucket)

	_, err := os.Open(m.path("none"))
	wantErrno(t, "open of a name that isn't there", err, syscall.ENOENT)
	_, err = os.Open(m.path("others"))
	wantErrno(t, "open of an object for others", err, syscall.ENOKEY)
	wantSize(t, m, "others", int64(len(old)))

	f, err := os.Open(m.path("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	buf := make([]byte, 100)
	if _, err := f.ReadAt(buf, 0); err != nil || !bytes.Equal(buf, old[:100]) {
		t.Errorf("read: %v", err)
	}
	a.put(bucket, "x.c4gh", encrypt(t, fresh, key))
	_, err = f.ReadAt(buf, 7<<20)
	wantErrno(t, "read of an object that was replaced", err, syscall.ESTALE)
	command{env: m.env}.must(t, program(), "refresh", m.dir)
	if got := m.read("x"); !bytes.Equal(got, fresh) {
		t.Error("opened anew, the file isn't the new object")
	}

	stranger := a.account
	stranger.secret = "wrong"
	r := noTerminal(t, stranger.environ(t), "mount", t.TempDir())
	complaint(t, r, badInput{status: 1, says: "denied"}, []string{a.secret})
}

func TestCephTools(t *testing.T) {
	a, key := newProject(t, "A"), newKey(t)
	bucket := a.bucket()
	plain := plainTree(t)
	for _, name := range []string{"wgsim.bam", "wgsim.bam.bai", "variants.bcf", "variants.bcf.csi"} {
		data, err := os.ReadFile(filepath.Join(plain, name))
		if err != nil {
			t.Fatal(err)
		}
		a.put(bucket, name+".c4gh", encrypt(t, data, key))
	}
	m := mount(t, a.environ(t), "--sk", key.secret, "s3://"+bucket)
	for _, c := range toolCommands {
		if strings.HasPrefix(c.name, "samtools count") || c.name == "samtools region" || c.name == "bcftools region of BCF" {
			t.Run(c.name, func(t *testing.T) { same(t, tool(t, m.dir, plain, c.script), tool(t, plain, plain, c.script)) })
		}
	}
}
