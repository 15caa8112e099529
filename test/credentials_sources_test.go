package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"allasfs/test/keystone"
)

// credentialSource is a place where somebody's keys are: files in a home directory, with @ACCESS, @SECRET, @HOST and
// @URL for what they hold, and variables.
type credentialSource struct {
	name  string
	files map[string]string
	env   []string
	flags []string
	found string // what whoami says of it
}

const (
	rcloneRemote = "type = s3\nprovider = Ceph\nenv_auth = false\naccess_key_id = @ACCESS\nsecret_access_key = @SECRET\nendpoint = @URL\n"
	awsUpper     = "[default]\nAWS_ACCESS_KEY_ID = @ACCESS\nAWS_SECRET_ACCESS_KEY = @SECRET\n"
	awsLower     = "aws_access_key_id = @ACCESS\naws_secret_access_key = @SECRET\n"
	s3cmdFile    = "[allas-project_2000001]\naccess_key = @ACCESS\nsecret_key = @SECRET\nhost_base = @HOST\nhost_bucket = @HOST\nuse_https = False\n"
	otherRemote  = "[lumi-o462000001]\ntype = s3\naccess_key_id = other\nsecret_access_key = other-secret\nendpoint = https://lumidata.invalid\n"
	usualRclone  = ".config/rclone/rclone.conf"
	sessionToken = "session-token-do-not-show"
)

var credentialSources = []credentialSource{
	{"environment", nil, []string{"AWS_ACCESS_KEY_ID=@ACCESS", "AWS_SECRET_ACCESS_KEY=@SECRET", "AWS_ENDPOINT_URL=@URL"}, nil, "the environment"},
	{"S3_ENDPOINT_URL", nil, []string{"AWS_ACCESS_KEY_ID=@ACCESS", "AWS_SECRET_ACCESS_KEY=@SECRET", "S3_ENDPOINT_URL=@URL"}, nil, "the environment"},
	{"AWS_ENDPOINT_URL_S3", nil, []string{"AWS_ACCESS_KEY_ID=@ACCESS", "AWS_SECRET_ACCESS_KEY=@SECRET", "AWS_ENDPOINT_URL_S3=@URL",
		"AWS_ENDPOINT_URL=https://sts.invalid"}, nil, "the environment"},
	{"session", nil, []string{"AWS_ACCESS_KEY_ID=@ACCESS", "AWS_SECRET_ACCESS_KEY=@SECRET", "AWS_SESSION_TOKEN=" + sessionToken, "AWS_ENDPOINT_URL=@URL"},
		nil, "the environment"},
	{"endpoint on the command line", nil, []string{"AWS_ACCESS_KEY_ID=@ACCESS", "AWS_SECRET_ACCESS_KEY=@SECRET"},
		[]string{"--endpoint=@URL"}, "the environment"},
	{"rclone", map[string]string{usualRclone: "[s3allas]\n" + rcloneRemote}, nil, nil, "remote s3allas"},
	{"rclone, project", map[string]string{usualRclone: otherRemote + "[s3allas-project_2000001]\n" + rcloneRemote}, nil,
		[]string{"--profile=s3allas-project_2000001"}, "remote s3allas-project_2000001"},
	{"rclone elsewhere", map[string]string{"elsewhere.conf": "[s3allas]\n" + rcloneRemote}, []string{"RCLONE_CONFIG=~/elsewhere.conf"}, nil, "elsewhere.conf"},
	{"rclone, env_auth", map[string]string{usualRclone: "[s3allas]\ntype = s3\nenv_auth = true\nendpoint = @URL\n", ".aws/credentials": awsUpper},
		nil, nil, "remote s3allas with "},
	{"aws, upper case", map[string]string{".aws/credentials": awsUpper, ".aws/config": "[default]\nendpoint_url = @URL\n"}, nil, nil, "profile default"},
	{"aws, profile", map[string]string{".aws/credentials": "[mine]\n" + awsLower, ".aws/config": "[profile mine]\nendpoint_url = @URL\n"},
		nil, []string{"--profile=mine"}, "profile mine"},
	{"aws, AWS_PROFILE", map[string]string{".aws/credentials": "[mine]\n" + awsLower, ".aws/config": "[profile mine]\nendpoint_url = @URL\n",
		usualRclone: otherRemote}, []string{"AWS_PROFILE=mine"}, nil, "profile mine"},
	{"s3cmd", map[string]string{".s3cfg": s3cmdFile}, nil, nil, ".s3cfg"},
	{"openstack, password", nil, []string{"OS_AUTH_URL=@KEYSTONE/v3", "OS_USERNAME=ann", "OS_PASSWORD=@PASSWORD", "OS_PROJECT_NAME=project_2000001",
		"OS_USER_DOMAIN_NAME=Default", "OS_PROJECT_DOMAIN_NAME=Default"}, nil, "OpenStack at "},
	{"openstack, token", nil, []string{"OS_AUTH_URL=@KEYSTONE/v3", "OS_AUTH_TOKEN=@TOKEN", "OS_PROJECT_ID=@PROJECT"}, nil, "with a token"},
}

// wallet is what the sources hold: ann's keys, and her login to an identity service that knows them.
type wallet struct {
	values  *strings.Replacer
	secrets []string
}

func newWallet(t *testing.T, l *lab) wallet {
	t.Helper()
	const project, password = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", "ann-keystone-password-do-not-show"
	k := l.server.Key(0)
	s := keystone.New(l.server.URL(), keystone.Account{User: "ann", Password: password, ProjectID: project, ProjectName: "project_2000001",
		Access: k.Access, Secret: k.Secret})
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	token := s.Token("ann", project)
	return wallet{
		strings.NewReplacer("@ACCESS", k.Access, "@SECRET", k.Secret, "@URL", l.server.URL(), "@HOST", strings.TrimPrefix(l.server.URL(), "http://"),
			"@KEYSTONE", h.URL, "@PASSWORD", password, "@TOKEN", token, "@PROJECT", project),
		[]string{k.Secret, password, token, sessionToken},
	}
}

// environ is the environment of somebody with a new home directory that has this source and no other.
func (w wallet) environ(t *testing.T, s credentialSource) (env, flags []string) {
	t.Helper()
	home := t.TempDir()
	for name, text := range s.files {
		path := filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(w.values.Replace(text)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_STATE_HOME=" + filepath.Join(home, "state")}
	for _, v := range s.env {
		env = append(env, w.values.Replace(v))
	}
	for _, f := range s.flags {
		flags = append(flags, w.values.Replace(f))
	}
	return env, flags
}

// dontShow fails the test if a secret is in an output.
func (w wallet) dontShow(t *testing.T, what, output string) {
	t.Helper()
	if slices.ContainsFunc(w.secrets, func(s string) bool { return strings.Contains(output, s) }) {
		t.Errorf("%s shows a secret:\n%s", what, output)
	}
}

// Each source by itself is enough for a mount, a listing and a look at who one is, and no output has a secret in it.
func TestCredentialSources(t *testing.T) {
	l := newLab(t)
	w := newWallet(t, l)
	plaintext := bytes.Repeat([]byte("plain"), 50_000)
	l.putEncrypted("a.c4gh", plaintext)
	for _, s := range credentialSources {
		t.Run(s.name, func(t *testing.T) {
			env, flags := w.environ(t, s)
			as := command{env: env}
			listed := as.run(t, program(), append([]string{"ls"}, flags...)...)
			if listed.status != 0 || listed.stdout != bucket+"/\n" {
				t.Fatalf("ls: exit status %d, %q\n%s", listed.status, listed.stdout, listed.stderr)
			}
			who := as.run(t, program(), append([]string{"whoami"}, flags...)...)
			for _, word := range []string{s.found, l.server.URL(), l.server.Key(0).Access, "works       yes"} {
				if !strings.Contains(who.stdout, word) {
					t.Errorf("whoami doesn't say %q:\n%s", word, who.stdout)
				}
			}
			m := mount(t, env, append(append(flags, "--log-level=debug", "--sk", l.key.secret), "s3://"+bucket)...)
			entries, err := os.ReadDir(m.dir)
			if err != nil || len(entries) != 1 || entries[0].Name() != "a" {
				t.Errorf("the mount lists %v, %v", entries, err)
			}
			if !bytes.Equal(m.read("a"), plaintext) {
				t.Error("a is read wrong")
			}
			m.end()
			if !m.log.contains(s.found) {
				t.Errorf("the log doesn't say %q", s.found)
			}
			for what, text := range map[string]string{"ls": listed.stdout + listed.stderr, "whoami": who.stdout + who.stderr, "mount": m.log.String()} {
				w.dontShow(t, what, text)
			}
		})
	}
}

// Without any, one message lists where the program has looked.
func TestNoCredentials(t *testing.T) {
	env := account{}.environ(t)
	mnt := t.TempDir()
	for _, args := range [][]string{{"mount", mnt}, {"ls"}, {"whoami"}} {
		r := command{env: env}.run(t, program(), args...)
		if r.status != 1 || r.stdout != "" {
			t.Errorf("%v: exit status %d, %q", args, r.status, r.stdout)
		}
		message, _, _ := strings.Cut(r.stderr, "\n")
		for _, place := range []string{"AWS_ACCESS_KEY_ID", ".config/rclone/rclone.conf", ".aws/credentials", ".aws/config", ".s3cfg", "OS_AUTH_URL"} {
			if strings.Count(message, place) != 1 {
				t.Errorf("%v: %q should name %s once", args, message, place)
			}
		}
	}
}

// What is wrong with credentials is told, and whoami's exit status says it to a script.
func TestWhoamiTellsWhatIsWrong(t *testing.T) {
	l := newLab(t)
	w := newWallet(t, l)
	openStack := func(more ...string) []string {
		return append([]string{"OS_AUTH_URL=@KEYSTONE", "OS_USERNAME=ann", "OS_PASSWORD=@PASSWORD", "OS_PROJECT_NAME=project_2000001"}, more...)
	}
	for _, c := range []struct {
		s     credentialSource
		words []string
	}{
		{credentialSource{name: "unknown key", env: []string{"AWS_ACCESS_KEY_ID=NOBODY", "AWS_SECRET_ACCESS_KEY=@SECRET", "AWS_ENDPOINT_URL=@URL"}},
			[]string{"doesn't know the access key"}},
		{credentialSource{name: "wrong secret", env: []string{"AWS_ACCESS_KEY_ID=@ACCESS", "AWS_SECRET_ACCESS_KEY=@SECRETx", "AWS_ENDPOINT_URL=@URL"}},
			[]string{"SignatureDoesNotMatch"}},
		{credentialSource{name: "no server", env: []string{"AWS_ACCESS_KEY_ID=@ACCESS", "AWS_SECRET_ACCESS_KEY=@SECRET", "AWS_ENDPOINT_URL=http://127.0.0.1:1"}},
			[]string{"connection refused"}},
		{credentialSource{name: "plain http", env: []string{"AWS_ACCESS_KEY_ID=@ACCESS", "AWS_SECRET_ACCESS_KEY=@SECRET", "AWS_ENDPOINT_URL=http://a3s.invalid"}},
			[]string{"isn't encrypted"}},
		{credentialSource{name: "no profile", files: map[string]string{".s3cfg": s3cmdFile}, flags: []string{"--profile=mine"}}, []string{"remote mine", "profile mine"}},
		{credentialSource{name: "wrong password", env: openStack("OS_PASSWORD=@PASSWORDx")}, []string{"wrong user name or password"}},
		{credentialSource{name: "not my project", env: openStack("OS_PROJECT_NAME=project_1")}, []string{"project_1 isn't", "there are project_2000001"}},
		{credentialSource{name: "no Keystone", env: openStack("OS_AUTH_URL=http://127.0.0.1:1/v3")}, []string{"keystone at http://127.0.0.1:1/v3", "connection refused"}},
		{credentialSource{name: "Keystone over plain http", env: openStack("OS_AUTH_URL=http://keystone.invalid/v3")}, []string{"OS_AUTH_URL", "isn't encrypted"}},
		{credentialSource{name: "expired token", env: openStack("OS_AUTH_TOKEN=@TOKENx", "OS_PASSWORD=")}, []string{"the token has expired"}},
	} {
		env, flags := w.environ(t, c.s)
		plain := command{env: env}.run(t, program(), append([]string{"whoami"}, flags...)...)
		asJSON := command{env: env}.run(t, program(), append([]string{"whoami", "--json"}, flags...)...)
		var told struct {
			Works   bool
			Problem string
		}
		if err := json.Unmarshal([]byte(asJSON.stdout), &told); err != nil {
			t.Errorf("%s: %v in %q", c.s.name, err, asJSON.stdout)
		}
		if plain.status != 1 || asJSON.status != 1 || told.Works {
			t.Errorf("%s: exit status %d, with JSON %d, works: %v", c.s.name, plain.status, asJSON.status, told.Works)
		}
		for _, word := range c.words {
			if !strings.Contains(plain.stderr, word) || !strings.Contains(told.Problem, word) {
				t.Errorf("%s: neither of these may be without %q:\n%s\n%s", c.s.name, word, plain.stderr, told.Problem)
			}
		}
		w.dontShow(t, c.s.name, fmt.Sprint(plain, asJSON))
	}
}
