package main

import (
	"context"
	"fmt"
	"log/slog"

	"allasfs/objstore"
	"allasfs/objstore/keystone"
	"allasfs/objstore/s3store"
	"allasfs/objstore/swiftstore"
)

// withSwift returns a store that reads over Swift what was shared with Swift's means, if there is a login to OpenStack.
// Nobody logs in before a bucket is refused.
func (f *storeFlags) withSwift(ctx context.Context, s3 *s3store.Store, log *slog.Logger) objstore.Store {
	o := f.openStack()
	if !o.Complete() {
		return s3
	}
	swift := swiftstore.New(ctx, swiftstore.Options{
		Login:        func(ctx context.Context) (swiftstore.Login, error) { return swiftLogin(ctx, s3, o) },
		InsecureHTTP: f.insecure,
	})
	return objstore.Alternative(s3, swift, log)
}

// swiftLogin logs in to the project whose keys for S3 are in use. The login is the environment's, but the keys may be of
// another project: what that one may not read isn't shown as if it might.
func swiftLogin(ctx context.Context, s3 *s3store.Store, o keystone.Options) (swiftstore.Login, error) {
	session, err := keystone.Login(ctx, o)
	if err != nil {
		return swiftstore.Login{}, err
	}
	self, _, err := s3.Self(ctx)
	if err != nil {
		return swiftstore.Login{}, err
	}
	if self.ID != session.Project.ID {
		return swiftstore.Login{}, fmt.Errorf("the login to OpenStack is for project %s, and the keys for S3 are those of %v",
			session.Project.Name, self)
	}
	return swiftstore.Login{URL: session.Swift, Token: session.Token(), Expires: session.Expires}, nil
}
