//go:build ceph

package test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

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

// encryptAsTold does what the letter tells the sender: it saves the keys and encrypts a file with the reference tool.
func encryptAsTold(t *testing.T, letter, file string) {
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
}

// uploadAsTold uploads what was encrypted with the letter's command for a tool. The tool is set up as CSC's own do it.
func (p *project) uploadAsTold(letter, tool, file string) result {
	p.t.Helper()
	home, host := p.t.TempDir(), strings.TrimPrefix(p.endpoint, "http://")
	write(p.t, filepath.Join(home, ".s3cfg"), fmt.Appendf(nil, "[allas-project_2000004]\naccess_key = %s\nsecret_key = %s\nhost_base = %s\n"+
		"host_bucket = %s\nuse_https = False\n", p.access, p.secret, host, host))
	write(p.t, filepath.Join(home, ".config/rclone/rclone.conf"), fmt.Appendf(nil, "[s3allas]\ntype = s3\nprovider = Ceph\nenv_auth = false\n"+
		"access_key_id = %s\nsecret_access_key = %s\nendpoint = %s\n", p.access, p.secret, p.endpoint))
	for line := range strings.Lines(letter) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, tool+" ") {
			line = strings.NewReplacer("FILE.c4gh", "'"+file+".c4gh'", "REMOTE", "s3allas").Replace(line)
			return command{env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}}.run(p.t, "bash", "-euc", line)
		}
	}
	p.t.Fatalf("the letter says nothing of %s:\n%s", tool, letter)
	return result{}
}

// TestCephInbox: from the letter to samtools, and that nobody gets in who shouldn't.
func TestCephInbox(t *testing.T) {
	eachPair(t, testInbox)
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

	m := mount(t, owner.environ(t), "--sk", key.secret, "s3://"+bucket)
	wantListed(t, m, ".", "inbox.pub")
	for file, tool := range map[string]string{bam: "rclone", bam + ".bai": "s3cmd"} { // with the ACL and without
		encryptAsTold(t, r.stdout, file)
		if r := sender.uploadAsTold(r.stdout, tool, file); r.status != 0 {
			t.Errorf("%s: %s%s", tool, r.stdout, r.stderr)
		}
	}
	owner.must("refresh", m.dir)
	wantListed(t, m, ".", "reads.bam")
	readInbox(t, m, bam)
	m.end()
	sender.putMultipart(bucket, "large.c4gh", encrypt(t, content(1, 12<<20), key))
	allowed(t, "list by the sender", sender.list(bucket))
	public, err := sender.get(bucket, "inbox.pub")
	if err != nil || !bytes.Equal(public, key.pk.Marshal()) {
		t.Errorf("public key: %q, %v", public, err)
	}
	refused(t, "sender replaces the public key", sender.putAs(bucket, "inbox.pub", public, ""))
	refused(t, "sender deletes", sender.delete(bucket, "reads.bam.c4gh"))
	third.stayOut(bucket, "reads.bam.c4gh")
	if owner.uid == variable(t, "RGW_C_UID") {
		owner.otherProjectStaysOut(bucket)
	}

	testInboxStatus(t, owner, sender, bucket, key)

	said := owner.must("inbox", "close", bucket)
	wantSaid(t, said, "- "+sender.uid+" may list it, write objects", "closed: "+sender.uid+" may do nothing in "+bucket)
	sender.stayOut(bucket, "reads.bam.bai.c4gh") // its own object, without the ACL
	sender.stayOut(bucket, "reads.bam.c4gh")
	third.stayOut(bucket, "reads.bam.c4gh")
	if r := sender.uploadAsTold(r.stdout, "s3cmd", bam); r.status == 0 || !strings.Contains(r.stderr, "403 (AccessDenied)") {
		t.Errorf("s3cmd after the close: exit status %d, %s", r.status, r.stderr)
	}
	m = mount(t, owner.environ(t), "--sk", key.secret, "s3://"+bucket)
	readInbox(t, m, bam)
	wantSaid(t, owner.must("access", bucket), sender.uid+" may do nothing", "the owner may do everything")

	owner.must("inbox", "create", bucket, "--from", sender.uid, "--pk", key.public)
	allowed(t, "upload into the bucket that was opened again", sender.putAs(bucket, "more.c4gh", public, ""))
	owner.must("unshare", bucket, "--with", sender.uid)
	refused(t, "upload after unshare", sender.putAs(bucket, "more.c4gh", public, ""))
}

// readInbox reads what arrived through the mount.
func readInbox(t *testing.T, m *mountedFS, bam string) {
	t.Helper()
	if sum(t, m.path("reads.bam")) != sum(t, bam) {
		t.Error("the mount has other bytes")
	}
	const region = "chr1:100000-200000"
	got := command{}.must(t, "samtools", "view", "-X", m.path("reads.bam"), m.path("reads.bam.bai"), region)
	if want := (command{}).must(t, "samtools", "view", bam, region); got != want || len(want) < 1000 {
		t.Errorf("samtools: %d bytes, want %d", len(got), len(want))
	}
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

// TestCephInboxBySwift: an inbox that was made with Swift's means, as CSC's tools do it, is read and closed as any other.
func TestCephInboxBySwift(t *testing.T) {
	owner, sender, third, key, bam := newParty(t, "C"), newParty(t, "D"), newThird(t), newKey(t), smallBAM(t)
	const bucket = "inbox-by-swift"
	owner.loginOpenStack("C")
	owner.swiftPut(bucket, nil, "X-Container-Write", sender.uid+":*", "X-Container-Read", sender.uid+":*")
	sender.loginOpenStack("D")
	sender.swift.url = owner.swift.url
	for _, file := range []string{bam, bam + ".bai"} {
		throughFiles(t, nil, file, file+".c4gh", venv(t, "crypt4gh"), "encrypt", "--recipient_pk", key.public)
		sender.swiftClient("upload", "--skip-container-put", "--object-name", filepath.Base(file)+".c4gh", bucket, file+".c4gh")
	}
	m := mount(t, owner.environ(t), "--sk", key.secret, "s3://"+bucket)
	readInbox(t, m, bam)
	third.stayOut(bucket, "reads.bam.c4gh")
	owner.otherProjectStaysOut(bucket)

	url := owner.swift.url + "/" + bucket
	if status := sender.swiftStatus(url + "/reads.bam.c4gh"); status != http.StatusOK {
		t.Errorf("before the close: %d", status)
	}
	wantSaid(t, owner.must("inbox", "close", bucket, "--from", sender.uid), "closed: "+sender.uid)
	sender.stayOut(bucket, "reads.bam.c4gh")
	for _, path := range []string{"", "/reads.bam.c4gh"} {
		if status := sender.swiftStatus(url + path); status != http.StatusForbidden && status != http.StatusUnauthorized {
			t.Errorf("read of %q by Swift after the close: %d", path, status)
		}
	}
	env := append(os.Environ(), "OS_AUTH_TOKEN="+sender.swift.token, "OS_STORAGE_URL="+sender.swift.url)
	if r := (command{env: env}).run(t, "swift", "upload", "--skip-container-put", "--object-name", "late.c4gh", bucket, bam+".c4gh"); r.status == 0 {
		t.Error("an upload by Swift after the close")
	}
	readInbox(t, m, bam)
}

// otherProjectStaysOut tries as another project that the owner's own user belongs to, over S3 and over Swift.
func (p *project) otherProjectStaysOut(bucket string) {
	p.t.Helper()
	for _, args := range [][]string{{"ls", "s3://" + bucket}, {"stat", "s3://" + bucket + "/reads.bam.c4gh"}} {
		r := command{env: carol(p.t, "project_2000005")}.run(p.t, program(), args...)
		if r.status != 1 || !strings.Contains(r.stderr, "isn't shared with this project") {
			p.t.Errorf("%s as another project of the owner's user: exit status %d, %s%s", args[0], r.status, r.stdout, r.stderr)
		}
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
	wantInLog(t, m, words...)
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
