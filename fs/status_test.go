package fs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"testing"

	"allasfs/c4gh"
	"allasfs/cache"
	"allasfs/objstore"
	"allasfs/objstore/storetest"
)

// statusMount returns what of a mount its status needs.
func statusMount(t *testing.T) *Mount {
	meter := objstore.NewMeter(new(storetest.Memory))
	c := cache.New(meter, cache.Options{})
	t.Cleanup(c.Close)
	return &Mount{cache: c, log: slog.New(slog.DiscardHandler), options: Options{Meter: meter}}
}

// fill sets every number below v to the longest one.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Int64, reflect.Int:
		v.SetInt(math.MinInt64)
	case reflect.Float64:
		v.SetFloat(-math.MaxFloat64 / 3)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(v.MapIndex(key))
			fill(value)
			v.SetMapIndex(key, value)
		}
	}
}

// However large the numbers get, the answer fits what the kernel copies, and its size fits the command.
func TestStatusFits(t *testing.T) {
	s := statusMount(t).Status()
	fill(reflect.ValueOf(&s).Elem())
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if s.Store.Requests["get"].Errors["cut"] != math.MinInt64 || s.Cache.Disk.Hits != math.MinInt64 {
		t.Error("not every number was filled in")
	}
	if len(data) > statusSize || len(data) < 2<<10 {
		t.Errorf("a status of %d bytes, %d fit", len(data), statusSize)
	}
	if statusSize >= 1<<14 {
		t.Error("the size has more bits than an ioctl has for it")
	}
	if _, errno := statusMount(t).answerStatus(make([]byte, 100)); errno == 0 {
		t.Error("a status in 100 bytes")
	}
}

func TestFailuresAreCountedByCause(t *testing.T) {
	m := statusMount(t)
	for n, c := range []struct {
		err   error
		cause string
		errno string
	}{
		{objstore.ErrChanged, "changed", "ESTALE"},
		{objstore.ErrIncomplete, "incomplete", "EIO"},
		{objstore.ErrNoBucket, "not_exist", "ENOENT"},
		{fmt.Errorf("%w: %w", objstore.ErrTimeout, objstore.ErrUnavailable), "timeout", "ETIMEDOUT"},
		{objstore.ErrUnavailable, "unavailable", "ETIMEDOUT"},
		{&objstore.Error{Op: "get", Bucket: "b", Err: objstore.ErrDenied}, "denied", "EACCES"},
		{c4gh.ErrNoKey, "no_key", "ENOKEY"},
		{ErrHeaderElsewhere, "header_elsewhere", "ENOKEY"},
		{c4gh.ErrSegment, "not_authentic", "EIO"},
		{c4gh.ErrMalformed, "malformed", "EIO"},
		{context.Canceled, "interrupted", "EINTR"},
		{errors.New("odd"), "other", "EIO"},
	} {
		m.errno("read", "/x", c.err)
		sum := int64(0)
		for _, f := range m.Status().Errors {
			sum += f.Count
			if f.Cause == c.cause && (f.Errno != c.errno || f.Count != 1) {
				t.Errorf("%v is counted as %+v", c.err, f)
			}
		}
		if sum != int64(n+1) {
			t.Errorf("%d failures counted behind %v, want %d", sum, c.err, n+1)
		}
	}
}
