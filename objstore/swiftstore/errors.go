package swiftstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"allasfs/objstore"
)

// statusMeans says what an answer means. Ceph says 401 to a token that is good, too, where something isn't granted.
func statusMeans(status int) error {
	switch {
	case status == http.StatusNotFound:
		return objstore.ErrNotExist
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return objstore.ErrDenied
	case status == http.StatusPreconditionFailed, status == http.StatusRequestedRangeNotSatisfiable:
		return objstore.ErrChanged
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests,
		status == 498, status >= 500: // 498: Swift's own "slow down"
		return objstore.ErrUnavailable
	}
	return nil
}

func explainStatus(status int) error {
	text := fmt.Sprintf("%d %s", status, http.StatusText(status))
	switch is := statusMeans(status); {
	case is != nil:
		return fmt.Errorf("%w: %s from Swift", is, text)
	case status >= 300 && status < 400:
		return fmt.Errorf("the store wants to be asked elsewhere: %s", text)
	}
	return fmt.Errorf("the store refuses the request: %s", text)
}

// explain is for requests without an answer. What can't get better by trying again isn't ErrUnavailable.
func explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // without the address
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("no secure connection to the store: %w", e.Err)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return errors.New("no secure connection to the store: it speaks plain http")
	}
	return objstore.Unavailable(err)
}
