package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"allasfs/objstore"
	"allasfs/objstore/s3store"
)

// Several profiles are several projects, side by side in one tree: each is a directory with its buckets.

// several tells whether there is more than one profile.
func (f *storeFlags) several() bool { return len(f.profiles) > 1 }

// profile returns the profile for a command that works with one project; empty where none is named.
func (f *storeFlags) profile() (string, error) {
	if f.several() {
		return "", hint(errors.New("--profile is given more than once"), "only mount, ls and whoami take several profiles")
	}
	return cmp.Or(f.profiles...), nil
}

// checkProfiles looks whether a source can be shown with the profiles.
func (f *storeFlags) checkProfiles(s source) error {
	if !f.several() {
		return nil
	}
	for i, name := range f.profiles {
		if name == "" || strings.Contains(name, "/") {
			return fmt.Errorf("profile %q can't be the name of a directory", name)
		}
		if slices.Contains(f.profiles[:i], name) {
			return fmt.Errorf("profile %q is given more than once", name)
		}
	}
	if s.directory != "" || s.place.Bucket != "" {
		return hint(fmt.Errorf("%s isn't what several profiles have in common", s),
			"with several profiles the source is s3://, and each profile is a directory with its buckets; or name one --profile")
	}
	return nil
}

// checkBuckets looks whether it is clear whose the buckets of --bucket are.
func (f *storeFlags) checkBuckets(buckets []string) error {
	for _, path := range buckets {
		profile, bucket, _ := strings.Cut(path, "/")
		switch {
		case f.several() && (bucket == "" || strings.Contains(bucket, "/") || !slices.Contains(f.profiles, profile)):
			return hint(fmt.Errorf("--bucket %s: it isn't said in which profile", path),
				"with several profiles it is --bucket PROFILE/BUCKET, like %s/%s", f.profiles[0], profile)
		case !f.several() && strings.Contains(path, "/"):
			return hint(fmt.Errorf("--bucket %s: no bucket can have this name", path),
				"PROFILE/BUCKET is for several profiles; else it is BUCKET")
		}
	}
	return nil
}

// about names the source in an error, or the one of several profiles that it comes from.
func (f *storeFlags) about(s source, err error) error {
	if e, ok := errors.AsType[*objstore.Error](err); ok && f.several() && e.Bucket != "" {
		return fmt.Errorf("profile %s: %w", e.Bucket, e.Err)
	}
	return fmt.Errorf("%s: %w", s, shortCause(err))
}

// openProfiles returns the store of several profiles.
func (f *storeFlags) openProfiles(ctx context.Context, log *slog.Logger) (objstore.Store, string, error) {
	stores := make(map[string]objstore.Store)
	var names []string
	for _, profile := range f.profiles {
		store, endpoint, err := f.openProfile(ctx, profile, log.With("profile", profile))
		if err != nil {
			return nil, "", fmt.Errorf("profile %s: %w", profile, err)
		}
		stores[profile] = store
		names = append(names, profile+" at "+endpoint)
	}
	slices.Sort(names)
	return objstore.Join(stores), strings.Join(names, ", "), nil
}

// openProfile returns the store of one profile, with reasons for refusals, and its endpoint.
func (f *storeFlags) openProfile(ctx context.Context, profile string, log *slog.Logger) (objstore.Store, string, error) {
	store, endpoint, err := f.openS3(ctx, profile, log)
	if err != nil {
		return nil, "", err
	}
	return s3store.Explain(f.withSwift(ctx, store, log), store, log), endpoint, nil
}
