package storetest_test

import (
	"testing"

	"allasfs/objstore"
	"allasfs/objstore/storetest"
)

func fixture(store objstore.Store, m *storetest.Memory) storetest.Fixture {
	return storetest.Fixture{
		Store:      store,
		MakeBucket: m.MakeBucket,
		Put:        func(bucket, key string, data []byte) { m.Put(bucket, key, data) },
	}
}

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Fixture {
		m := &storetest.Memory{}
		return fixture(m, m)
	})
}

// Decorators pass the suite as the stores below them do.
func TestDecorators(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Fixture {
		m := &storetest.Memory{}
		return fixture(objstore.Retry(objstore.NewMeter(&storetest.Faults{Store: m}), objstore.RetryOptions{}), m)
	})
}
