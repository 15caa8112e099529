package keystone_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"allasfs/objstore"
	"allasfs/objstore/keystone"
	fake "allasfs/test/keystone"
)

const (
	gateway  = "https://gateway.example"
	projectC = "0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c"
	projectE = "0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e"
	projectD = "0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d"
)

// service is a Keystone where carol is in two projects, with keys in one of them, and dave in a third.
type service struct {
	*fake.Server
	url string
}

func start(t *testing.T) service {
	t.Helper()
	s := fake.New(gateway,
		fake.Account{User: "carol", Password: "hush", ProjectID: projectE, ProjectName: "project_5"},
		fake.Account{User: "carol", Password: "hush", ProjectID: projectC, ProjectName: "project_3", Access: "A-carol", Secret: "S-hush"},
		fake.Account{User: "dave", Password: "hush", ProjectID: projectD, ProjectName: "project_4", Access: "A-dave", Secret: "S-hush"},
	)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return service{s, h.URL}
}

func (s service) carol(change func(*keystone.Options)) keystone.Options {
	o := keystone.Options{AuthURL: s.url + "/v3", Username: "carol", Password: "hush", ProjectName: "project_3"}
	if change != nil {
		change(&o)
	}
	return o
}

func TestKeysThatAreThere(t *testing.T) {
	for name, change := range map[string]func(*keystone.Options, service){
		"password":         func(*keystone.Options, service) {},
		"project by id":    func(o *keystone.Options, _ service) { o.ProjectName, o.ProjectID = "", projectC },
		"id before name":   func(o *keystone.Options, _ service) { o.ProjectName, o.ProjectID = "other", projectC },
		"domains by name":  func(o *keystone.Options, _ service) { o.UserDomain.Name, o.ProjectDomain.Name = "Default", "Default" },
		"domains by id":    func(o *keystone.Options, _ service) { o.UserDomain.ID, o.ProjectDomain.ID = "default", "default" },
		"no version":       func(o *keystone.Options, s service) { o.AuthURL = s.url + "/" },
		"token":            func(o *keystone.Options, s service) { o.Token, o.Username = s.Token("carol", projectC), "" },
		"token, project":   func(o *keystone.Options, s service) { o.Token, o.ProjectName = s.Token("carol", projectC), "" },
		"token, other":     func(o *keystone.Options, s service) { o.Token, o.Username = s.Token("carol", projectE), "" },
		"token, none":      func(o *keystone.Options, s service) { o.Token, o.Username = s.Token("carol", ""), "" },
		"token is no more": func(o *keystone.Options, _ service) { o.Token = "expired" },
	} {
		s := start(t)
		session, err := keystone.Login(t.Context(), s.carol(func(o *keystone.Options) { change(o, s) }))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := (keystone.Project{ID: projectC, Name: "project_3"}); session.Project != want || session.S3 != gateway {
			t.Errorf("%s: %v at %s, want %v at %s", name, session.Project, session.S3, want, gateway)
		}
		if left := time.Until(session.Expires); left < 7*time.Hour || left > 9*time.Hour {
			t.Errorf("%s: the login lasts for %v", name, left)
		}
		keys, err := session.Keys(t.Context())
		if want := (keystone.Keys{Access: "A-carol", Secret: "S-hush"}); err != nil || keys != want {
			t.Errorf("%s: %v, %v", name, keys, err)
		}
		if n := posts(s, "/credentials/OS-EC2"); n != 0 {
			t.Errorf("%s: keys were made though there are some", name)
		}
	}
}

// A name is found among the user's own projects; those of others aren't shown.
func TestProjectID(t *testing.T) {
	s := start(t)
	session, err := keystone.Login(t.Context(), s.carol(nil))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"project_3": projectC, "project_5": projectE, "project_4": "", "": ""} {
		id, err := session.ProjectID(t.Context(), name)
		if id != want || (err == nil) != (want != "") || want == "" && !errors.Is(err, objstore.ErrNotExist) {
			t.Errorf("%q: %q, %v", name, id, err)
		}
	}
}

// What Swift is asked with, and where.
func TestSwiftOfSession(t *testing.T) {
	s := start(t)
	token := s.Token("carol", projectC)
	session, err := keystone.Login(t.Context(), s.carol(func(o *keystone.Options) { o.Token = token }))
	if err != nil {
		t.Fatal(err)
	}
	if want := gateway + "/swift/v1/AUTH_" + projectC; session.Swift != want || session.Token() != token {
		t.Errorf("%s with the token given: %v, want %s", session.Swift, session.Token() == token, want)
	}
	if shown := fmt.Sprintf("%v %+v", session, session); strings.Contains(shown, token) {
		t.Error("a session shows its token")
	}
}

func posts(s service, path string) (n int) {
	for _, r := range s.Requests() {
		if strings.HasPrefix(r, "POST ") && strings.HasSuffix(r, path) {
			n++
		}
	}
	return n
}

// Keys of another project aren't good; the first time they are made, and from then on found.
func TestKeysAreMadeOnce(t *testing.T) {
	s := start(t)
	var all []keystone.Keys
	for range 2 {
		session, err := keystone.Login(t.Context(), s.carol(func(o *keystone.Options) { o.ProjectName = "project_5" }))
		if err != nil {
			t.Fatal(err)
		}
		keys, err := session.Keys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, keys)
	}
	if all[0] != all[1] || all[0].Access == "A-carol" || all[0].Secret == "" {
		t.Errorf("keys %v, then %v", all[0], all[1])
	}
	if n := posts(s, "/credentials/OS-EC2"); n != 1 {
		t.Errorf("keys were made %d times", n)
	}
}

func TestRefusals(t *testing.T) {
	s := start(t)
	closed := httptest.NewServer(nil)
	closed.Close()
	answering := func(status int, body string) string {
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}))
		t.Cleanup(h.Close)
		return h.URL
	}
	https := httptest.NewTLSServer(s)
	t.Cleanup(https.Close)
	for name, c := range map[string]struct {
		change func(*keystone.Options)
		is     error // none if nil
		also   error
		words  string
	}{
		"wrong password": {func(o *keystone.Options) { o.Password = "hush2" }, keystone.ErrLogin, objstore.ErrDenied, "wrong user name or password"},
		"no such user":   {func(o *keystone.Options) { o.Username = "eve" }, keystone.ErrLogin, objstore.ErrDenied, "wrong user name or password"},
		"other domain":   {func(o *keystone.Options) { o.UserDomain.Name = "other" }, keystone.ErrLogin, objstore.ErrDenied, "wrong user name"},
		"somebody else's project": {func(o *keystone.Options) { o.ProjectName = "project_4" }, keystone.ErrProject, objstore.ErrDenied,
			"project_4 isn't one of the user's (OS_PROJECT_NAME, OS_PROJECT_ID); there are project_3, project_5"},
		"no project": {func(o *keystone.Options) { o.ProjectName = "" }, keystone.ErrProject, objstore.ErrDenied,
			"none is set (OS_PROJECT_NAME); there are project_3, project_5"},
		"a bad token": {func(o *keystone.Options) { o.Token, o.Password = "hush", "" }, keystone.ErrLogin, objstore.ErrDenied, "OS_AUTH_TOKEN"},
		"a token for another project": {func(o *keystone.Options) { o.Token, o.ProjectName = s.Token("dave", projectD), "project_3" },
			keystone.ErrProject, objstore.ErrDenied, "there are project_4"},
		"nothing":        {func(o *keystone.Options) { o.Password = "" }, keystone.ErrLogin, objstore.ErrDenied, "neither"},
		"not there":      {func(o *keystone.Options) { o.AuthURL = closed.URL }, keystone.ErrUnavailable, objstore.ErrUnavailable, "refused"},
		"no such host":   {func(o *keystone.Options) { o.AuthURL = "https://keystone.invalid" }, keystone.ErrUnavailable, objstore.ErrUnavailable, "keystone.invalid"},
		"out of order":   {func(o *keystone.Options) { o.AuthURL = answering(503, "hush") }, keystone.ErrUnavailable, objstore.ErrUnavailable, "503"},
		"a web server":   {func(o *keystone.Options) { o.AuthURL = answering(404, "hush") }, nil, nil, "no identity service"},
		"not JSON":       {func(o *keystone.Options) { o.AuthURL = answering(201, "<html>hush") }, nil, nil, "isn't one of OpenStack's"},
		"other JSON":     {func(o *keystone.Options) { o.AuthURL = answering(201, `{"token": "hush"}`) }, nil, nil, "isn't one of OpenStack's"},
		"empty JSON":     {func(o *keystone.Options) { o.AuthURL = answering(201, `{}`) }, nil, nil, ""},
		"a redirection":  {func(o *keystone.Options) { o.AuthURL = answering(302, "hush") }, nil, nil, "302"},
		"unknown issuer": {func(o *keystone.Options) { o.AuthURL = https.URL }, nil, nil, "no secure connection"},
		"plain http":     {func(o *keystone.Options) { o.AuthURL = "http://keystone.example:5000" }, nil, nil, "isn't encrypted"},
	} {
		_, err := keystone.Login(t.Context(), s.carol(c.change))
		switch {
		case err == nil:
			t.Errorf("%s: no error", name)
		case c.is != nil && (!errors.Is(err, c.is) || !errors.Is(err, c.also)):
			t.Errorf("%s: %v, want %v", name, err, c.is)
		case c.is == nil && (errors.Is(err, keystone.ErrLogin) || errors.Is(err, keystone.ErrUnavailable)):
			t.Errorf("%s: %v", name, err)
		case !strings.Contains(err.Error(), c.words) || strings.Contains(err.Error(), "hush"):
			t.Errorf("%s: %v, want %q", name, err, c.words)
		}
	}
}

func TestContextEnds(t *testing.T) {
	ended := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	h := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // the server sees that the client is gone only when it has read everything
		cancel(ended)
		<-r.Context().Done()
	}))
	t.Cleanup(h.Close)
	if _, err := keystone.Login(ctx, keystone.Options{AuthURL: h.URL, Username: "carol", Password: "hush"}); !errors.Is(err, ended) {
		t.Errorf("%v, want %v", err, ended)
	}
}

func TestFromEnvironment(t *testing.T) {
	env := map[string]string{"OS_AUTH_URL": "u", "OS_USERNAME": "n", "OS_PASSWORD": "hush", "OS_PROJECT_NAME": "p",
		"OS_USER_DOMAIN_NAME": "ud", "OS_PROJECT_DOMAIN_ID": "pd", "OS_REGION_NAME": "r"}
	want := keystone.Options{AuthURL: "u", Username: "n", Password: "hush", ProjectName: "p", UserDomain: keystone.Domain{Name: "ud"},
		ProjectDomain: keystone.Domain{ID: "pd"}, Region: "r"}
	if got := keystone.FromEnvironment(func(name string) string { return env[name] }); got != want {
		t.Errorf("%v, want %v", got, want)
	}
	for missing, complete := range map[string]bool{"OS_AUTH_URL": false, "OS_USERNAME": false, "OS_PASSWORD": false, "OS_PROJECT_NAME": true} {
		o := keystone.FromEnvironment(func(name string) string {
			if name == missing {
				return ""
			}
			return env[name]
		})
		if o.Complete() != complete {
			t.Errorf("without %s: complete is %v", missing, o.Complete())
		}
	}
}

func TestSecretsDontShow(t *testing.T) {
	o := keystone.Options{AuthURL: "https://k", Username: "carol", Password: "hush", Token: "hush"}
	keys := keystone.Keys{Access: "A", Secret: "hush"}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "o", o, "k", keys)
	shown := []string{log.String(), fmt.Sprintf("%v %+v %#v %v", o, o, o, &o), fmt.Sprintf("%v %+v %#v %v", keys, keys, keys, &keys)}
	if i := slices.IndexFunc(shown, func(s string) bool { return strings.Contains(s, "hush") }); i >= 0 {
		t.Errorf("shows the secret: %s", shown[i])
	}
}
