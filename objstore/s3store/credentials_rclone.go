package s3store

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
)

// fromRclone reads rclone's remotes of type s3: the one that o names, else the first that has keys.
// Source: "Amazon S3 Storage Providers" of rclone's documentation.
func fromRclone(o CredentialOptions) (Credentials, error) {
	name := o.path("RCLONE_CONFIG", ".config", "rclone", "rclone.conf")
	file, err := openINI(name)
	none := Credentials{Source: name}
	if o.Profile != "" {
		none.Source += ", remote " + o.Profile
	}
	if err != nil {
		return none, err
	}
	for _, remote := range file.sections() {
		if remote.get("type") != "s3" || o.Profile != "" && remote.name() != o.Profile {
			continue
		}
		c := o.remote(remote)
		c.Source = fmt.Sprintf("%s, remote %s%s", name, remote.name(), c.Source)
		if c.complete() {
			return c, nil
		}
	}
	return none, errors.New("no remote of type s3 with keys")
}

// remote returns what a section says. With env_auth and no keys of its own it stands for the keys of the environment or
// of the AWS tools' files; the source is then where those were found.
func (o CredentialOptions) remote(s section) Credentials {
	c := Credentials{
		AccessKeyID:     s.get("access_key_id"),
		SecretAccessKey: s.get("secret_access_key"),
		SessionToken:    s.get("session_token"),
	}
	if elsewhere, _ := strconv.ParseBool(s.get("env_auth")); elsewhere && c.AccessKeyID == "" && c.SecretAccessKey == "" {
		o.Profile = s.get("profile")
		if c, _ = fromEnvironment(o); !c.complete() {
			c, _ = fromAWS(o)
		}
		c.Source = " with " + c.Source
	}
	c.Endpoint = cmp.Or(s.get("endpoint"), c.Endpoint)
	c.Region = cmp.Or(s.get("region"), c.Region)
	return c
}
