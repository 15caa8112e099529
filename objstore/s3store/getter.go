package s3store

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/encoding/httpbinding"

	"allasfs/objstore"
)

// getter sends GETs of objects, which are most of a mount's requests. They go by net/http and the SDK's signer: its
// GetObject takes more than twice the processor time, and several times the allocations (BenchmarkGet).
type getter struct {
	address pathStyle
	keys    *wallet
	signer  *v4.Signer
	client  *http.Client
	ahead   atomic.Int64 // how far the store's clock is ahead, in nanoseconds, once it has refused ours
}

func newGetter(address pathStyle, keys *wallet, client *http.Client) *getter {
	return &getter{address: address, keys: keys, client: client, signer: v4.NewSigner(func(o *v4.SignerOptions) {
		o.DisableURIPathEscaping = true // it is escaped already; S3 wants it to be once
	})}
}

// get sends a GET with more headers, and once more when it was refused for keys or a clock that can be put right. The
// answer is 200 or 206; the caller closes its body.
func (g *getter) get(ctx context.Context, bucket, key string, more http.Header) (*http.Response, error) {
	used := g.keys.now()
	answer, err := g.once(ctx, bucket, key, more)
	if r, ok := errors.AsType[*refusedAnswer](err); ok && (g.setClock(r) || r.outdated() && g.keys.replace(ctx, used)) {
		return g.once(ctx, bucket, key, more)
	}
	return answer, err
}

// noBody is the SHA-256 of nothing.
const noBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func (g *getter) once(ctx context.Context, bucket, key string, more http.Header) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "", nil)
	if err != nil {
		return nil, err
	}
	*req.URL = *g.address.endpoint
	below := strings.TrimSuffix(req.URL.Path, "/") + "/" + bucket + "/"
	req.URL.Path, req.URL.RawPath = below+key, httpbinding.EscapePath(below+key, false)
	req.Header = more.Clone()
	req.Header.Set("X-Amz-Content-Sha256", noBody)
	req.Header.Set("User-Agent", "allasfs")
	keys, err := g.keys.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now().Add(time.Duration(g.ahead.Load()))
	if err := g.signer.SignHTTP(ctx, keys, req, noBody, "s3", g.address.region, now); err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity") // proxies change it, so it isn't signed
	answer, err := g.client.Do(req)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK && answer.StatusCode != http.StatusPartialContent {
		return nil, refused(answer)
	}
	return answer, nil
}

// refusedAnswer is the error for an answer that isn't an object.
type refusedAnswer struct {
	status int
	code   string // empty where the body doesn't say it
	date   string
}

// mostRefusal is what is read of a refusal's body, in bytes.
const mostRefusal = 64 << 10

// refused reads the answer to its end, so that the connection can be used again. One that breaks off is no refusal yet: it
// may have been about to say that it isn't for good.
func refused(answer *http.Response) error {
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostRefusal))
	if err != nil {
		return objstore.Unavailable(err)
	}
	r := &refusedAnswer{status: answer.StatusCode, date: answer.Header.Get("Date")}
	var said struct{ Code string }
	if xml.Unmarshal(body, &said) == nil { // proxies don't speak S3
		r.code = said.Code
	}
	return r
}

func (r *refusedAnswer) Error() string { return fmt.Sprintf("%d %s", r.status, r.code) }

// outdated tells whether other keys may help.
func (r *refusedAnswer) outdated() bool { return slices.Contains(outdated, r.code) }

// setClock learns the store's time if that was the reason of a refusal, as the SDK does for the other requests.
func (g *getter) setClock(r *refusedAnswer) bool {
	if r.code != "RequestTimeTooSkewed" {
		return false
	}
	date, err := http.ParseTime(r.date)
	if err == nil {
		g.ahead.Store(int64(time.Until(date)))
	}
	return err == nil
}
