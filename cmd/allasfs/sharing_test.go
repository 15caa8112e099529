package main

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/creack/pty"

	"allasfs/objstore"
	"allasfs/objstore/s3store"
	"allasfs/test/keystone"
	"allasfs/test/s3server"
)

// A question is asked where there is a terminal, and anything but a yes keeps everything as it is.
func TestAgree(t *testing.T) {
	for _, c := range []struct {
		typed string
		yes   bool
		want  error
	}{
		{"y\n", false, nil}, {"YES\n", false, nil}, {"n\n", false, errKept}, {"\n", false, errKept}, {"\x04", false, errKept}, {"", true, nil},
	} {
		master, tty, err := pty.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := master.WriteString(c.typed); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		s := &sharing{yes: c.yes, c: &console{in: tty, err: &said}}
		if err := s.agree(); err != c.want {
			t.Errorf("%q: %v", c.typed, err)
		}
		if asked := strings.Contains(said.String(), "[y/N]"); asked == c.yes {
			t.Errorf("%q: it said %q", c.typed, said.String())
		}
		tty.Close()
		master.Close()
	}
	s := &sharing{c: &console{in: strings.NewReader("n\n"), err: new(bytes.Buffer)}}
	if err := s.agree(); err != nil {
		t.Errorf("without a terminal: %v", err)
	}
}

// known is a finder that knows one project.
type knownProject struct{ name, id string }

func (k knownProject) ProjectID(_ context.Context, name string) (string, error) {
	if name != k.name {
		return "", objstore.ErrNotExist
	}
	return k.id, nil
}

// With a login to OpenStack, names of one's own projects are as good as ids.
func TestProjectNamesFromOpenStack(t *testing.T) {
	const ours = "0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e"
	h := httptest.NewServer(keystone.New("https://gateway.example",
		keystone.Account{User: "ann", Password: "pw", ProjectID: ours, ProjectName: "project_2000005"},
		keystone.Account{User: "bob", Password: "pw", ProjectID: "0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d", ProjectName: "project_2000004"}))
	t.Cleanup(h.Close)
	for name, value := range map[string]string{"OS_AUTH_URL": h.URL, "OS_USERNAME": "ann", "OS_PASSWORD": "pw", "OS_PROJECT_NAME": "project_2000005",
		"AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S"} {
		t.Setenv(name, value)
	}
	s := &sharing{}
	if err := s.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p, err := s.project(t.Context(), "project_2000005", s3store.Project{}); err != nil || p.ID != ours || p.Name != "project_2000005" {
		t.Errorf("%v, %v", p, err)
	}
	_, err := s.project(t.Context(), "project_2000004", s3store.Project{})
	told, ok := errors.AsType[*hinted](err)
	if !ok || !errors.Is(err, objstore.ErrNotExist) || !strings.Contains(told.hint, "only one's own projects") || !strings.Contains(told.hint, "32 hex") {
		t.Errorf("somebody else's project: %#v", err)
	}
	t.Setenv("OS_PASSWORD", "other")
	if err := s.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.project(t.Context(), "project_2000005", s3store.Project{}); !errors.Is(err, objstore.ErrDenied) {
		t.Errorf("with a wrong password: %v", err)
	}
}

func TestProjectArgument(t *testing.T) {
	owner := s3store.Project{ID: anyOwner}
	s := &sharing{}
	for arg, want := range map[string]string{self: anyOwner, anyOther: anyOther, "arn:aws:iam:::user/ann": "ann", "project_2": "", "*": ""} {
		p, err := s.project(t.Context(), arg, owner)
		if p.ID != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", arg, p.ID, err)
		}
	}
	s.projects = knownProject{"project_2", anyOther}
	if p, err := s.project(t.Context(), "project_2", owner); p.ID != anyOther || p.Name != "project_2" || err != nil {
		t.Errorf("%v, %v", p, err)
	}
	if _, err := s.project(t.Context(), "project_3", owner); !errors.Is(err, objstore.ErrNotExist) {
		t.Error(err)
	}
}

func TestBucketArgument(t *testing.T) {
	for arg, want := range map[string]string{"b": "b", "s3://b": "b", "s3://b/": "b", "b/": "b", "b/c": "", "s3://": "", "s3://b/c": "", "": ""} {
		if got, err := bucketName(arg); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", arg, got, err)
		}
	}
}

// Mistakes are told before anything is sent, or with the store's own answer, and always with a way out.
func TestSharingMistakes(t *testing.T) {
	server, err := s3server.Start(s3server.Config{Keys: []s3server.Key{{Access: "ours", Secret: "secret-1"}, {Access: "theirs", Secret: "secret-2"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if err := server.CreateBucket("their-bucket", "theirs"); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("AWS_ENDPOINT_URL", server.URL())
	t.Setenv("AWS_ACCESS_KEY_ID", "ours")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret-1")
	for _, c := range []struct {
		args   string
		status int
		says   string
	}{
		{"share b", exitKey, "--with PROJECT is missing"},
		{"unshare b", exitKey, "--with PROJECT is missing"},
		{"share b/x --with " + anyOther, exitError, "is not a bucket"},
		{"share --with " + anyOther, exitKey, "wrong number of arguments"},
		{"share their-bucket --with " + anyOther, exitError, "only its owner can see and change"},
		{"access their-bucket", exitError, "isn't shared with this project"},
		{"inbox create b", exitKey, "--from PROJECT is missing"},
		{"inbox create b --from " + anyOther, exitKey, "name the recipient's public key file with --pk"},
		{"inbox create their-bucket --pk csc --from " + anyOther, exitError, "only its owner can see and change"},
		{"inbox status their-bucket", exitError, "denied"},
		{"inbox close their-bucket", exitError, "only its owner can see and change"},
		{"inbox nonsense", exitKey, "wrong number of arguments"},
	} {
		r := run(t, nil, strings.Fields(c.args)...)
		if r.status != c.status || !strings.Contains(r.err, c.says) || r.out != "" {
			t.Errorf("%s: status %d\n%s%s", c.args, r.status, r.out, r.err)
		}
	}
}
