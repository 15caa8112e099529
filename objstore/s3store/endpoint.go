package s3store

import (
	"context"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/auth"
	smithyendpoints "github.com/aws/smithy-go/endpoints"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// pathStyle finds the address of a bucket: a path below the endpoint, signed for one region. The SDK's own resolver
// comes to the same by way of the rules for all of AWS, which costs more than everything else in a small request.
type pathStyle struct {
	endpoint *url.URL
	region   string
}

func newPathStyle(endpoint, region string) (pathStyle, error) {
	u, err := url.Parse(endpoint)
	return pathStyle{u, region}, err
}

// ResolveEndpoint implements [s3.EndpointResolverV2].
func (p pathStyle) ResolveEndpoint(_ context.Context, in s3.EndpointParameters) (e smithyendpoints.Endpoint, err error) {
	e.URI = *p.endpoint
	if in.Bucket != nil {
		e.URI = *p.endpoint.JoinPath(*in.Bucket)
	}
	var signer smithy.Properties
	smithyhttp.SetSigV4SigningName(&signer, "s3")
	smithyhttp.SetSigV4SigningRegion(&signer, p.region)
	smithyhttp.SetDisableDoubleEncoding(&signer, true) // of the path, as S3 wants it
	auth.SetAuthOptions(&e.Properties, []*auth.Option{{SchemeID: auth.SchemeIDSigV4, SignerProperties: signer}})
	return e, nil
}
