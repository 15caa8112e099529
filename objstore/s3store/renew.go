package s3store

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	renewAhead = 5 * time.Minute // new credentials are asked for this long before the old ones expire
	renewPause = time.Minute     // and no more often than this
)

// wallet holds the credentials in use. New ones come before the time of the old ones is over, or when the store takes
// those no longer. What can't be renewed stays in use: whether it is good is for the store to say.
type wallet struct {
	renew func(context.Context) (Credentials, error) // nil: no others will come
	turn  chan struct{}                              // held while asking for new ones

	mu      sync.Mutex
	current Credentials
	asked   time.Time
}

func newWallet(c Credentials, renew func(context.Context) (Credentials, error)) *wallet {
	return &wallet{renew: renew, turn: make(chan struct{}, 1), current: c}
}

// Retrieve returns the credentials for a request. One request at a time waits for new ones; the others go on with what
// there is.
func (w *wallet) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if w.due() {
		select {
		case w.turn <- struct{}{}:
			w.ask(ctx)
			<-w.turn
		default:
		}
	}
	c := w.now()
	return aws.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken,
		Source: "allasfs"}, nil
}

func (w *wallet) now() Credentials {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.current
}

// due tells whether it is time for new credentials.
func (w *wallet) due() bool {
	expires := w.now().Expires
	return !expires.IsZero() && time.Until(expires) <= renewAhead && w.mayAsk()
}

func (w *wallet) mayAsk() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.renew != nil && (w.asked.IsZero() || time.Since(w.asked) >= renewPause)
}

// ask takes new credentials if there are any. Those for another endpoint are for another store: they aren't taken. The
// caller holds w.turn.
func (w *wallet) ask(ctx context.Context) {
	if !w.mayAsk() {
		return
	}
	c, err := w.renew(ctx)
	if err != nil && ctx.Err() != nil {
		return // the request has ended, and the next one may ask
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = time.Now()
	if err == nil && c.complete() && c.Endpoint == w.current.Endpoint {
		w.current = c
	}
}

// replace tells whether there are others than those that the store has refused.
func (w *wallet) replace(ctx context.Context, refused Credentials) bool {
	if w.renew == nil {
		return false
	}
	select {
	case w.turn <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	defer func() { <-w.turn }()
	if w.now().sameKeys(refused) {
		w.ask(ctx)
	}
	return !w.now().sameKeys(refused)
}

func (c Credentials) sameKeys(d Credentials) bool {
	return c.AccessKeyID == d.AccessKeyID && c.SecretAccessKey == d.SecretAccessKey && c.SessionToken == d.SessionToken
}

// sendAgain sends a request once more, signed anew, when new credentials have come for those that were refused.
func (w *wallet) sendAgain(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("allasfs.sendAgain", func(ctx context.Context,
		in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
		used := w.now()
		out, metadata, err := next.HandleInitialize(ctx, in)
		if err == nil || !maySendAgain(in.Parameters, err) || !w.replace(ctx, used) {
			return out, metadata, err
		}
		return next.HandleInitialize(ctx, in)
	}), middleware.After)
}

// outdated are the codes of an answer to keys that are good no longer.
var outdated = []string{"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId", "SignatureDoesNotMatch"}

// maySendAgain tells whether other credentials may help, and whether the request can be made a second time: a body can
// be read only once. The answer to HEAD has no code, so that every refusal may be for old keys.
func maySendAgain(in any, err error) bool {
	if _, body := in.(*s3.PutObjectInput); body {
		return false
	}
	if _, head := in.(*s3.HeadObjectInput); head {
		r, ok := errors.AsType[*smithyhttp.ResponseError](err)
		return ok && (r.HTTPStatusCode() == http.StatusForbidden || r.HTTPStatusCode() == http.StatusUnauthorized)
	}
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && slices.Contains(outdated, api.ErrorCode())
}
