// Package keystone logs in to OpenStack's identity service and gets a project's keys for S3 from it. It is the only
// package that imports gophercloud.
//
// Source: OpenStack Identity API v3 ("Authentication and token management", "Projects") and its extension OS-EC2.
package keystone

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"

	"allasfs/objstore"
)

// Options says where Keystone is, and who logs in to which project. Neither fmt nor slog shows the secrets in them.
type Options struct {
	AuthURL  string // with or without the version's /v3
	Token    string `json:"-"` // goes before user and password
	Username string
	Password string `json:"-"`
	// UserDomain and ProjectDomain are those of the names.
	UserDomain, ProjectDomain Domain
	// ProjectID goes before ProjectName. Without either, it is the token's project or the user's default one.
	ProjectID, ProjectName string
	Region                 string // of the endpoint to take from the catalog; empty: the first one
	// InsecureHTTP accepts plain http to another machine. The password then travels in clear.
	InsecureHTTP bool
}

// Domain is where a name is unique. The id goes before the name; the zero value is the domain with the id "default".
type Domain struct{ ID, Name string }

func (d Domain) orDefault() Domain {
	switch {
	case d.ID != "":
		return Domain{ID: d.ID}
	case d.Name != "":
		return d
	}
	return Domain{ID: "default"}
}

// FromEnvironment reads the variables OS_*, which OpenStack's own tools read, too.
func FromEnvironment(env func(string) string) Options {
	return Options{
		AuthURL: env("OS_AUTH_URL"), Token: env("OS_AUTH_TOKEN"), Username: env("OS_USERNAME"), Password: env("OS_PASSWORD"),
		UserDomain:    Domain{ID: env("OS_USER_DOMAIN_ID"), Name: env("OS_USER_DOMAIN_NAME")},
		ProjectDomain: Domain{ID: env("OS_PROJECT_DOMAIN_ID"), Name: env("OS_PROJECT_DOMAIN_NAME")},
		ProjectID:     env("OS_PROJECT_ID"), ProjectName: env("OS_PROJECT_NAME"), Region: env("OS_REGION_NAME"),
	}
}

// Complete tells whether there is enough to log in with.
func (o Options) Complete() bool { return o.AuthURL != "" && (o.Token != "" || o.hasPassword()) }

func (o Options) hasPassword() bool { return o.Username != "" && o.Password != "" }

func (o Options) hasProject() bool { return o.ProjectID != "" || o.ProjectName != "" }

// String says who logs in and where.
func (o Options) String() string {
	who := "a token"
	if o.Token == "" {
		who = "user " + o.Username
	}
	return fmt.Sprintf("OpenStack at %s with %s", o.AuthURL, who)
}

// GoString is what %#v shows: the same as [Options.String].
func (o Options) GoString() string { return o.String() }

// LogValue is what slog shows.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

// Project is what a session works in.
type Project struct{ ID, Name string }

// Session is a login to one project. Its methods may be called from any number of goroutines.
type Session struct {
	Project Project
	// Expires is when the login ends. Keys that were got with it last longer.
	Expires time.Time
	// S3 is the endpoint of the project's object store, as the catalog has it; empty if it has none.
	S3 string
	// Swift is the URL of the project's account in the object store, likewise.
	Swift string

	userID string
	client client
}

// Login logs in. A token that isn't good any more is passed over if there is a password, too.
//
// The error is [ErrLogin], [ErrProject] or [ErrUnavailable] where its cause is known, and names the address.
func Login(ctx context.Context, o Options) (*Session, error) {
	address, err := objstore.ParseEndpoint(o.AuthURL, o.InsecureHTTP)
	if err != nil {
		return nil, fmt.Errorf("OS_AUTH_URL: %w", err)
	}
	if !strings.HasSuffix(address, "/v3") {
		address += "/v3"
	}
	c := newClient(address)
	s, err := c.login(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("keystone at %s: %w", address, explain(ctx, err))
	}
	return s, nil
}

func (c client) login(ctx context.Context, o Options) (*Session, error) {
	if o.Token != "" {
		s, err := c.withToken(ctx, o)
		if !errors.Is(err, ErrLogin) || !o.hasPassword() {
			return s, err
		}
	}
	if !o.hasPassword() {
		return nil, fmt.Errorf("%w: neither a token nor a user with a password", ErrLogin)
	}
	return c.withPassword(ctx, o)
}

// withPassword asks for a token of the project. Keystone refuses a wrong password and a project that isn't the user's
// with the same words; logging in to no project tells them apart.
func (c client) withPassword(ctx context.Context, o Options) (*Session, error) {
	domain := o.UserDomain.orDefault()
	who := tokens.AuthOptions{Username: o.Username, Password: o.Password, DomainID: domain.ID, DomainName: domain.Name}
	scoped := who
	scoped.Scope = o.scope()
	s, err := c.session(ctx, tokens.Create(ctx, c.service, &scoped), o)
	if !denied(err) {
		return s, err
	}
	if o.hasProject() {
		if got := tokens.Create(ctx, c.service, &who); got.Err == nil {
			return nil, c.noProject(ctx, got.Header.Get(tokenHeader), o)
		}
	}
	return nil, fmt.Errorf("%w: wrong user name or password (OS_USERNAME, OS_PASSWORD)", ErrLogin)
}

// withToken uses a token as it is if it is for the project, and else asks for one that is.
func (c client) withToken(ctx context.Context, o Options) (*Session, error) {
	got := tokens.Get(ctx, c.as(o.Token).service, o.Token)
	if denied(got.Err) || gophercloud.ResponseCodeIs(got.Err, http.StatusNotFound) {
		return nil, fmt.Errorf("%w: the token has expired or isn't valid (OS_AUTH_TOKEN)", ErrLogin)
	}
	s, err := c.session(ctx, got, o)
	if !errors.Is(err, ErrProject) || !o.hasProject() {
		return s, err
	}
	s, scopedErr := c.session(ctx, tokens.Create(ctx, c.service, &tokens.AuthOptions{TokenID: o.Token, Scope: o.scope()}), o)
	if denied(scopedErr) {
		return nil, err
	}
	return s, scopedErr
}

// scope is the project as Keystone wants it named.
func (o Options) scope() tokens.Scope {
	switch domain := o.ProjectDomain.orDefault(); {
	case o.ProjectID != "":
		return tokens.Scope{ProjectID: o.ProjectID}
	case o.ProjectName != "":
		return tokens.Scope{ProjectName: o.ProjectName, DomainID: domain.ID, DomainName: domain.Name}
	}
	return tokens.Scope{}
}

// accepts tells whether p is the project that is asked for, if any is.
func (o Options) accepts(p tokens.Project) bool {
	switch domain := o.ProjectDomain.orDefault(); {
	case o.ProjectID != "":
		return p.ID == o.ProjectID
	case o.ProjectName == "":
		return true
	case domain.ID != "":
		return p.Name == o.ProjectName && p.Domain.ID == domain.ID
	default:
		return p.Name == o.ProjectName && p.Domain.Name == domain.Name
	}
}
