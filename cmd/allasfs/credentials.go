package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"allasfs/objstore/keystone"
	"allasfs/objstore/s3store"
)

// credentials finds out as whom to talk to which store: as a profile, unless that is empty.
func (f *storeFlags) credentials(ctx context.Context, profile string) (s3store.Credentials, error) {
	home, _ := os.UserHomeDir() // without one, its files aren't looked for
	o := s3store.CredentialOptions{Endpoint: f.endpoint, Region: f.region, Profile: profile, Env: os.Getenv, Home: home}
	if login := f.openStack(); login.Complete() {
		o.OpenStack = func(ctx context.Context) (s3store.Credentials, error) { return fromOpenStack(ctx, login) }
	}
	return s3store.Find(ctx, o)
}

// openStack says how to log in to OpenStack, as far as the environment does.
func (f *storeFlags) openStack() keystone.Options {
	login := keystone.FromEnvironment(os.Getenv)
	login.InsecureHTTP = f.insecure
	return login
}

// openStackProjects finds projects with a login of its own, so that nobody logs in for nothing.
type openStackProjects struct{ login keystone.Options }

func (p openStackProjects) ProjectID(ctx context.Context, name string) (string, error) {
	session, err := keystone.Login(ctx, p.login)
	if err != nil {
		return "", err
	}
	return session.ProjectID(ctx, name)
}

// renewed returns credentials that are looked for anew, for a mount that outlives the old ones.
func (f *storeFlags) renewed(profile string, log *slog.Logger) func(context.Context) (s3store.Credentials, error) {
	return func(ctx context.Context) (s3store.Credentials, error) {
		c, err := f.credentials(ctx, profile)
		if err != nil {
			log.Warn("no new credentials", "cause", err)
		} else {
			log.Info("credentials looked for again", "source", c.Source, "access_key", c.AccessKeyID)
		}
		return c, err
	}
}

// fromOpenStack logs in and gets the project's keys for S3.
func fromOpenStack(ctx context.Context, o keystone.Options) (s3store.Credentials, error) {
	session, err := keystone.Login(ctx, o)
	if err != nil {
		return s3store.Credentials{}, err
	}
	keys, err := session.Keys(ctx)
	if err != nil {
		return s3store.Credentials{}, err
	}
	return s3store.Credentials{
		AccessKeyID: keys.Access, SecretAccessKey: keys.Secret, Endpoint: session.S3,
		Source:  fmt.Sprintf("%v, project %s", o, session.Project.Name),
		Project: s3store.Project(session.Project),
	}, nil
}
