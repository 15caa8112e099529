package s3store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"allasfs/objstore"
)

// meanings says what an answer's code means, and where the code alone says too little to a person, in other words.
// Source: "Error responses" of the S3 API reference, and Ceph's rgw_common.cc for its own.
var meanings = map[string]struct {
	is    error
	words string
}{
	"NoSuchBucket":                 {objstore.ErrNoBucket, ""},
	"InvalidBucketName":            {objstore.ErrNoBucket, "no bucket can have this name"},
	"NoSuchKey":                    {objstore.ErrNotExist, ""},
	"NotFound":                     {objstore.ErrNotExist, ""},
	"InvalidObjectName":            {objstore.ErrNotExist, "no object can have this name"},
	"KeyTooLongError":              {objstore.ErrNotExist, "no object can have so long a name"},
	"PreconditionFailed":           {objstore.ErrChanged, ""},
	"InvalidRange":                 {objstore.ErrChanged, "the range lies behind its end"},
	"AccessDenied":                 {objstore.ErrDenied, ""},
	"InvalidAccessKeyId":           {objstore.ErrDenied, "the store doesn't know the access key"},
	"SignatureDoesNotMatch":        {objstore.ErrDenied, "the secret key doesn't belong to the access key"},
	"RequestTimeTooSkewed":         {objstore.ErrDenied, "the clock of this machine is wrong"},
	"ExpiredToken":                 {objstore.ErrDenied, "the credentials have expired"},
	"InvalidToken":                 {objstore.ErrDenied, "the session token isn't valid"},
	"AuthorizationHeaderMalformed": {objstore.ErrDenied, "the region may be wrong"},
	"SlowDown":                     {objstore.ErrUnavailable, "the store is overloaded"},
	"RequestTimeout":               {objstore.ErrUnavailable, ""},
}

// statusMeans says what an answer means whose code says nothing: HEAD has no body, and proxies don't speak S3.
func statusMeans(status int) error {
	switch {
	case status == http.StatusNotFound:
		return objstore.ErrNotExist
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return objstore.ErrDenied
	case status == http.StatusPreconditionFailed:
		return objstore.ErrChanged
	case status == http.StatusRequestedRangeNotSatisfiable:
		return objstore.ErrChanged
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		return objstore.ErrUnavailable
	}
	return nil
}

// explain turns what the SDK or the getter says into one of the contract's errors and a short cause for a person.
func explain(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, objstore.ErrUnavailable) {
		return err
	}
	if r, ok := errors.AsType[*refusedAnswer](err); ok {
		return explainAnswer(r.status, r.code)
	}
	status := 0
	if r, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		status = r.HTTPStatusCode()
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok && status != 0 {
		return explainAnswer(status, api.ErrorCode())
	}
	if status >= 300 {
		return explainAnswer(status, "")
	}
	return explainTransport(err)
}

func explainAnswer(status int, code string) error {
	text := fmt.Sprintf("%d %s", status, http.StatusText(status))
	if code != "" && code != "UnknownError" {
		text = fmt.Sprintf("%d %s", status, code)
	}
	m := meanings[code]
	if m.is == nil {
		m.is = statusMeans(status)
	}
	if m.words != "" {
		text = m.words + ", " + text
	}
	switch {
	case m.is != nil:
		return fmt.Errorf("%w: %s", m.is, text)
	case status >= 300 && status < 400:
		return fmt.Errorf("the store wants to be asked elsewhere: %s", text)
	}
	return fmt.Errorf("the store refuses the request: %s", text)
}

// explainTransport is for requests without an answer. What can't get better by trying again isn't ErrUnavailable.
func explainTransport(err error) error {
	if reason := untrusted(err); reason != nil {
		return fmt.Errorf("no secure connection to the store: %w", reason)
	}
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return fmt.Errorf("%w: its answer is cut or malformed", objstore.ErrUnavailable)
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return objstore.Unavailable(e.Err)
	}
	if e, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		return objstore.Unavailable(e.Err)
	}
	return fmt.Errorf("the request can't be made: %w", innermost(err))
}

// untrusted returns the reason if the other side isn't the one that its certificate should say.
func untrusted(err error) error {
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[x509.HostnameError](err); ok {
		return e
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return errors.New("it speaks plain http")
	}
	if e, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return e
	}
	return nil
}

func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
