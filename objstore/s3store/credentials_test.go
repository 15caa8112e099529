package s3store_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"allasfs/objstore/s3store"
)

// home writes files into a home directory.
func home(t *testing.T, files map[string]string) string {
	dir := t.TempDir()
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	awsKeys = `[default]
AWS_ACCESS_KEY_ID = A-aws
AWS_SECRET_ACCESS_KEY = s#e;c%(r)s"et\
[project_2.x]
aws_access_key_id=A-two
aws_secret_access_key=S-two
aws_session_token=T-two
[half]
aws_access_key_id = A-half
`
	awsConfig = `# comment
[default]
endpoint_url = https://a3s.fi
s3 =
  addressing_style = path
  endpoint_url = https://nested.example
[profile project_2.x]
region = other
endpoint_url = https://lumidata.eu/
[profile project_2]
output = json
[profile inconfig]
aws_access_key_id = A-config
aws_secret_access_key = S-config
`
	s3cfg = `[allas-project_2001234]
access_key = A-s3cfg
secret_key = S-s3cfg
host_base = a3s.fi
host_bucket = %(bucket)s.a3s.fi
use_https = True
[second]
access_key = wrong
secret_key = wrong
`
)

// found is what Find returns, with a part of its source.
type found struct{ key, secret, token, endpoint, region, source string }

func (want found) check(t *testing.T, o s3store.CredentialOptions) {
	t.Helper()
	got, err := s3store.Find(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(got.Source, want.source) {
		t.Errorf("source %q, want %q", got.Source, want.source)
	}
	is := found{got.AccessKeyID, got.SecretAccessKey, got.SessionToken, got.Endpoint, got.Region, want.source}
	if is != want {
		t.Errorf("%q, want %q", is, want)
	}
}

func TestFind(t *testing.T) {
	all := map[string]string{".aws/credentials": awsKeys, ".aws/config": awsConfig, ".s3cfg": s3cfg,
		"elsewhere/keys": "[default]\naws_access_key_id = A-else\naws_secret_access_key = S-else\n"}
	envKeys := map[string]string{"AWS_ACCESS_KEY_ID": "A-env", "AWS_SECRET_ACCESS_KEY": "S-env", "AWS_SESSION_TOKEN": "T-env"}
	for _, c := range []struct {
		name  string
		files map[string]string
		env   map[string]string
		o     s3store.CredentialOptions
		want  found
	}{
		{"environment", nil, envKeys, s3store.CredentialOptions{},
			found{"A-env", "S-env", "T-env", "https://a3s.fi", "regionOne", "environment"}},
		{"environment before files, with the profile's endpoint", all, with(envKeys, "AWS_PROFILE", "project_2.x"),
			s3store.CredentialOptions{}, found{"A-env", "S-env", "T-env", "https://lumidata.eu", "other", "environment"}},
		{"half an environment", all, map[string]string{"AWS_ACCESS_KEY_ID": "A-env"}, s3store.CredentialOptions{},
			found{"A-aws", `s#e;c%(r)s"et\`, "", "https://a3s.fi", "regionOne", ".aws/credentials"}},
		{"endpoints in the environment", all, with(envKeys, "AWS_ENDPOINT_URL", "https://one.example", "AWS_ENDPOINT_URL_S3",
			"https://two.example", "S3_ENDPOINT_URL", "https://three.example", "AWS_DEFAULT_REGION", "r"), s3store.CredentialOptions{},
			found{"A-env", "S-env", "T-env", "https://two.example", "r", "environment"}},
		{"the last of the endpoints", nil, with(envKeys, "S3_ENDPOINT_URL", "three.example", "AWS_REGION", "r"), s3store.CredentialOptions{},
			found{"A-env", "S-env", "T-env", "https://three.example", "r", "environment"}},
		{"flags before all", all, with(envKeys, "AWS_ENDPOINT_URL", "https://one.example", "AWS_REGION", "r"),
			s3store.CredentialOptions{Endpoint: "localhost:9000/", Region: "flag"},
			found{"A-env", "S-env", "T-env", "https://localhost:9000", "flag", "environment"}},
		{"files of allas_conf", all, nil, s3store.CredentialOptions{},
			found{"A-aws", `s#e;c%(r)s"et\`, "", "https://a3s.fi", "regionOne", ".aws/credentials"}},
		{"profile from the environment", all, map[string]string{"AWS_PROFILE": "project_2.x"}, s3store.CredentialOptions{},
			found{"A-two", "S-two", "T-two", "https://lumidata.eu", "other", "profile project_2.x"}},
		{"profile from the command line before the environment", all, envKeys, s3store.CredentialOptions{Profile: "project_2.x"},
			found{"A-two", "S-two", "T-two", "https://lumidata.eu", "other", "profile project_2.x"}},
		{"keys in the config file", all, nil, s3store.CredentialOptions{Profile: "inconfig"},
			found{"A-config", "S-config", "", "https://a3s.fi", "regionOne", "profile inconfig"}},
		{"files elsewhere", all, map[string]string{"AWS_SHARED_CREDENTIALS_FILE": "~/elsewhere/keys", "AWS_CONFIG_FILE": "/nowhere"},
			s3store.CredentialOptions{}, found{"A-else", "S-else", "", "https://a3s.fi", "regionOne", "elsewhere/keys"}},
		{"s3cfg", map[string]string{".s3cfg": s3cfg}, nil, s3store.CredentialOptions{},
			found{"A-s3cfg", "S-s3cfg", "", "https://a3s.fi", "regionOne", ".s3cfg"}},
		{"s3cfg with http", map[string]string{".s3cfg": strings.Replace(s3cfg, "True", "False", 1)}, nil, s3store.CredentialOptions{},
			found{"A-s3cfg", "S-s3cfg", "", "http://a3s.fi", "regionOne", ".s3cfg"}},
		{"s3cfg when a profile has no keys", map[string]string{".s3cfg": s3cfg, ".aws/config": awsConfig}, nil, s3store.CredentialOptions{},
			found{"A-s3cfg", "S-s3cfg", "", "https://a3s.fi", "regionOne", ".s3cfg"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Home, c.o.Env = home(t, c.files), func(name string) string { return c.env[name] }
			c.want.check(t, c.o)
		})
	}
}

func with(env map[string]string, pairs ...string) map[string]string {
	all := map[string]string{}
	for name, value := range env {
		all[name] = value
	}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return all
}

func TestFindNothing(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		o     s3store.CredentialOptions
		words []string
	}{
		"nothing": {nil, s3store.CredentialOptions{}, []string{"AWS_ACCESS_KEY_ID", ".config/rclone/rclone.conf", ".aws/credentials", ".s3cfg", "OS_AUTH_URL", "no such file"}},
		"no such profile": {map[string]string{".aws/credentials": awsKeys, ".s3cfg": s3cfg}, s3store.CredentialOptions{Profile: "none"},
			[]string{"profile none"}},
		"encrypted rclone remotes": {map[string]string{".config/rclone/rclone.conf": "# Encrypted rclone configuration File\n\nRCLONE_ENCRYPT_V0:\nhush="},
			s3store.CredentialOptions{}, []string{"rclone.conf: encrypted"}},
		"half a profile": {map[string]string{".aws/credentials": awsKeys}, s3store.CredentialOptions{Profile: "half"},
			[]string{"profile half"}},
		"malformed":   {map[string]string{".aws/credentials": "[default\nhush hush\n"}, s3store.CredentialOptions{}, nil},
		"a directory": {map[string]string{".s3cfg/file": ""}, s3store.CredentialOptions{}, []string{".s3cfg: is a directory"}},
	} {
		c.o.Home, c.o.Env = home(t, c.files), func(string) string { return "" }
		_, err := s3store.Find(t.Context(), c.o)
		if !errors.Is(err, s3store.ErrNoCredentials) {
			t.Errorf("%s: %v, want %v", name, err, s3store.ErrNoCredentials)
			continue
		}
		for _, word := range c.words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q doesn't say %q", name, err, word)
			}
		}
		if strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q", name, err)
		}
	}
}

func TestSecretsDontShow(t *testing.T) {
	c := s3store.Credentials{AccessKeyID: "A", SecretAccessKey: "hush", SessionToken: "hush", Endpoint: "https://e", Source: "s"}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "c", c)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "c", &c, "o", s3store.Options{Credentials: c})
	text, err := json.Marshal(s3store.Options{Credentials: c})
	if err != nil {
		t.Fatal(err)
	}
	o := s3store.Options{Credentials: c}
	for _, shown := range []string{log.String(), string(text), fmt.Sprintf("%v %+v %#v %s %q", c, c, c, c, c),
		fmt.Sprintf("%v %+v %#v", &c, &c, &c), fmt.Sprintf("%v %+v %#v %v", o, o, o, &o)} {
		if strings.Contains(shown, "hush") {
			t.Errorf("shows the secret: %s", shown)
		}
	}
}

func TestEndpoint(t *testing.T) {
	for _, c := range []struct {
		endpoint string
		insecure bool
		words    string // of the error; none if empty
	}{
		{"", false, ""},
		{"https://a3s.fi", false, ""},
		{"a3s.fi", false, ""},
		{"a3s.fi:8080", false, ""},
		{"http://127.0.0.1:9000", false, ""},
		{"http://127.8.8.8", false, ""},
		{"http://[::1]:9000", false, ""},
		{"http://localhost", false, ""},
		{"http://a3s.fi", false, "plain http"},
		{"http://localhost.example", false, "plain http"},
		{"http://a3s.fi", true, ""},
		{"ftp://a3s.fi", true, "malformed"},
		{"https://", false, "malformed"},
		{"https:// a", false, "malformed"},
		{"https://me:hush@a3s.fi", false, "malformed"},
		{"https://a3s.fi?x=y", false, "malformed"},
		{"https://a3s.fi:port", false, "malformed"},
	} {
		_, err := s3store.New(t.Context(), s3store.Options{InsecureHTTP: c.insecure,
			Credentials: s3store.Credentials{AccessKeyID: "A", SecretAccessKey: "S", Endpoint: c.endpoint}})
		switch {
		case (err == nil) != (c.words == ""):
			t.Errorf("%q: %v, want %q", c.endpoint, err, c.words)
		case err != nil && (!strings.Contains(err.Error(), c.words) || strings.Contains(err.Error(), "hush")):
			t.Errorf("%q: %v, want %q", c.endpoint, err, c.words)
		}
	}
	if _, err := s3store.New(t.Context(), s3store.Options{}); !errors.Is(err, s3store.ErrNoCredentials) {
		t.Errorf("no keys: %v", err)
	}
}
