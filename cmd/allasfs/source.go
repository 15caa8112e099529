package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"allasfs/fs"
	"allasfs/objstore"
	"allasfs/objstore/dirstore"
	"allasfs/objstore/s3store"
)

// storeFlags say which store is meant and how it is reached. Secrets are never flags.
type storeFlags struct {
	endpoint string
	region   string
	profiles []string
	timeout  time.Duration
	insecure bool
}

func (f *storeFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.endpoint, "endpoint", "", "URL of the S3 service (default from the credentials' source, or https://a3s.fi)")
	flags.StringVar(&f.region, "region", "", "S3 region (default from the credentials' source, or regionOne)")
	flags.StringArrayVar(&f.profiles, "profile", nil, "rclone remote, or profile in ~/.aws (default $AWS_PROFILE or default); "+
		"several make a directory each, for mount and ls")
	flags.DurationVar(&f.timeout, "timeout", 30*time.Second, "how long a request may go without progress, retries included")
	flags.BoolVar(&f.insecure, "insecure-http", false, "accept an endpoint without TLS on another machine")
}

// source is what SOURCE on the command line names: a store and a place in it.
type source struct {
	directory string // of file:///DIR; empty for S3
	place     fs.Place
}

// parseSource reads s3://, s3://BUCKET[/PREFIX] or file:///DIR.
func parseSource(s string) (source, error) {
	if directory, ok := strings.CutPrefix(s, "file://"); ok {
		if !strings.HasPrefix(directory, "/") {
			return source{}, hint(fmt.Errorf("%s: not an absolute path", s), "write file:///DIR with three slashes")
		}
		return source{directory: directory}, nil
	}
	rest, ok := strings.CutPrefix(s, "s3://")
	if !ok {
		return source{}, hint(fmt.Errorf("%q is not a source", s), "a source is s3://, s3://BUCKET, s3://BUCKET/PREFIX or file:///DIR")
	}
	bucket, prefix, _ := strings.Cut(rest, "/")
	if bucket == "" && prefix != "" {
		return source{}, hint(fmt.Errorf("%q names no bucket", s), "a source is s3://, s3://BUCKET, s3://BUCKET/PREFIX or file:///DIR")
	}
	return source{place: fs.Place{Bucket: bucket, Prefix: prefix}}, nil
}

// directoryPlace returns the place with a prefix that ends in "/".
func (s source) directoryPlace() fs.Place {
	p := s.place
	if p.Prefix != "" && !strings.HasSuffix(p.Prefix, "/") {
		p.Prefix += "/"
	}
	return p
}

// String returns the source as it is written on the command line.
func (s source) String() string {
	if s.directory != "" {
		return "file://" + s.directory
	}
	return "s3://" + strings.TrimSuffix(s.place.String(), "/")
}

// open returns the store of a source, with retries and with reasons for refusals.
func (f *storeFlags) open(ctx context.Context, s source, log *slog.Logger) (objstore.Store, error) {
	return f.openMetered(ctx, s, log)
}

// meteredStore is a store with retries and with reasons for refusals, and what is known of it.
type meteredStore struct {
	objstore.Store
	name  string          // tells its objects from those of other stores
	meter *objstore.Meter // counts the attempts
}

// openMetered is open for a caller that wants to know more of the store.
func (f *storeFlags) openMetered(ctx context.Context, s source, log *slog.Logger) (*meteredStore, error) {
	store, name, err := f.openOnce(ctx, s, log)
	if err != nil {
		return nil, err
	}
	meter := objstore.NewMeter(store)
	retrying := objstore.Retry(meter, objstore.RetryOptions{Deadline: f.timeout, Logger: log})
	return &meteredStore{retrying, name, meter}, nil
}

// openOnce is a store that tries everything once, and its name.
func (f *storeFlags) openOnce(ctx context.Context, s source, log *slog.Logger) (objstore.Store, string, error) {
	if err := f.checkProfiles(s); err != nil {
		return nil, "", err
	}
	switch {
	case s.directory != "":
		store, err := dirstore.New(s.directory)
		return store, s.String(), err
	case f.several():
		return f.openProfiles(ctx, log)
	}
	return f.openProfile(ctx, cmp.Or(f.profiles...), log)
}

// openS3 returns the store of a profile, or of whatever credentials there are, and its endpoint.
func (f *storeFlags) openS3(ctx context.Context, profile string, log *slog.Logger) (*s3store.Store, string, error) {
	credentials, err := f.credentials(ctx, profile)
	if err != nil {
		return nil, "", err
	}
	log.Info("credentials found", "source", credentials.Source, "endpoint", credentials.Endpoint)
	o := s3store.Options{Credentials: credentials, Renew: f.renewed(profile, log), InsecureHTTP: f.insecure}
	store, err := s3store.New(ctx, o)
	return store, credentials.Endpoint, err
}
