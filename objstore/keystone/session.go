package keystone

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/ec2credentials"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/projects"
	"github.com/gophercloud/gophercloud/v2/openstack/identity/v3/tokens"
	"github.com/gophercloud/gophercloud/v2/pagination"
)

const tokenHeader = "X-Subject-Token"

// client sends requests to one Keystone.
type client struct{ service *gophercloud.ServiceClient }

func newClient(address string) client {
	provider := &gophercloud.ProviderClient{HTTPClient: http.Client{
		Timeout: 15 * time.Second,
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			DisableKeepAlives:   true, // there are two or three requests, and then none for a long time
		},
		// A password or a token doesn't go where nobody sent it.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	return client{&gophercloud.ServiceClient{ProviderClient: provider, Endpoint: address + "/"}}
}

// as is the client with a token.
func (c client) as(token string) client {
	service := *c.service
	service.ProviderClient = &gophercloud.ProviderClient{HTTPClient: c.service.HTTPClient, TokenID: token}
	return client{&service}
}

// answer is what Keystone says of a token that it has made or checked.
type answer interface {
	ExtractToken() (*tokens.Token, error)
	ExtractUser() (*tokens.User, error)
	ExtractProject() (*tokens.Project, error)
	ExtractServiceCatalog() (*tokens.ServiceCatalog, error)
}

// session is the session of a token, if that is for the right project.
func (c client) session(ctx context.Context, a answer, o Options) (*Session, error) {
	token, err := a.ExtractToken()
	if err != nil {
		return nil, err
	}
	project, err := a.ExtractProject()
	if err != nil {
		return nil, err
	}
	if project == nil || !o.accepts(*project) {
		return nil, c.noProject(ctx, token.ID, o)
	}
	user, err := a.ExtractUser()
	if err != nil {
		return nil, err
	}
	catalog, err := a.ExtractServiceCatalog()
	if err != nil || user == nil || token.ID == "" {
		return nil, fmt.Errorf("%w: its answer is incomplete", ErrUnavailable)
	}
	return &Session{
		Project: Project{ID: project.ID, Name: project.Name}, Expires: token.ExpiresAt,
		S3: endpoint(catalog, o.Region), Swift: public(catalog, "object-store", o.Region), userID: user.ID, client: c.as(token.ID),
	}, nil
}

// noProject is the error for a login that is good, but not for the project; it names those that there are.
func (c client) noProject(ctx context.Context, token string, o Options) error {
	wanted := "none is set (OS_PROJECT_NAME)"
	if o.hasProject() {
		wanted = fmt.Sprintf("%s isn't one of the user's (OS_PROJECT_NAME, OS_PROJECT_ID)", o.project())
	}
	all, err := c.as(token).projects(ctx)
	if err != nil || len(all) == 0 {
		return fmt.Errorf("%w: %s", ErrProject, wanted)
	}
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	slices.Sort(names)
	return fmt.Errorf("%w: %s; there are %s", ErrProject, wanted, strings.Join(names, ", "))
}

// projects returns the projects that the user belongs to.
func (c client) projects(ctx context.Context) ([]projects.Project, error) {
	pages, err := projects.ListAvailable(c.service).AllPages(ctx)
	if err != nil {
		return nil, err
	}
	return projects.ExtractProjects(pages)
}

// ProjectID returns the id of a project by its name. Keystone shows a user's own projects and no others: the error for
// what isn't among them is an [objstore.ErrNotExist].
func (s *Session) ProjectID(ctx context.Context, name string) (string, error) {
	all, err := s.client.projects(ctx)
	if err != nil {
		return "", fmt.Errorf("projects: %w", explain(ctx, err))
	}
	var ids []string
	for _, p := range all {
		if p.Name == name {
			ids = append(ids, p.ID)
		}
	}
	switch len(ids) {
	case 0:
		return "", errNoProject
	case 1:
		return ids[0], nil
	}
	return "", fmt.Errorf("there are several of this name: %s", strings.Join(ids, ", "))
}

// Token returns what stands for the login in requests to other services of OpenStack's. It is a secret.
func (s *Session) Token() string { return s.client.service.TokenID }

func (o Options) project() string {
	if o.ProjectID != "" {
		return o.ProjectID
	}
	return o.ProjectName
}

// endpoint is that of the catalog's S3 service, or else the host of its Swift: Ceph speaks both at one address.
func endpoint(catalog *tokens.ServiceCatalog, region string) string {
	if s3 := public(catalog, "s3", region); s3 != "" {
		return s3
	}
	u, err := url.Parse(public(catalog, "object-store", region))
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func public(catalog *tokens.ServiceCatalog, service, region string) string {
	for _, entry := range catalog.Entries {
		if entry.Type != service {
			continue
		}
		for _, e := range entry.Endpoints {
			if e.Interface == "public" && (region == "" || e.RegionID == region || e.Region == region) {
				return e.URL
			}
		}
	}
	return ""
}

// Keys is a pair of keys for S3. They last until somebody deletes them.
type Keys struct{ Access, Secret string }

// String shows whose they are, and not the secret.
func (k Keys) String() string { return "access key " + k.Access }

// GoString is what %#v shows: the same as [Keys.String].
func (k Keys) GoString() string { return k.String() }

// Keys returns the user's keys for the session's project. They are made where there are none.
func (s *Session) Keys(ctx context.Context) (Keys, error) {
	keys, err := s.find(ctx)
	if err == nil && keys == (Keys{}) {
		keys, err = s.make(ctx)
	}
	if err != nil {
		return Keys{}, fmt.Errorf("keys for S3 of %s: %w", s.Project.Name, explain(ctx, err))
	}
	return keys, nil
}

// find returns the zero value if there are none. Those of a trust are somebody else's.
func (s *Session) find(ctx context.Context) (keys Keys, err error) {
	list := ec2credentials.List(s.client.service, s.userID)
	err = list.EachPage(ctx, func(_ context.Context, p pagination.Page) (bool, error) {
		all, err := ec2credentials.ExtractCredentials(p)
		for _, c := range all {
			if c.TenantID == s.Project.ID && c.TrustID == "" && c.Access != "" && c.Secret != "" {
				keys = Keys{c.Access, c.Secret}
				break
			}
		}
		return false, err
	})
	return keys, err
}

func (s *Session) make(ctx context.Context) (Keys, error) {
	c, err := ec2credentials.Create(ctx, s.client.service, s.userID, ec2credentials.CreateOpts{TenantID: s.Project.ID}).Extract()
	if err != nil {
		return Keys{}, err
	}
	if c == nil || c.Access == "" || c.Secret == "" {
		return Keys{}, fmt.Errorf("%w: its answer is incomplete", ErrUnavailable)
	}
	return Keys{c.Access, c.Secret}, nil
}
