//go:build ceph

package test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// layout is how a tool of Swift's uploads an object in segments.
type layout struct {
	name   string   // of the object, with .c4gh behind
	place  string   // of its segments, behind the name of the bucket
	static bool     // the manifest is a list
	client []string // the flags with which Swift's own client makes it; nil for a layout of another tool
}

// beside tells whether the segments are in the bucket of the object.
func (a layout) beside() bool { return strings.HasPrefix(a.place, "/") }

// layouts are those that are met in the wild. TIME, SIZE and SEGMENT stand for what the tool puts there.
var layouts = []layout{
	{"dynamic", "_segments/dynamic.c4gh/TIME/SIZE/SEGMENT/", false, []string{}},
	{"static", "_segments/static.c4gh/slo/TIME/SIZE/SEGMENT/", true, []string{"--use-slo"}},
	{"piped", "_segments/piped.c4gh/slo/TIME/SEGMENT/", true, nil},
	{"beside", "/beside.c4gh/TIME/SIZE/SEGMENT/", false, nil},
	{"static-beside", "/static-beside.c4gh/slo/TIME/SIZE/SEGMENT/", true, nil},
	{"sized", "_segments/sized.c4gh/TIME/SIZE/", false, nil},
	{"dated", "_segments/dated.c4gh/20240102T030405-a1b2c3/", false, nil},
	{"uuid", "_segments/uuid.c4gh/0b54f0ff-6b5e-4d2b-9a2f-3f1f0a5d9c11/", false, nil},
}

// largeObjects are objects with the same bytes in all layouts. What Swift's client doesn't make is copied within the
// store, where the copies share their data.
type largeObjects struct {
	*project
	bucket  string
	file    string // what they hold
	segment int    // size in bytes as stored
	count   int    // of segments
}

// newLargeObjects uploads a file.
func newLargeObjects(p *project, bucket, file string, segment int) *largeObjects {
	p.t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		p.t.Fatal(err)
	}
	l := &largeObjects{p, bucket, file, segment, int(info.Size()-1)/segment + 1}
	from := ""
	for _, a := range layouts {
		place := bucket + strings.NewReplacer("TIME", "1700000000.123456", "SIZE", fmt.Sprint(info.Size()), "SEGMENT", fmt.Sprint(segment)).Replace(a.place)
		if a.client != nil {
			l.upload(a)
			from = l.find(a)
			continue
		}
		for i := range l.count {
			l.swiftPut(fmt.Sprintf("%s%08d", place, i), nil, "X-Copy-From", fmt.Sprintf("%s%08d", from, i))
		}
		l.manifest(a, place)
	}
	return l
}

// swiftClient runs Swift's own command line.
func (p *project) swiftClient(args ...string) string {
	p.t.Helper()
	env := append(os.Environ(), "OS_AUTH_TOKEN="+p.swift.token, "OS_STORAGE_URL="+p.swift.url)
	return command{env: env}.must(p.t, "swift", args...)
}

func (l *largeObjects) upload(a layout) {
	l.t.Helper()
	args := append([]string{"upload", "--segment-size", fmt.Sprint(l.segment), "--object-name", a.name + ".c4gh"}, a.client...)
	l.swiftClient(append(args, l.bucket, l.file)...)
}

// find returns the place of an object's segments, with the bucket.
func (l *largeObjects) find(a layout) string {
	l.t.Helper()
	behind, prefix, _ := strings.Cut(a.place, "/")
	prefix, _, _ = strings.Cut(prefix, "/")
	keys := strings.Fields(l.swiftClient("list", l.bucket+behind, "--prefix", prefix+"/"))
	if len(keys) != l.count {
		l.t.Fatalf("%s is in %d segments, want %d: %q", a.name, len(keys), l.count, keys)
	}
	return l.bucket + behind + "/" + path.Dir(keys[0]) + "/"
}

// manifest makes an object of what is in a place.
func (l *largeObjects) manifest(a layout, place string) {
	l.t.Helper()
	object := l.bucket + "/" + a.name + ".c4gh"
	if !a.static {
		l.swiftPut(object, nil, "X-Object-Manifest", place)
		return
	}
	var lines []map[string]string
	for i := range l.count {
		lines = append(lines, map[string]string{"path": fmt.Sprintf("/%s%08d", place, i)})
	}
	list, err := json.Marshal(lines)
	if err != nil {
		l.t.Fatal(err)
	}
	l.swiftPut(object+"?multipart-manifest=put", list)
}

// TestCephLargeObjects: every layout is read as what was uploaded, whole and by range, and has its size.
func TestCephLargeObjects(t *testing.T) {
	owner, key, file := newProject(t, "A"), newKey(t), filepath.Join(t.TempDir(), "large.c4gh")
	plaintext := content(41, gib)
	encrypted, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer encrypted.Close()
	encryptTo(t, encrypted, bytes.NewReader(plaintext), key)
	const bucket = "large-objects"
	newLargeObjects(owner, bucket, file, 100_000_000)
	digest := sha256.Sum256(plaintext)
	want := hex.EncodeToString(digest[:])

	m := mount(t, owner.environ(t), "--sk", key.secret, "s3://"+bucket)
	listed := command{}.must(t, "ls", "-l", m.dir)
	unmounted := owner.must("ls", "-l", "--sk", key.secret, "s3://"+bucket)
	for _, a := range layouts {
		t.Run(a.name, func(t *testing.T) {
			wantSize(t, m, a.name, gib)
			wantLine(t, listed, fmt.Sprint(gib), " "+a.name)
			wantLine(t, unmounted, "1.0 GiB", " "+a.name)
			randomReads(t, m.path(a.name), plaintext, 1000)
			if sum(t, m.path(a.name)) != want {
				t.Error("wrong bytes")
			}
		})
	}
}

// wantLine fails unless a line of the text has all of the words.
func wantLine(t *testing.T, text string, words ...string) {
	t.Helper()
	for line := range strings.Lines(text) {
		found := 0
		for _, w := range words {
			if strings.Contains(line, w) {
				found++
			}
		}
		if found == len(words) {
			return
		}
	}
	t.Errorf("no line with all of %q in:\n%s", words, text)
}

// smallLargeObjects is a bucket with large objects of some segments, and what they hold.
func smallLargeObjects(t *testing.T, owner *project, key keyPair) (*largeObjects, []byte) {
	t.Helper()
	plaintext := content(42, 3<<20)
	file := filepath.Join(t.TempDir(), "large.c4gh")
	write(t, file, encrypt(t, plaintext, key))
	bucket := strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-"))
	return newLargeObjects(owner, bucket, file, 500_000), plaintext
}

// TestCephLargeObjectsMissing: a segment that isn't there is an error that names it, and never other bytes.
func TestCephLargeObjectsMissing(t *testing.T) {
	owner, key := newProject(t, "A"), newKey(t)
	l, plaintext := smallLargeObjects(t, owner, key)
	before := mount(t, owner.environ(t), "--sk", key.secret, "s3://"+l.bucket)
	missing := map[string]string{}
	for _, a := range layouts {
		wantSize(t, before, a.name, int64(len(plaintext)))
		missing[a.name] = l.find(a) + "00000003"
		bucket, segment, _ := strings.Cut(missing[a.name], "/")
		allowed(t, "remove a segment", owner.delete(bucket, segment))
	}
	after := mount(t, owner.environ(t), "--sk", key.secret, "s3://"+l.bucket)
	listed := owner.must("ls", "-l", "--sk", key.secret, "s3://"+l.bucket)
	for _, a := range layouts {
		t.Run(a.name, func(t *testing.T) {
			testMissing(t, before, a.name, missing[a.name], plaintext)
			if a.static { // whose size is known
				testMissing(t, after, a.name, missing[a.name], plaintext)
				return
			}
			wantLine(t, listed, " "+a.name, "segment "+missing[a.name])
			_, err := os.Stat(after.path(a.name))
			wantErrno(t, "stat", err, syscall.EIO)
			wantLogged(t, after, syscall.EIO, l.bucket+"/"+a.name+".c4gh", "segment "+missing[a.name])
		})
	}
}

func testMissing(t *testing.T, m *mountedFS, name, missing string, plaintext []byte) {
	t.Helper()
	got, err := os.ReadFile(m.path(name))
	wantErrno(t, "read", err, syscall.EIO)
	if len(got) > 1_500_000 || !bytes.Equal(got, plaintext[:len(got)]) {
		t.Errorf("%d bytes that aren't there", len(got))
	}
	wantLogged(t, m, syscall.EIO, name+".c4gh", "segment "+missing)
	for _, off := range []int64{0, 2_500_000} { // what is there is read
		got, err := m.readAt(name, off, 100_000)
		if err != nil || !bytes.Equal(got, plaintext[off:off+100_000]) {
			t.Errorf("%d bytes at %d: %v", len(got), off, err)
		}
	}
}

// TestCephLargeObjectsShared: another project reads what is shared with its segments. Without these the reason is told,
// and so is a single segment that is refused.
func TestCephLargeObjectsShared(t *testing.T) {
	for _, pair := range pairs {
		t.Run(pair.owner+pair.other, func(t *testing.T) {
			owner, other := newParty(t, pair.owner), newParty(t, pair.other)
			if pair.owner == "A" {
				owner = newProject(t, "A")
			} else {
				owner.loginOpenStack(pair.owner)
			}
			testLargeShared(t, owner, other)
		})
	}
}

func testLargeShared(t *testing.T, owner, other *project) {
	key := newKey(t)
	l, plaintext := smallLargeObjects(t, owner, key)
	owner.must("share", l.bucket, "--with", other.uid)
	m := mount(t, other.environ(t), "--sk", key.secret, "s3://"+l.bucket)
	for _, a := range layouts {
		if a.beside() {
			continue // its segments are shared
		}
		_, err := os.ReadFile(m.path(a.name))
		wantErrno(t, a.name+" without its segments", err, syscall.EACCES)
	}
	segments := l.bucket + "_segments"
	eventually(t, "the reason in the log", func() bool {
		return m.log.contains(segments+" isn't shared with this project") || m.log.contains(segments+", isn't shared with this project")
	})
	wantInLog(t, m, "allasfs share "+segments+" --with "+other.uid)

	owner.must("share", segments, "--with", other.uid)
	for _, a := range layouts {
		if a.static && !a.beside() { // the store refuses them whatever is granted by policy
			_, err := os.Open(m.path(a.name))
			wantErrno(t, a.name, err, syscall.EACCES)
			wantLogged(t, m, syscall.EACCES, a.name+".c4gh", "static large object, with segments in "+segments)
		} else if got := m.read(a.name); !bytes.Equal(got, plaintext) {
			t.Errorf("%s: wrong bytes", a.name)
		}
	}
	m.end()

	// One segment is refused to the other project.
	refusedTo := map[string]string{}
	for _, a := range layouts {
		if !a.static && !a.beside() {
			refusedTo[a.name] = l.find(a) + "00000003"
		}
	}
	owner.forbid(segments, other, refusedTo)
	m = mount(t, other.environ(t), "--sk", key.secret, "s3://"+l.bucket)
	for name, segment := range refusedTo {
		got, err := m.readAt(name, 1_700_000, 10)
		wantErrno(t, fmt.Sprintf("%s with a segment that is refused (%d bytes)", name, len(got)), err, syscall.EACCES)
		wantLogged(t, m, syscall.EACCES, name+".c4gh", "segment "+segment)
	}
}

// forbid refuses objects of a bucket to another project, which may read the rest.
func (p *project) forbid(bucket string, other *project, objects map[string]string) {
	p.t.Helper()
	var resources []string
	for _, o := range objects {
		resources = append(resources, "arn:aws:s3:::"+o)
	}
	list, err := json.Marshal(resources)
	if err != nil {
		p.t.Fatal(err)
	}
	policy := fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/%[1]s", "arn:aws:iam::%[1]s:root"]}, "Action": ["s3:ListBucket", "s3:GetObject"],
			"Resource": ["arn:aws:s3:::%[2]s", "arn:aws:s3:::%[2]s/*"]},
		{"Effect": "Deny", "Principal": {"AWS": ["arn:aws:iam:::user/%[1]s", "arn:aws:iam::%[1]s:root"]}, "Action": ["s3:GetObject"], "Resource": %[3]s}]}`,
		other.uid, bucket, list)
	_, err = p.s3.PutBucketPolicy(p.t.Context(), &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy})
	allowed(p.t, "set the policy", err)
}
