package s3store_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"allasfs/objstore"
	"allasfs/objstore/s3store"
	"allasfs/test/s3server"
)

// explained is a store that belongs to the second of two projects, the first of which has the bucket "theirs", with an
// object.
func explained(t *testing.T, log *slog.Logger) (objstore.Store, *s3server.Server) {
	t.Helper()
	server, err := s3server.Start(s3server.Config{Keys: []s3server.Key{{Access: "them", Secret: "secret-1"}, {Access: "ours", Secret: "secret-2"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	if err := server.CreateBucket("theirs", "them"); err != nil {
		t.Fatal(err)
	}
	if err := server.Put("theirs", "k", content(10)); err != nil {
		t.Fatal(err)
	}
	bare := openAs(t, s3store.Credentials{AccessKeyID: "ours", SecretAccessKey: "secret-2", Endpoint: server.URL()})
	return s3store.Explain(bare, bare, log), server
}

func TestExplainedRefusals(t *testing.T) {
	var log bytes.Buffer
	store, _ := explained(t, slog.New(slog.NewTextHandler(&log, nil)))
	_, list := store.List(t.Context(), "theirs", objstore.ListOptions{})
	_, head := store.Head(t.Context(), "theirs", "k")
	_, get := store.Get(t.Context(), objstore.Version{Bucket: "theirs", Key: "k", ETag: "e", Size: 10}, 0, 10)
	for name, err := range map[string]error{"list": list, "head": head, "get": get} {
		r, ok := errors.AsType[*s3store.Refusal](err)
		if !ok || !errors.Is(err, objstore.ErrDenied) || !strings.Contains(err.Error(), "403") {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(r.Reason, "bucket theirs isn't shared with this project") {
			t.Errorf("%s: %s", name, r.Reason)
		}
		if at, ok := errors.AsType[*objstore.Error](err); !ok || at.Op != name || at.Bucket != "theirs" {
			t.Errorf("%s: %+v", name, at)
		}
	}
	if n := strings.Count(log.String(), "isn't shared"); n != 1 {
		t.Errorf("the reason is logged %d times:\n%s", n, log.String())
	}
}

// Where there is no reason to be found, the error stays as it is, and everything else passes.
func TestExplainedOthers(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	store, server := explained(t, log)
	if err := server.CreateBucket("ours", "ours"); err != nil {
		t.Fatal(err)
	}
	if err := server.Put("ours", "k", content(10)); err != nil {
		t.Fatal(err)
	}
	if got, err := read(t, store, head(t, store, "ours", "k"), 2, 5); err != nil || !bytes.Equal(got, content(10)[2:7]) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := store.Head(t.Context(), "ours", "none"); !errors.Is(err, objstore.ErrNotExist) {
		t.Error(err)
	}
	bare := openAs(t, s3store.Credentials{AccessKeyID: "ours", SecretAccessKey: "wrong", Endpoint: server.URL()})
	wrong := s3store.Explain(bare, bare, log)
	_, err := wrong.List(t.Context(), "ours", objstore.ListOptions{})
	if _, ok := errors.AsType[*s3store.Refusal](err); ok || !errors.Is(err, objstore.ErrDenied) {
		t.Errorf("wrong secret: %v", err)
	}
}

// A change that somebody else made meanwhile isn't overwritten, and no rule of ours is written against the owner.
func TestSetPolicyLooksTwice(t *testing.T) {
	writes := 0
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			writes++
		}
		w.Write([]byte(`{"Version":"2012-10-17","Statement":[{"Sid":"New"}]}`))
	})
	store, a := open(t, url), access(t, "")
	err := store.SetPolicy(t.Context(), a, a.Share(s3store.Project{ID: otherID}, false))
	if !errors.Is(err, objstore.ErrChanged) || writes != 0 {
		t.Errorf("%v, %d writes", err, writes)
	}
	against := parsePolicy(t, `{"Statement":[{"Sid":"New"},{"Sid":"x","Effect":"Deny","Principal":{"AWS":"arn:aws:iam::`+ownerID+`:root"},"Action":"s3:*"}]}`)
	a.Policy = parsePolicy(t, `{"Statement":[{"Sid":"New"}]}`)
	if err := store.SetPolicy(t.Context(), a, against); err == nil || !strings.Contains(err.Error(), "lock the owner out") || writes != 0 {
		t.Errorf("%v, %d writes", err, writes)
	}
	// The server ignores what is written, which reading it again brings out.
	if err := store.SetPolicy(t.Context(), a, a.Share(s3store.Project{ID: otherID}, false)); !errors.Is(err, objstore.ErrChanged) || writes != 1 {
		t.Errorf("%v, %d writes", err, writes)
	}
}
