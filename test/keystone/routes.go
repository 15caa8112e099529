package keystone

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

type object = map[string]any

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v3", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, object{"version": object{"id": "v3.14", "status": "stable"}})
	})
	mux.HandleFunc("POST /v3/auth/tokens", s.login)
	mux.HandleFunc("POST /v3/s3tokens", s.checkSignature)
	mux.HandleFunc("GET /v3/auth/tokens", s.authenticated(s.showToken))
	mux.HandleFunc("GET /v3/auth/projects", s.authenticated(s.listProjects))
	mux.HandleFunc("GET /v3/users/{user}/credentials/OS-EC2", s.authenticated(s.listKeys))
	mux.HandleFunc("POST /v3/users/{user}/credentials/OS-EC2", s.authenticated(s.makeKey))
	mux.HandleFunc("GET /v3/users/{user}/credentials/OS-EC2/{access}", s.authenticated(s.showKey))
	return mux
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, why string) {
	reply(w, status, object{"error": object{"code": status, "title": http.StatusText(status), "message": why}})
}

// authenticated lets requests with a good token through, and to a user's keys only the user and the service.
func (s *Server) authenticated(next func(http.ResponseWriter, *http.Request, token)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t, ok := s.known(r.Header.Get("X-Auth-Token"))
		user := r.PathValue("user")
		switch {
		case !ok:
			refuse(w, http.StatusUnauthorized, "The request you have made requires authentication.")
		case user != "" && user != UserID(t.account.User) && t.account.ProjectName != ServiceProject:
			refuse(w, http.StatusForbidden, "You are not authorized to perform the requested action.")
		default:
			next(w, r, t)
		}
	}
}

// named is a user or a project as a request names it: by id, or by name and domain.
type named struct {
	ID       string
	Name     string
	Password string
	Domain   struct{ ID, Name string }
}

func (n named) is(id, name string) bool {
	if n.ID != "" {
		return n.ID == id
	}
	return n.Name == name && (n.Domain.ID == "default" || n.Domain.Name == "Default")
}

type loginRequest struct {
	Auth struct {
		Identity struct {
			Methods  []string
			Password struct{ User named }
			Token    struct{ ID string }
		}
		Scope struct{ Project named }
	}
}

// login makes a token of a password or of another token, for a project if one is named.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	var q loginRequest
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		refuse(w, http.StatusBadRequest, "malformed request")
		return
	}
	for _, a := range s.accounts {
		if !s.identified(a, q) {
			continue
		}
		project := q.Auth.Scope.Project
		if project == (named{}) {
			a.ProjectID, a.ProjectName = "", ""
		} else if !project.is(a.ProjectID, a.ProjectName) {
			continue
		}
		id := s.issue(a)
		w.Header().Set("X-Subject-Token", id)
		t, _ := s.known(id)
		reply(w, http.StatusCreated, s.describe(t))
		return
	}
	refuse(w, http.StatusUnauthorized, "The request you have made requires authentication.")
}

func (s *Server) identified(a Account, q loginRequest) bool {
	if id := q.Auth.Identity.Token.ID; id != "" {
		t, ok := s.known(id)
		return ok && t.account.User == a.User
	}
	user := q.Auth.Identity.Password.User
	return user.is(UserID(a.User), a.User) && user.Password == a.Password
}

func (s *Server) showToken(w http.ResponseWriter, r *http.Request, _ token) {
	subject := r.Header.Get("X-Subject-Token")
	t, ok := s.known(subject)
	if !ok {
		refuse(w, http.StatusNotFound, "Could not find token.")
		return
	}
	w.Header().Set("X-Subject-Token", subject)
	reply(w, http.StatusOK, s.describe(t))
}

// describe is what is said of a token. Without a project there are neither roles nor a catalog.
func (s *Server) describe(t token) object {
	const layout = "2006-01-02T15:04:05.000000Z"
	domain := object{"id": "default", "name": "Default"}
	body := object{
		"methods": []string{"password"}, "audit_ids": []string{"audit"},
		"issued_at": t.expires.Add(-lifetime).UTC().Format(layout), "expires_at": t.expires.UTC().Format(layout),
		"user": object{"id": UserID(t.account.User), "name": t.account.User, "domain": domain, "password_expires_at": nil},
	}
	if t.account.ProjectID != "" {
		body["project"] = object{"id": t.account.ProjectID, "name": t.account.ProjectName, "domain": domain}
		body["roles"] = []object{{"id": UserID("member"), "name": "member"}}
		body["catalog"] = []object{
			s.service("object-store", "swift", "/swift/v1/AUTH_"+t.account.ProjectID),
			s.service("identity", "keystone", "/v3"),
		}
	}
	return object{"token": body}
}

func (s *Server) service(kind, name, path string) object {
	return object{"type": kind, "name": name, "id": UserID(name), "endpoints": []object{{
		"id": UserID(name + path), "interface": "public", "region": "regionOne", "region_id": "regionOne", "url": s.gateway + path,
	}}}
}

func (s *Server) listProjects(w http.ResponseWriter, _ *http.Request, t token) {
	found := []object{}
	for _, a := range s.accounts {
		if a.User == t.account.User {
			found = append(found, object{"id": a.ProjectID, "name": a.ProjectName, "domain_id": "default", "enabled": true})
		}
	}
	reply(w, http.StatusOK, object{"projects": found, "links": object{"next": nil}})
}

func (s *Server) listKeys(w http.ResponseWriter, r *http.Request, _ token) {
	reply(w, http.StatusOK, object{"credentials": s.keysOf(r.PathValue("user")), "links": object{"next": nil}})
}

func (s *Server) showKey(w http.ResponseWriter, r *http.Request, _ token) {
	k := s.key(r.PathValue("access"))
	if k.User != r.PathValue("user") {
		refuse(w, http.StatusNotFound, "Could not find credential.")
		return
	}
	reply(w, http.StatusOK, object{"credential": k})
}

func (s *Server) makeKey(w http.ResponseWriter, r *http.Request, _ token) {
	var q struct {
		Project string `json:"tenant_id"`
	}
	user := r.PathValue("user")
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		refuse(w, http.StatusBadRequest, "malformed request")
		return
	}
	if _, ok := s.member(user, q.Project); !ok {
		refuse(w, http.StatusForbidden, "You are not authorized to perform the requested action.")
		return
	}
	reply(w, http.StatusCreated, object{"credential": s.addKey(user, q.Project)})
}

// checkSignature tells a gateway whose an S3 request is: it sends the string that was signed, in base64, and the
// signature.
func (s *Server) checkSignature(w http.ResponseWriter, r *http.Request) {
	type signed struct{ Access, Signature, Token string }
	var q struct{ Credentials, Auth signed }
	if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
		refuse(w, http.StatusBadRequest, "malformed request")
		return
	}
	c := q.Credentials
	if c.Access == "" {
		c = q.Auth
	}
	text, err := base64.StdEncoding.DecodeString(c.Token)
	if err != nil {
		text, err = base64.URLEncoding.DecodeString(c.Token)
	}
	k := s.key(c.Access)
	account, ok := s.member(k.User, k.Project)
	if err != nil || !ok || !hmac.Equal([]byte(signature(string(text), k.Secret)), []byte(c.Signature)) {
		refuse(w, http.StatusUnauthorized, "EC2 signature not supplied or not valid.")
		return
	}
	reply(w, http.StatusOK, s.describe(token{account, time.Now().Add(lifetime)}))
}

// signature signs as AWS does with version 4; the second and third line of what is signed are time and scope.
func signature(text, secret string) string {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 {
		return ""
	}
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(lines[2], "/") {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, text))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
