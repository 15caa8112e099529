package s3store

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// BenchmarkGet compares a GET of the getter with the SDK's GetObject. The server's part is in both.
func BenchmarkGet(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"e"`)
		w.Header().Set("Content-Range", "bytes 0-9/100")
		w.WriteHeader(http.StatusPartialContent)
		w.Write(make([]byte, 10))
	}))
	defer server.Close()
	store, err := New(b.Context(), Options{Credentials: Credentials{AccessKeyID: "A", SecretAccessKey: "S", Endpoint: server.URL}})
	if err != nil {
		b.Fatal(err)
	}
	bucket, key, span := "bucket", "run/reads.bam.c4gh", "bytes=0-9"
	for name, get := range map[string]func(context.Context) (io.ReadCloser, error){
		"getter": func(ctx context.Context) (io.ReadCloser, error) {
			answer, err := store.getter.get(ctx, bucket, key, http.Header{"Range": {span}})
			if err != nil {
				return nil, err
			}
			return answer.Body, nil
		},
		"SDK": func(ctx context.Context) (io.ReadCloser, error) {
			out, err := store.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, Range: &span})
			if err != nil {
				return nil, fmt.Errorf("the SDK: %w", err)
			}
			return out.Body, nil
		},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				body, err := get(b.Context())
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, body)
				body.Close()
			}
		})
	}
}
