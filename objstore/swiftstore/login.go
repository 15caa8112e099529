package swiftstore

import (
	"context"
	"fmt"
	"sync"
	"time"

	"allasfs/objstore"
)

const (
	renewAhead = 5 * time.Minute // a new token is asked for this long before the old one expires
	loginPause = time.Minute     // and no more often than this
)

// logins holds the token in use. A login that fails is remembered for a while, so that not every request waits for the
// next failure.
type logins struct {
	o    Options
	turn chan struct{} // held while asking for a token

	mu      sync.Mutex
	current Login
	failed  error
	asked   time.Time
}

func newLogins(o Options) *logins { return &logins{o: o, turn: make(chan struct{}, 1)} }

// get returns a login whose token isn't the one that was refused.
func (l *logins) get(ctx context.Context, refused string) (Login, error) {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return Login{}, context.Cause(ctx)
	}
	defer func() { <-l.turn }()
	if login, err, enough := l.have(refused); enough {
		return login, err
	}
	login, err := l.o.Login(ctx)
	if err == nil {
		login.URL, err = objstore.ParseEndpoint(login.URL, l.o.InsecureHTTP)
	}
	if ctx.Err() != nil {
		return Login{}, context.Cause(ctx) // and the next request may ask
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked, l.failed = time.Now(), err
	if err == nil {
		l.current = login
	}
	return l.result(refused)
}

// have returns what there is. It isn't enough when it is time to ask for something better.
func (l *logins) have(refused string) (login Login, err error, enough bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fresh := l.current.Expires.IsZero() || time.Until(l.current.Expires) > renewAhead
	login, err = l.result(refused)
	return login, err, err == nil && fresh || !l.mayAsk()
}

// result is the token, or why there is none. The caller holds l.mu.
func (l *logins) result(refused string) (Login, error) {
	switch {
	case l.current.Token != "" && l.current.Token != refused:
		return l.current, nil
	case l.failed != nil:
		return Login{}, fmt.Errorf("no login for Swift: %w", l.failed)
	}
	return Login{}, fmt.Errorf("%w: the token isn't accepted", objstore.ErrDenied)
}

// mayAsk tells whether the last login is long enough ago. The caller holds l.mu.
func (l *logins) mayAsk() bool { return l.asked.IsZero() || time.Since(l.asked) >= loginPause }

// mayReplace tells whether there is, or may be, another token than the one that was refused.
func (l *logins) mayReplace(refused string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current.Token != refused || l.mayAsk()
}
