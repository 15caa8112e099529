package s3store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"allasfs/objstore"
)

// What Allas has where nothing else is said. The region is part of the signature, and Allas accepts any.
const (
	DefaultEndpoint = "https://a3s.fi"
	DefaultRegion   = "regionOne"
)

// ErrNoCredentials: no source has both an access key and a secret key.
var ErrNoCredentials = errors.New("no credentials for the object store")

// Credentials are keys and the store that they are for. Neither fmt nor slog shows the secrets in them.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string `json:"-"`
	SessionToken    string `json:"-"` // empty for keys that last
	Endpoint        string // URL
	Region          string
	Source          string // where the keys were found, for a message
	// Expires is when the store takes these credentials no longer; zero for keys that last, and where nobody says.
	Expires time.Time
	// Project is whose keys these are, where the source knows it.
	Project Project
}

// Project is an owner of buckets. In Allas its id is 32 hex digits and its name project_ with a number.
type Project struct{ ID, Name string }

// String says whose credentials these are and where they were found.
func (c Credentials) String() string {
	return fmt.Sprintf("access key %s from %s for %s", c.AccessKeyID, c.Source, c.Endpoint)
}

// GoString is what %#v shows: the same as [Credentials.String].
func (c Credentials) GoString() string { return c.String() }

// LogValue is what slog shows.
func (c Credentials) LogValue() slog.Value {
	return slog.GroupValue(slog.String("access_key", c.AccessKeyID), slog.String("source", c.Source),
		slog.String("endpoint", c.Endpoint), slog.String("region", c.Region))
}

func (c Credentials) complete() bool { return c.AccessKeyID != "" && c.SecretAccessKey != "" }

// CredentialOptions is what [Find] goes by.
type CredentialOptions struct {
	Endpoint string // from the command line; goes before every other
	Region   string // likewise
	// Profile is an rclone remote or a section of the AWS files, from the command line. It goes before the environment
	// and every file: a profile that was asked for by name and has no keys is an error.
	Profile string
	Env     func(string) string // os.Getenv
	Home    string              // the user's home directory
	// OpenStack gets keys from OpenStack's identity service. It is the only source that sends requests; nil if the
	// environment doesn't say how.
	OpenStack func(context.Context) (Credentials, error) `json:"-"`
}

// source is a place where keys may be. The credentials that it returns name it even if there are none.
type source func(CredentialOptions) (Credentials, error)

// sources returns the places to look at, in order. A profile that the environment names is meant: it goes before what
// only happens to be there.
func (o CredentialOptions) sources() []source {
	switch {
	case o.Profile != "":
		return []source{fromRclone, fromAWS}
	case o.Env("AWS_PROFILE") != "":
		return []source{fromEnvironment, fromAWS, fromRclone, fromS3cfg}
	}
	return []source{fromEnvironment, fromRclone, fromAWS, fromS3cfg}
}

// Find looks for credentials: in the environment, in rclone's remotes, in the AWS tools' files, in ~/.s3cfg, and at last
// asks OpenStack. The first source with both keys wins. The endpoint is that of the options, of the environment or of
// the same source, in this order, else [DefaultEndpoint]: keys of one file are never used with the endpoint of an
// unrelated one. A profile that was asked for by name has its own endpoint before the environment's.
//
// When there are none, the error is an [ErrNoCredentials] that lists where it has looked. Where OpenStack was asked, the
// error is its refusal. No error shows a secret.
func Find(ctx context.Context, o CredentialOptions) (Credentials, error) {
	var looked []string
	for _, source := range o.sources() {
		c, err := source(o)
		if err == nil && c.complete() {
			return o.finish(c)
		}
		if err == nil {
			err = errors.New("not set")
		}
		looked = append(looked, fmt.Sprintf("%s: %v", c.Source, err))
	}
	switch {
	case o.Profile != "":
	case o.OpenStack == nil:
		looked = append(looked, "OpenStack (OS_AUTH_URL with OS_AUTH_TOKEN, or with OS_USERNAME and OS_PASSWORD): not set")
	default:
		c, err := o.OpenStack(ctx)
		if err != nil {
			return Credentials{}, err
		}
		return o.finish(c)
	}
	return Credentials{}, fmt.Errorf("%w; looked at %s", ErrNoCredentials, strings.Join(looked, "; "))
}

// finish adds endpoint and region to what a source found.
func (o CredentialOptions) finish(c Credentials) (Credentials, error) {
	endpoint := cmp.Or(o.Env("AWS_ENDPOINT_URL_S3"), o.Env("AWS_ENDPOINT_URL"), o.Env("S3_ENDPOINT_URL"))
	region := cmp.Or(o.Env("AWS_REGION"), o.Env("AWS_DEFAULT_REGION"))
	if o.Profile != "" {
		endpoint, region = cmp.Or(c.Endpoint, endpoint), cmp.Or(c.Region, region)
	}
	c.Region = cmp.Or(o.Region, region, c.Region, DefaultRegion)
	var err error
	c.Endpoint, err = objstore.ParseEndpoint(cmp.Or(o.Endpoint, endpoint, c.Endpoint, DefaultEndpoint), true) // New refuses plain http
	return c, err
}

// path is a file below the home directory, unless the environment variable says another.
func (o CredentialOptions) path(variable string, elements ...string) string {
	name := ""
	if variable != "" {
		name = o.Env(variable)
	}
	if below, ok := strings.CutPrefix(name, "~/"); ok {
		return filepath.Join(o.Home, below)
	}
	return cmp.Or(name, filepath.Join(append([]string{o.Home}, elements...)...))
}

func fromEnvironment(o CredentialOptions) (Credentials, error) {
	c := Credentials{
		AccessKeyID:     o.Env("AWS_ACCESS_KEY_ID"),
		SecretAccessKey: o.Env("AWS_SECRET_ACCESS_KEY"),
		SessionToken:    o.Env("AWS_SESSION_TOKEN"),
		Expires:         parseExpiry(o.Env("AWS_CREDENTIAL_EXPIRATION")),
		Source:          "the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)",
	}
	if c.complete() { // with its usual endpoint, as the AWS tools do
		profile, _ := fromAWS(o)
		c.Endpoint, c.Region = profile.Endpoint, profile.Region
	}
	return c, nil
}

// parseExpiry returns the zero time for what isn't one.
func parseExpiry(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t
}
