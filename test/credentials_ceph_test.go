//go:build ceph

package test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// carol returns the environment of C's user, who has a login to OpenStack and nothing else.
func carol(t *testing.T, project string) []string {
	return account{}.environ(t, "OS_AUTH_URL="+variable(t, "KEYSTONE_URL"), "OS_USERNAME="+variable(t, "RGW_C_USER"),
		"OS_PASSWORD="+variable(t, "RGW_C_PASSWORD"), "OS_PROJECT_NAME="+project)
}

func whoamiAs(t *testing.T, env []string) (id struct {
	Works     bool
	AccessKey string `json:"access_key"`
	Project   struct{ ID, Name string }
}) {
	t.Helper()
	if err := json.Unmarshal([]byte(command{env: env}.must(t, program(), "whoami", "--json")), &id); err != nil {
		t.Fatal(err)
	}
	return id
}

// With a login to OpenStack: the keys that are there, and a mount with them.
func TestCephOpenStack(t *testing.T) {
	c := newParty(t, "C")
	key, plaintext, name, object := newKey(t), bytes.Repeat([]byte("plain"), 50_000), "carols-bucket", "a.c4gh"
	if _, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	if err := c.putAs(name, object, encrypt(t, plaintext, key), ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context()) // which has ended by now
		for _, remove := range []func() error{
			func() error {
				_, err := c.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &name, Key: &object})
				return err
			},
			func() error { _, err := c.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name}); return err },
		} {
			if err := remove(); err != nil {
				t.Error(err)
			}
		}
	})
	env := carol(t, variable(t, "RGW_C_NAME"))
	if id := whoamiAs(t, env); !id.Works || id.AccessKey != c.access || id.Project.ID != c.uid || id.Project.Name != variable(t, "RGW_C_NAME") {
		t.Errorf("whoami: %+v", id)
	}
	if got := (command{env: env}).must(t, program(), "ls"); got != name+"/\n" {
		t.Errorf("ls: %q", got)
	}
	m := mount(t, env, "--sk", key.secret, "s3://"+name)
	if !bytes.Equal(m.read("a"), plaintext) {
		t.Error("a is read wrong")
	}
	for _, secret := range []string{c.secret, variable(t, "RGW_C_PASSWORD")} {
		if m.log.contains(secret) {
			t.Error("the log shows a secret")
		}
	}
}

// Where a project has no keys for S3 yet they are made, and found the next time.
func TestCephOpenStackMakesKeys(t *testing.T) {
	env := carol(t, "project_2000005")
	first, second := whoamiAs(t, env), whoamiAs(t, env)
	if !first.Works || first.Project.Name != "project_2000005" || first.AccessKey == "" || first != second {
		t.Errorf("%+v, then %+v", first, second)
	}
	r := command{env: carol(t, variable(t, "RGW_D_NAME"))}.run(t, program(), "whoami")
	if r.status != 1 || !strings.Contains(r.stderr, "isn't one of the user's") {
		t.Errorf("somebody else's project: exit status %d, %s", r.status, r.stderr)
	}
}
