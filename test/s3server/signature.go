package s3server

import (
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// serveBytes is for keys that aren't UTF-8. The library takes them, but not when it computes their signature; so that is
// checked here, and the library doesn't.
func (s *Server) serveBytes(w http.ResponseWriter, r *http.Request) {
	for _, k := range s.keys {
		if k.Access == accessOf(r) && signedBy(r, k) {
			s.unsigned.ServeHTTP(w, r)
			return
		}
	}
	writeError(w, http.StatusForbidden, "SignatureDoesNotMatch")
}

// signedBy signs the request once more and compares.
func signedBy(r *http.Request, k Key) bool {
	authorization := r.Header.Get("Authorization")
	_, scope, _ := strings.Cut(authorization, "Credential="+k.Access+"/")
	parts := strings.SplitN(scope, "/", 4) // date, region, service, and the rest
	when, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || len(parts) != 4 {
		return false
	}
	_, names, _ := strings.Cut(authorization, "SignedHeaders=")
	names, _, _ = strings.Cut(names, ",")
	url := *r.URL
	url.Host = r.Host
	again := &http.Request{Method: r.Method, URL: &url, Host: r.Host, Header: http.Header{}, ContentLength: r.ContentLength}
	for name := range strings.SplitSeq(names, ";") {
		if values := r.Header.Values(name); len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	err = signer.SignHTTP(r.Context(), aws.Credentials{AccessKeyID: k.Access, SecretAccessKey: k.Secret}, again,
		r.Header.Get("X-Amz-Content-Sha256"), parts[2], parts[1], when)
	return err == nil && again.Header.Get("Authorization") == authorization
}
