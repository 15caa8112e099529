package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"

	"allasfs/objstore"
)

func testCloseEarly(t *testing.T, f Fixture) {
	const size = 4 << 20
	data := pattern(size, 0)
	v := f.put(t, "object", data)
	for _, read := range []int64{0, 1, 1 << 20, size - 1, size} {
		body, err := f.Store.Get(t.Context(), v, 0, size)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, body, read); err != nil {
			t.Fatal(err)
		}
		if err := body.Close(); err != nil {
			t.Errorf("Close after %d bytes: %v", read, err)
		}
		if n, err := body.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Errorf("Read after Close: %d bytes, %v", n, err)
		}
	}
	got, err := f.get(t.Context(), v, 0, size)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("afterwards: %d bytes, %v", len(got), err)
	}
}

func testContext(t *testing.T, f Fixture) {
	v := f.put(t, "object", pattern(1<<20, 0))
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	body, err := f.Store.Get(ctx, v, 0, v.Size)
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	cancel(gone)
	ended := func(what string, err error) {
		if !errors.Is(err, gone) && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want the end of the context", what, err)
		}
		if errors.Is(err, objstore.ErrUnavailable) || errors.Is(err, objstore.ErrChanged) {
			t.Errorf("%s: the end of the context is called %v", what, err)
		}
	}
	_, err = io.ReadAll(body)
	ended("body", err)
	_, err = f.Store.Buckets(ctx)
	ended("buckets", err)
	_, err = f.Store.List(ctx, bucket, objstore.ListOptions{})
	ended("list", err)
	_, err = f.Store.Head(ctx, bucket, "object")
	ended("head", err)
	_, err = f.Store.Get(ctx, v, 0, 1)
	ended("get", err)
}

func testConcurrent(t *testing.T, f Fixture) {
	const objects, readers = 4, 8
	var versions []objstore.Version
	for i := range objects {
		versions = append(versions, f.put(t, fmt.Sprintf("object-%d", i), pattern(100_000, byte(i))))
	}
	var wait sync.WaitGroup
	for r := range readers {
		wait.Go(func() {
			for round := range 20 {
				i := (r + round) % objects
				off := int64(r*1000 + round)
				got, err := f.get(t.Context(), versions[i], off, 50_000)
				if err != nil || !bytes.Equal(got, pattern(100_000, byte(i))[off:off+50_000]) {
					t.Errorf("object %d: %d bytes, %v", i, len(got), err)
				}
				if page, err := f.Store.List(t.Context(), bucket, objstore.ListOptions{Max: 2}); err != nil || page.Next == "" {
					t.Errorf("%+v, %v", page, err)
				}
			}
		})
	}
	wait.Wait()
}
