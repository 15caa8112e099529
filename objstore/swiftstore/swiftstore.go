// Package swiftstore reads from object stores over Swift's protocol, with a token of OpenStack's. It is there for buckets
// that were shared with Swift's means, which keys for S3 can't use: Ceph's object gateway has both protocols over the
// same buckets, and answers Swift's X-Container-Read with 403 over S3.
//
// Source: OpenStack Object Storage API v1, and what Ceph's gateway, version 16.2, makes of it.
package swiftstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"allasfs/objstore"
	"allasfs/objstore/largeobject"
)

// Options says whose account it is.
type Options struct {
	// Login gets a token. It is asked when there is none, when the token is about to expire, and when the store takes
	// it no longer; at most once a minute, and never twice at a time.
	Login func(context.Context) (Login, error)
	// InsecureHTTP accepts plain http to another machine. The token then travels in clear.
	InsecureHTTP bool
}

// Login is what a request is made with. Neither fmt nor slog shows the token.
type Login struct {
	URL     string    // of the project's account, as the catalog has it
	Token   string    `json:"-"`
	Expires time.Time // zero where nobody says
}

// String shows where the account is, and not the token.
func (l Login) String() string { return "account " + l.URL }

// GoString is what %#v shows: the same as [Login.String].
func (l Login) GoString() string { return l.String() }

// Store is the account of a project, and whatever others share with that.
type Store struct {
	logins *logins
	client *http.Client
	single *http.Client // uses a connection for one request only, for static large objects
	joiner *largeobject.Joiner
}

var _ objstore.Store = (*Store)(nil)

// New returns a store and sends nothing. When ctx ends, idle connections are closed.
func New(ctx context.Context, o Options) *Store {
	s := &Store{logins: newLogins(o), client: newClient(), single: newClient()}
	s.single.Transport.(*http.Transport).DisableKeepAlives = true
	s.joiner = largeobject.NewJoiner(s, s.manifest)
	context.AfterFunc(ctx, s.client.CloseIdleConnections)
	return s
}

func newClient() *http.Client {
	var protocols http.Protocols
	protocols.SetHTTP1(true) // HTTP/2 would put all bodies on one connection
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: 30 * time.Second,
			IdleConnTimeout:       60 * time.Second,
			MaxIdleConns:          64,
			MaxIdleConnsPerHost:   64,
			DisableCompression:    true,
			Protocols:             &protocols,
		},
		// A token doesn't go where nobody sent it.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// request is one request, without the token.
type request struct {
	method, bucket, key string // bucket and key may be empty
	query               url.Values
	header              http.Header
	single              bool // on a connection of its own
}

// url is the address below the account. A slash in a key is sent as it is.
func (r request) url(account string) string {
	address := account
	if r.bucket != "" {
		address += "/" + url.PathEscape(r.bucket)
	}
	if r.key != "" {
		address += "/" + strings.ReplaceAll(url.PathEscape(r.key), "%2F", "/")
	}
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	return address
}

// send makes a request, a second time with a new token if there is one for a token that is refused. An answer that isn't
// 2xx is an error.
func (s *Store) send(ctx context.Context, r request) (*http.Response, error) {
	refused := ""
	for {
		login, err := s.logins.get(ctx, refused)
		if err != nil {
			return nil, err
		}
		answer, err := s.sendAs(ctx, r, login)
		if err != nil {
			return nil, explain(ctx, err)
		}
		if answer.StatusCode/100 == 2 {
			return answer, nil
		}
		io.Copy(io.Discard, io.LimitReader(answer.Body, 4<<10)) // so that the connection can be used again
		answer.Body.Close()
		if answer.StatusCode != http.StatusUnauthorized || !s.logins.mayReplace(login.Token) || refused != "" {
			return nil, explainStatus(answer.StatusCode)
		}
		refused = login.Token
	}
}

func (s *Store) sendAs(ctx context.Context, r request, login Login) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, r.method, r.url(login.URL), nil)
	if err != nil {
		return nil, err
	}
	for name, values := range r.header {
		q.Header[name] = values
	}
	q.Header.Set("X-Auth-Token", login.Token)
	q.Header.Set("User-Agent", "allasfs")
	if r.single {
		return s.single.Do(q)
	}
	return s.client.Do(q)
}

// getJSON reads a listing.
func (s *Store) getJSON(ctx context.Context, bucket string, query url.Values, into any) error {
	query.Set("format", "json")
	answer, err := s.send(ctx, request{method: http.MethodGet, bucket: bucket, query: query})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNoContent {
		return nil
	}
	text, err := io.ReadAll(answer.Body)
	switch {
	case err != nil:
		return explain(ctx, err)
	case !utf8.Valid(text): // a name in it would be read as another one
		return errors.New("the store lists a name that isn't UTF-8, which Swift's listings can't hold")
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%w: its answer is cut or malformed", objstore.ErrUnavailable)
	}
	return nil
}

// Buckets lists the buckets of the project that the login is for. When they were made isn't told.
func (s *Store) Buckets(ctx context.Context) ([]objstore.Bucket, error) {
	var all []objstore.Bucket
	for marker := ""; ; marker = all[len(all)-1].Name {
		var page []struct{ Name string }
		if err := s.getJSON(ctx, "", url.Values{"marker": {marker}}, &page); err != nil {
			return nil, &objstore.Error{Op: "buckets", Err: err}
		}
		for _, b := range page {
			if b.Name <= marker {
				return nil, &objstore.Error{Op: "buckets", Err: errDisorder}
			}
			all = append(all, objstore.Bucket{Name: b.Name})
		}
		if len(page) == 0 {
			break
		}
	}
	slices.SortFunc(all, func(a, b objstore.Bucket) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// Head returns the current version of an object.
func (s *Store) Head(ctx context.Context, bucket, key string) (objstore.Object, error) {
	o, err := s.head(ctx, bucket, key)
	if err != nil {
		return objstore.Object{}, &objstore.Error{Op: "head", Bucket: bucket, Key: key, Err: err}
	}
	return o, nil
}

func (s *Store) head(ctx context.Context, bucket, key string) (objstore.Object, error) {
	if err := checkNames(bucket, key); err != nil {
		return objstore.Object{}, err
	}
	m, err := s.manifest(ctx, bucket, key)
	if err == nil && largeobject.IsDynamic(m.Version) {
		if err = s.joiner.Check(ctx, m); errors.Is(err, objstore.ErrDenied) {
			err = nil // the size is known all the same; who wants the bytes is told
		}
	}
	return m.Object, err
}

// checkNames answers for names that no store can have: the address would be another one's.
func checkNames(bucket, key string) error {
	if err := checkBucket(bucket); err != nil {
		return err
	}
	if key == "" {
		return objstore.ErrNotExist
	}
	return nil
}

func checkBucket(bucket string) error {
	if bucket == "" || bucket == "." || bucket == ".." || strings.Contains(bucket, "/") {
		return objstore.ErrNoBucket
	}
	return nil
}
