package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"allasfs/objstore"
	"allasfs/objstore/s3store"
)

// identity is what whoami tells.
type identity struct {
	Profile   string           `json:"profile,omitempty"` // as it was asked for
	Source    string           `json:"source,omitempty"`
	Endpoint  string           `json:"endpoint,omitempty"`
	Region    string           `json:"region,omitempty"`
	AccessKey string           `json:"access_key,omitempty"`
	Expires   *time.Time       `json:"expires,omitempty"` // nil where nobody says
	Project   *projectIdentity `json:"project,omitempty"` // nil where nobody says
	Works     bool             `json:"works"`
	Problem   string           `json:"problem,omitempty"`
}

type projectIdentity struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

func newWhoamiCommand(c *console) *cobra.Command {
	store, asJSON := &storeFlags{}, false
	cmd := &cobra.Command{
		Use:   "whoami [flags]",
		Short: "Tell which credentials are in use, and whether they work",
		Long: "Tell where the credentials were found, which store and project they are for, and whether the store takes them,\n" +
			"which is asked in one request. The exit status is 1 if they don't work, or if there are none. With several\n" +
			"profiles each is looked at, and --json writes a list.",
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if store.several() {
				return whoamiEach(cmd.Context(), c, store, asJSON)
			}
			id, err := whoami(cmd.Context(), store, cmp.Or(store.profiles...))
			if asJSON {
				return id.printJSON(c, err)
			}
			id.print(c)
			return err
		},
	}
	store.register(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "write JSON")
	return cmd
}

// whoami returns what it knows with the error, too.
func whoami(ctx context.Context, f *storeFlags, profile string) (identity, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, f.timeout, objstore.ErrTimeout)
	defer cancel()
	credentials, err := f.credentials(ctx, profile)
	if err != nil {
		return identity{Profile: profile}, err
	}
	id := identity{Profile: profile, Source: credentials.Source, Endpoint: credentials.Endpoint, Region: credentials.Region, AccessKey: credentials.AccessKeyID}
	if !credentials.Expires.IsZero() {
		id.Expires = &credentials.Expires
	}
	id.setProject(credentials.Project)
	store, err := s3store.New(ctx, s3store.Options{Credentials: credentials, InsecureHTTP: f.insecure})
	if err != nil {
		return id, err
	}
	project, _, err := store.Self(ctx)
	if errors.Is(err, objstore.ErrDenied) {
		return id, hint(shortCause(err), "these keys aren't good, or not for this endpoint; get new ones, or name other ones with --profile")
	}
	if err != nil {
		return id, shortCause(err)
	}
	id.setProject(s3store.Project{ID: cmp.Or(project.ID, credentials.Project.ID), Name: cmp.Or(credentials.Project.Name, project.Name)})
	id.Works = true
	return id, nil
}

func (id *identity) setProject(p s3store.Project) {
	if p != (s3store.Project{}) {
		id.Project = &projectIdentity{p.ID, p.Name}
	}
}

func (id identity) print(c *console) {
	if id.Source == "" {
		return
	}
	row := func(what, is string) { c.printf("%-12s%s\n", what, is) }
	row("source", id.Source)
	row("endpoint", id.Endpoint)
	row("access key", id.AccessKey)
	if id.Project != nil {
		row("project", s3store.Project(*id.Project).String())
	}
	if id.Expires != nil {
		row("expires", id.Expires.Local().Format("2006-01-02 15:04"))
	}
	row("works", map[bool]string{true: "yes", false: "no"}[id.Works])
}

// whoamiEach tells of each profile, of what is wrong with it as well.
func whoamiEach(ctx context.Context, c *console, f *storeFlags, asJSON bool) error {
	var all []identity
	var wrong error
	for i, profile := range f.profiles {
		id, err := whoami(ctx, f, profile)
		if err != nil {
			id.Problem, wrong = err.Error(), &toldError{exitError}
		}
		all = append(all, id)
		if asJSON {
			continue
		}
		if i > 0 {
			c.printf("\n")
		}
		c.printf("%-12s%s\n", "profile", profile)
		id.print(c)
		if id.Problem != "" {
			c.printf("%-12s%s\n", "problem", id.Problem)
		}
	}
	if asJSON {
		if err := printJSON(c, all); err != nil {
			return err
		}
	}
	return wrong
}

// printJSON writes one object; a problem is part of it and isn't told a second time.
func (id identity) printJSON(c *console, err error) error {
	if err == nil {
		return printJSON(c, id)
	}
	id.Problem = err.Error()
	if err := printJSON(c, id); err != nil {
		return err
	}
	return &toldError{exitError}
}

func printJSON(c *console, what any) error {
	text, err := json.MarshalIndent(what, "", "  ")
	if err == nil {
		c.printf("%s\n", text)
	}
	return err
}
