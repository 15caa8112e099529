// Package s3store reads from S3 object stores: Ceph's object gateway, as Allas runs it, and whatever else speaks S3.
// It is the only package that imports the AWS SDK.
//
// Source: Amazon Simple Storage Service API Reference, version 2006-03-01. It uses ListBuckets, ListObjectsV2,
// HeadObject and GetObject, with path-style addresses.
package s3store

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"allasfs/objstore"
	"allasfs/objstore/largeobject"
)

// Options says which store to talk to, and as whom.
type Options struct {
	// Credentials with keys, endpoint and region, as [Find] returns them. Endpoint and region may be empty:
	// [DefaultEndpoint], [DefaultRegion].
	Credentials
	// Renew returns credentials that are good now. It is asked shortly before the old ones expire, and when the store
	// takes them no longer; at most once a minute, and never twice at a time. Nil: they are used as they are.
	Renew func(context.Context) (Credentials, error) `json:"-"`
	// MaxConns is how many connections are kept for the next request. It should be no less than the number of
	// concurrent requests, or connections are opened and closed all the time. Default 256.
	MaxConns int
	// InsecureHTTP accepts a plain http endpoint on another machine. What is stored encrypted stays so, but
	// everything else travels in clear.
	InsecureHTTP bool
}

// Store is an S3 object store.
type Store struct {
	address pathStyle
	client  *s3.Client
	getter  *getter
	single  *getter // uses a connection for one request only, for static large objects
	joiner  *largeobject.Joiner
}

var _ objstore.Store = (*Store)(nil)

// New returns a store and sends nothing: wrong credentials or an endpoint that doesn't answer show at the first
// request. When ctx ends, idle connections are closed.
func New(ctx context.Context, o Options) (*Store, error) {
	if o.AccessKeyID == "" || o.SecretAccessKey == "" {
		return nil, ErrNoCredentials
	}
	endpoint, err := objstore.ParseEndpoint(cmp.Or(o.Endpoint, DefaultEndpoint), o.InsecureHTTP)
	if err != nil {
		return nil, err
	}
	o.Endpoint = endpoint
	address, err := newPathStyle(endpoint, cmp.Or(o.Region, DefaultRegion))
	if err != nil {
		return nil, err
	}
	wallet := newWallet(o.Credentials, o.Renew)
	transport := newTransport(cmp.Or(o.MaxConns, 256))
	context.AfterFunc(ctx, transport.CloseIdleConnections)
	single := newTransport(0)
	single.DisableKeepAlives = true
	s := &Store{
		address: address,
		client:  newClient(address, wallet, httpClient(transport)),
		getter:  newGetter(address, wallet, httpClient(transport)),
		single:  newGetter(address, wallet, httpClient(single)),
	}
	s.joiner = largeobject.NewJoiner(s, s.manifest)
	return s, nil
}

func newClient(address pathStyle, keys *wallet, client *http.Client) *s3.Client {
	return s3.New(s3.Options{
		EndpointResolverV2:          address,
		Region:                      address.region,
		Credentials:                 keys,
		APIOptions:                  []func(*middleware.Stack) error{keys.sendAgain, legibleListings},
		HTTPClient:                  client,
		Retryer:                     aws.NopRetryer{}, // objstore.Retry knows what has arrived already
		RequestChecksumCalculation:  aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation:  aws.ResponseChecksumValidationWhenRequired,
		DisableS3ExpressSessionAuth: aws.Bool(true),
		AppID:                       "allasfs",
	})
}

// newTransport is made for few hosts and large bodies. HTTP/2 would put all bodies on one connection, at half the rate.
func newTransport(conns int) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
		IdleConnTimeout:       60 * time.Second,
		MaxIdleConns:          conns,
		MaxIdleConnsPerHost:   conns,
		DisableCompression:    true,
		Protocols:             &protocols,
	}
}

func httpClient(t *http.Transport) *http.Client {
	return &http.Client{Transport: t, CheckRedirect: refuseRedirect}
}

// refuseRedirect keeps signed requests from going where nobody sent them; the answer is then the redirection itself.
func refuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Buckets lists the buckets of the project that the credentials belong to.
func (s *Store) Buckets(ctx context.Context) ([]objstore.Bucket, error) {
	var all []objstore.Bucket
	in := &s3.ListBucketsInput{}
	for {
		out, err := s.client.ListBuckets(ctx, in)
		if err != nil {
			return nil, &objstore.Error{Op: "buckets", Err: explain(ctx, err)}
		}
		for _, b := range out.Buckets {
			all = append(all, objstore.Bucket{Name: aws.ToString(b.Name), Created: aws.ToTime(b.CreationDate)})
		}
		if aws.ToString(out.ContinuationToken) == "" {
			break
		}
		in.ContinuationToken = out.ContinuationToken
	}
	slices.SortFunc(all, func(a, b objstore.Bucket) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// Head returns the current version of an object. S3 doesn't tell a missing bucket from a missing object here.
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
