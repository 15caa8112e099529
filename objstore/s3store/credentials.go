package s3store

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"path/filepath"
	"strings"
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
}

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
	// Profile is a section of the AWS files, from the command line. It goes before the environment and every file:
	// a profile that was asked for by name and has no keys is an error.
	Profile string
	Env     func(string) string // os.Getenv
	Home    string              // the user's home directory
}

// Find looks for credentials: in the environment, in the AWS tools' files, in ~/.s3cfg. The first source with both keys
// wins. The endpoint is that of the options, of the environment or of the same source, in this order, else
// [DefaultEndpoint]: keys of one file are never used with the endpoint of an unrelated one.
//
// When there are none, the error is an [ErrNoCredentials] that lists where it has looked. No error shows a secret.
func Find(o CredentialOptions) (Credentials, error) {
	sources := []func(CredentialOptions) (Credentials, error){fromEnvironment, fromAWS, fromS3cfg}
	if o.Profile != "" {
		sources = []func(CredentialOptions) (Credentials, error){fromAWS}
	}
	var looked []string
	for _, source := range sources {
		c, err := source(o)
		if err == nil && c.complete() {
			return o.finish(c)
		}
		if err == nil {
			err = errors.New("not set")
		}
		looked = append(looked, fmt.Sprintf("%s: %v", c.Source, err))
	}
	return Credentials{}, fmt.Errorf("%w; looked at %s", ErrNoCredentials, strings.Join(looked, "; "))
}

// finish adds endpoint and region to what a source found.
func (o CredentialOptions) finish(c Credentials) (Credentials, error) {
	c.Endpoint = cmp.Or(o.Endpoint, o.Env("AWS_ENDPOINT_URL_S3"), o.Env("AWS_ENDPOINT_URL"), o.Env("S3_ENDPOINT_URL"),
		c.Endpoint, DefaultEndpoint)
	c.Region = cmp.Or(o.Region, o.Env("AWS_REGION"), o.Env("AWS_DEFAULT_REGION"), c.Region, DefaultRegion)
	endpoint, err := parseEndpoint(c.Endpoint, true) // New refuses plain http
	c.Endpoint = endpoint
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
		Source:          "the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)",
	}
	if c.complete() { // with its usual endpoint, as the AWS tools do
		profile, _ := fromAWS(o)
		c.Endpoint, c.Region = profile.Endpoint, profile.Region
	}
	return c, nil
}

// parseEndpoint completes and checks an endpoint: https is understood, and plain http is for this machine alone.
func parseEndpoint(endpoint string, insecure bool) (string, error) {
	text := endpoint
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("malformed endpoint %q: it should look like %s", redact(endpoint), DefaultEndpoint)
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme != "http":
		return "", fmt.Errorf("malformed endpoint %q: neither https nor http", endpoint)
	case !insecure && !loopback(u.Hostname()):
		return "", fmt.Errorf("endpoint %q isn't encrypted: plain http is for this machine only", endpoint)
	}
	return strings.TrimRight(u.String(), "/"), nil
}

// redact takes away what may be a password in front of the host.
func redact(endpoint string) string {
	if i := strings.LastIndex(endpoint, "@"); i >= 0 {
		return "..." + endpoint[i:]
	}
	return endpoint
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
