package s3store_test

import (
	"context"
	"errors"
	"testing"

	"allasfs/objstore/s3store"
)

// What CSC's tools write, beside remotes of other types and one without keys.
const remotes = `[allas]
type = swift
env_auth = true

[nokeys]
type = s3
provider = Ceph
endpoint = nowhere.example

[s3allas]
type = s3
provider = Ceph
env_auth = false
access_key_id = A-rclone
secret_access_key = s#e;c%(r)s"et\
endpoint = a3s.fi
acl = private

[s3allas-project_2000001]
type = s3
access_key_id = A-one
secret_access_key = S-one
session_token = T-one
endpoint = a3s.fi

[lumi-o462000001]
type = s3
access_key_id = A-lumi
secret_access_key = S-lumi
region = other
endpoint = https://lumidata.eu
`

const envAuth = `[env]
type = s3
env_auth = true
endpoint = env.example
profile = project_2.x
`

func TestRclone(t *testing.T) {
	const usual = ".config/rclone/rclone.conf"
	all := map[string]string{usual: remotes, ".aws/credentials": awsKeys, ".aws/config": awsConfig, ".s3cfg": s3cfg}
	withAWS := map[string]string{usual: envAuth, ".aws/credentials": awsKeys}
	envKeys := map[string]string{"AWS_ACCESS_KEY_ID": "A-env", "AWS_SECRET_ACCESS_KEY": "S-env"}
	first := found{"A-rclone", `s#e;c%(r)s"et\`, "", "https://a3s.fi", "regionOne", "remote s3allas"}
	lumi := found{"A-lumi", "S-lumi", "", "https://lumidata.eu", "other", "remote lumi-o462000001"}
	for _, c := range []struct {
		name  string
		files map[string]string
		env   map[string]string
		o     s3store.CredentialOptions
		want  found
	}{
		{"before the files of other tools", all, nil, s3store.CredentialOptions{}, first},
		{"behind the environment", all, envKeys, s3store.CredentialOptions{},
			found{"A-env", "S-env", "", "https://a3s.fi", "regionOne", "environment"}},
		{"behind a profile that the environment names", all, map[string]string{"AWS_PROFILE": "project_2.x"}, s3store.CredentialOptions{},
			found{"A-two", "S-two", "T-two", "https://lumidata.eu", "other", "profile project_2.x"}},
		{"a named remote", all, envKeys, s3store.CredentialOptions{Profile: "s3allas-project_2000001"},
			found{"A-one", "S-one", "T-one", "https://a3s.fi", "regionOne", "remote s3allas-project_2000001"}},
		{"a named remote keeps its endpoint", all, map[string]string{"AWS_ENDPOINT_URL": "https://other.example", "AWS_REGION": "r"},
			s3store.CredentialOptions{Profile: "lumi-o462000001"}, lumi},
		{"unless the command line has one", all, nil,
			s3store.CredentialOptions{Profile: "lumi-o462000001", Endpoint: "flag.example", Region: "flag"},
			found{"A-lumi", "S-lumi", "", "https://flag.example", "flag", "remote lumi-o462000001"}},
		{"a profile that isn't a remote", all, nil, s3store.CredentialOptions{Profile: "project_2.x"},
			found{"A-two", "S-two", "T-two", "https://lumidata.eu", "other", "profile project_2.x"}},
		{"a file elsewhere", map[string]string{"elsewhere": remotes}, map[string]string{"RCLONE_CONFIG": "~/elsewhere"},
			s3store.CredentialOptions{}, first},
		{"env_auth with a profile of the AWS files", withAWS, nil, s3store.CredentialOptions{},
			found{"A-two", "S-two", "T-two", "https://env.example", "regionOne", "remote env with "}},
		{"env_auth with the environment, by name", withAWS, envKeys, s3store.CredentialOptions{Profile: "env"},
			found{"A-env", "S-env", "", "https://env.example", "regionOne", "remote env with the environment"}},
		{"env_auth with nothing", map[string]string{usual: envAuth, ".s3cfg": s3cfg}, nil, s3store.CredentialOptions{},
			found{"A-s3cfg", "S-s3cfg", "", "https://a3s.fi", "regionOne", ".s3cfg"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.Home, c.o.Env = home(t, c.files), func(name string) string { return c.env[name] }
			c.want.check(t, c.o)
		})
	}
}

// OpenStack is asked when nothing else has keys, and then its answer counts, whatever it is.
func TestFindOpenStack(t *testing.T) {
	refusal := errors.New("wrong password")
	for name, c := range map[string]struct {
		files   map[string]string
		profile string
		answer  error
		access  string
		err     error
	}{
		"nothing else":            {nil, "", nil, "A-os", nil},
		"a file goes before":      {map[string]string{".s3cfg": s3cfg}, "", nil, "A-s3cfg", nil},
		"refused":                 {nil, "", refusal, "", refusal},
		"no profile has its name": {nil, "some", nil, "", s3store.ErrNoCredentials},
	} {
		got, err := s3store.Find(t.Context(), s3store.CredentialOptions{
			Profile: c.profile, Home: home(t, c.files), Env: func(string) string { return "" },
			OpenStack: func(context.Context) (s3store.Credentials, error) {
				return s3store.Credentials{AccessKeyID: "A-os", SecretAccessKey: "S", Endpoint: "os.example"}, c.answer
			},
		})
		if got.AccessKeyID != c.access || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if got.AccessKeyID == "A-os" && got.Endpoint != "https://os.example" {
			t.Errorf("%s: endpoint %q", name, got.Endpoint)
		}
	}
}
