package keystone

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gophercloud/gophercloud/v2"

	"allasfs/objstore"
)

// The causes that callers tell apart with errors.Is. Each is one of objstore's as well.
var (
	// ErrLogin: Keystone doesn't accept the password or the token. It is an objstore.ErrDenied.
	ErrLogin error = &cause{"login refused", objstore.ErrDenied}
	// ErrProject: the login is good, but for no project, or not for this one. It is an objstore.ErrDenied.
	ErrProject error = &cause{"no project to work in", objstore.ErrDenied}
	// ErrUnavailable: it can't be reached or is out of order. It is an objstore.ErrUnavailable.
	ErrUnavailable error = &cause{"no answer", objstore.ErrUnavailable}
)

// errNoProject: no project that the user belongs to has the name.
var errNoProject error = &cause{"none of your own projects has this name", objstore.ErrNotExist}

type cause struct {
	text string
	also error
}

func (c *cause) Error() string        { return c.text }
func (c *cause) Is(target error) bool { return target == c.also }

// denied tells whether Keystone refused.
func denied(err error) bool {
	return gophercloud.ResponseCodeIs(err, http.StatusUnauthorized) || gophercloud.ResponseCodeIs(err, http.StatusForbidden)
}

// explain turns what the library says into a short cause for a person. Answers aren't shown: they may hold secrets.
func explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if _, ok := errors.AsType[*cause](err); ok {
		return err
	}
	if e, ok := errors.AsType[gophercloud.ErrUnexpectedResponseCode](err); ok {
		return explainStatus(e.Actual)
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("no secure connection: %w", e.Err)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%w: %v", ErrUnavailable, e.Err)
	}
	if malformed(err) {
		return errors.New("its answer isn't one of OpenStack's identity service")
	}
	return err
}

func explainStatus(status int) error {
	text := fmt.Sprintf("%d %s", status, http.StatusText(status))
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Errorf("%w: %s", ErrLogin, text)
	case status == http.StatusTooManyRequests, status >= http.StatusInternalServerError:
		return fmt.Errorf("%w: %s", ErrUnavailable, text)
	case status == http.StatusNotFound:
		return fmt.Errorf("there is no identity service of version 3 at this address: %s", text)
	}
	return fmt.Errorf("it refuses the request: %s", text)
}

func malformed(err error) bool {
	_, syntax := errors.AsType[*json.SyntaxError](err)
	_, kind := errors.AsType[*json.UnmarshalTypeError](err)
	return syntax || kind
}
