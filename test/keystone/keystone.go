// Package keystone is the part of OpenStack's identity service that an object gateway and its clients need, for tests:
// logins, tokens, projects, and keys for S3. It holds everything in memory.
//
// Source: OpenStack Identity API v3 and its extensions OS-EC2 and s3tokens. An http.Handler, so that it runs in a test's
// own process (httptest) as well as beside a gateway.
package keystone

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Account is a user's membership in a project. A user with several has several accounts with one password.
type Account struct {
	User, Password         string
	ProjectID, ProjectName string
	// Access and Secret are keys that the user has already; empty for none.
	Access, Secret string
}

// ServiceProject is the project whose members may check tokens and see everybody's keys, as a gateway has to.
const ServiceProject = "service"

// credential is a pair of keys for S3, as its JSON shows it.
type credential struct {
	Access  string  `json:"access"`
	Secret  string  `json:"secret"`
	Project string  `json:"tenant_id"`
	User    string  `json:"user_id"`
	Trust   *string `json:"trust_id"`
}

// token is a login; without a project its account is a user and nothing else.
type token struct {
	account Account
	expires time.Time
}

// Server answers requests. Its methods may be called from any goroutine.
type Server struct {
	gateway  string // endpoint of the object store, for the catalog
	accounts []Account
	mux      *http.ServeMux

	mu       sync.Mutex
	tokens   map[string]token
	keys     []credential
	requests []string
}

// lifetime is how long a login lasts, as in Allas.
const lifetime = 8 * time.Hour

// New returns a server for the accounts; gateway is the object store's endpoint.
func New(gateway string, accounts ...Account) *Server {
	s := &Server{gateway: gateway, accounts: accounts, tokens: map[string]token{}}
	for _, a := range accounts {
		if a.Access != "" {
			s.keys = append(s.keys, credential{Access: a.Access, Secret: a.Secret, Project: a.ProjectID, User: UserID(a.User)})
		}
	}
	s.mux = s.routes()
	return s
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Method+" "+r.URL.Path)
	s.mu.Unlock()
	s.mux.ServeHTTP(w, r)
}

// Requests returns method and path of all requests so far.
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Token logs a user in to a project, none if its id is empty, and returns the token.
func (s *Server) Token(user, projectID string) string {
	for _, a := range s.accounts {
		if a.User == user && (projectID == "" || a.ProjectID == projectID) {
			if projectID == "" {
				a.ProjectID, a.ProjectName = "", ""
			}
			return s.issue(a)
		}
	}
	return ""
}

// RevokeKeys deletes all keys for S3.
func (s *Server) RevokeKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = nil
}

func (s *Server) issue(a Account) string {
	id := "gAAAAA" + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[id] = token{a, time.Now().Add(lifetime)}
	return id
}

// known returns a token that is good.
func (s *Server) known(id string) (token, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tokens[id]
	return t, ok && time.Now().Before(t.expires)
}

// key returns the keys with an access key, or the zero value.
func (s *Server) key(access string) credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.Access == access {
			return k
		}
	}
	return credential{}
}

// keysOf returns a user's keys, for all projects.
func (s *Server) keysOf(userID string) []credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []credential{}
	for _, k := range s.keys {
		if k.User == userID {
			found = append(found, k)
		}
	}
	return found
}

func (s *Server) addKey(userID, projectID string) credential {
	k := credential{Access: strings.ToLower(rand.Text()), Secret: strings.ToLower(rand.Text()), Project: projectID, User: userID}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, k)
	return k
}

// member returns a user's account in a project.
func (s *Server) member(userID, projectID string) (Account, bool) {
	i := slices.IndexFunc(s.accounts, func(a Account) bool { return UserID(a.User) == userID && a.ProjectID == projectID })
	if i < 0 {
		return Account{}, false
	}
	return s.accounts[i], true
}

// UserID is the id of a user: 32 hex digits.
func UserID(user string) string {
	sum := sha256.Sum256([]byte(user))
	return hex.EncodeToString(sum[:16])
}
