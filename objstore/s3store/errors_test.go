package s3store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"allasfs/objstore"
	"allasfs/objstore/s3store"
)

// sentinels are the causes that are told apart; an error may be no other than the one that is wanted.
var sentinels = []error{objstore.ErrNotExist, objstore.ErrNoBucket, objstore.ErrDenied, objstore.ErrChanged,
	objstore.ErrUnavailable, objstore.ErrTimeout}

// checkCause wants exactly one sentinel, or none for nil; ErrNoBucket is an ErrNotExist as well.
func checkCause(t *testing.T, what string, err, want error) {
	t.Helper()
	if err == nil {
		t.Errorf("%s: no error", what)
		return
	}
	for _, s := range sentinels {
		if wanted := want != nil && errors.Is(want, s); errors.Is(err, s) != wanted {
			t.Errorf("%s: %q is %q: %v, want %v", what, err, s, !wanted, wanted)
		}
	}
	if text := err.Error(); len(text) > 200 || strings.Contains(text, "RequestID") || strings.Contains(text, "\n") {
		t.Errorf("%s: not for a person: %q", what, text)
	}
}

// Answers with an XML body, for GET and listing.
func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   error
		words  string
	}{
		{400, "InvalidBucketName", objstore.ErrNoBucket, "InvalidBucketName"},
		{400, "KeyTooLongError", objstore.ErrNotExist, ""},
		{400, "ExpiredToken", objstore.ErrDenied, "expired"},
		{400, "AuthorizationHeaderMalformed", objstore.ErrDenied, "region"},
		{400, "RequestTimeout", objstore.ErrUnavailable, ""},
		{400, "SomethingElse", nil, "400 SomethingElse"},
		{401, "", objstore.ErrDenied, "401"},
		{403, "AccessDenied", objstore.ErrDenied, "403 AccessDenied"},
		{403, "InvalidAccessKeyId", objstore.ErrDenied, "access key"},
		{403, "SignatureDoesNotMatch", objstore.ErrDenied, "secret key"},
		{403, "RequestTimeTooSkewed", objstore.ErrDenied, "clock"},
		{403, "", objstore.ErrDenied, "403"},
		{404, "NoSuchKey", objstore.ErrNotExist, ""},
		{404, "NoSuchBucket", objstore.ErrNoBucket, ""},
		{404, "", objstore.ErrNotExist, ""},
		{408, "", objstore.ErrUnavailable, ""},
		{412, "PreconditionFailed", objstore.ErrChanged, ""},
		{412, "", objstore.ErrChanged, ""},
		{416, "InvalidRange", objstore.ErrChanged, ""},
		{416, "", objstore.ErrChanged, ""},
		{429, "", objstore.ErrUnavailable, "429"},
		{500, "InternalError", objstore.ErrUnavailable, "500 InternalError"},
		{502, "", objstore.ErrUnavailable, "502"},
		{503, "SlowDown", objstore.ErrUnavailable, "overloaded"},
		{503, "", objstore.ErrUnavailable, "503"},
		{301, "PermanentRedirect", nil, "elsewhere"},
		{307, "", nil, "elsewhere"},
	} {
		name := fmt.Sprintf("%d %s", c.status, c.code)
		store := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			w.Header().Set("X-Amz-Request-Id", "tx000004e7be64916a94333-006b029e72-100d-default")
			w.WriteHeader(c.status)
			if c.code != "" {
				fmt.Fprintf(w, "<Error><Code>%s</Code><Message>m</Message><RequestId>tx0</RequestId></Error>", c.code)
			} else {
				fmt.Fprint(w, "<html><body>proxy</body></html>")
			}
		}))
		_, get := store.Get(t.Context(), version(10), 0, 10)
		_, list := store.List(t.Context(), "b", objstore.ListOptions{})
		for op, err := range map[string]error{"get": get, "list": list} {
			checkCause(t, op+" "+name, err, c.want)
			if err != nil && !strings.Contains(err.Error(), c.words) {
				t.Errorf("%s %s: %q doesn't say %q", op, name, err, c.words)
			}
		}
	}
}

// The answer to a HEAD has no body to tell the reason.
func TestAnswersToHead(t *testing.T) {
	for status, want := range map[int]error{400: nil, 401: objstore.ErrDenied, 403: objstore.ErrDenied, 404: objstore.ErrNotExist,
		412: objstore.ErrChanged, 429: objstore.ErrUnavailable, 500: objstore.ErrUnavailable, 503: objstore.ErrUnavailable} {
		store := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) }))
		_, err := store.Head(t.Context(), "b", "k")
		checkCause(t, fmt.Sprint(status), err, want)
	}
}

// Wrong keys are refused by a server that checks signatures.
func TestWrongKeys(t *testing.T) {
	s := server(t)
	for _, c := range []s3store.Credentials{
		{AccessKeyID: "access", SecretAccessKey: "wrong", Endpoint: s.URL()},
		{AccessKeyID: "unknown", SecretAccessKey: "secret", Endpoint: s.URL()},
	} {
		_, err := openAs(t, c).Buckets(t.Context())
		checkCause(t, c.AccessKeyID, err, objstore.ErrDenied)
	}
}

func TestNoAnswer(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	hangUp := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	garbage := serve(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "<ListBucketResult><Contents>") })
	for name, c := range map[string]struct{ url, words string }{
		"refused": {closed.URL, "connection refused"}, "hung up": {hangUp, "closed too early"},
		"cut": {garbage, "cut or malformed"}, "no such host": {"https://no-such-host.invalid", "no-such-host.invalid"},
	} {
		_, err := open(t, c.url).List(t.Context(), "b", objstore.ListOptions{})
		checkCause(t, name, err, objstore.ErrUnavailable)
		if err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %q doesn't say %q", name, err, c.words)
		}
	}
}

// What trying again can't mend isn't ErrUnavailable.
func TestUntrusted(t *testing.T) {
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	web := httptest.NewUnstartedServer(handler)
	web.Config.ErrorLog = log.New(io.Discard, "", 0) // it logs that we don't trust it
	web.StartTLS()
	defer web.Close()
	plain := httptest.NewServer(handler)
	defer plain.Close()
	for name, c := range map[string]struct{ url, words string }{
		"unknown authority": {web.URL, "certificate"},
		"plain http":        {strings.Replace(plain.URL, "http:", "https:", 1), "plain http"},
	} {
		_, err := open(t, c.url).Buckets(t.Context())
		checkCause(t, name, err, nil)
		if err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %q doesn't say %q", name, err, c.words)
		}
	}
}

func TestBodyBreaks(t *testing.T) {
	const size = 200_000
	for name, end := range map[string]func(http.ResponseWriter){
		"cut": func(http.ResponseWriter) {}, // the handler returns: the server sees that bytes are missing, and closes
		"reset": func(w http.ResponseWriter) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		},
	} {
		store := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
			answer(w, `"v"`, 0, size, size)
			w.Write(content(size / 2))
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond) // a reset overtakes what the client hasn't read
			end(w)
		}))
		got, err := read(t, store, version(size), 0, size)
		checkCause(t, name, err, objstore.ErrUnavailable)
		if !errors.Is(err, io.ErrUnexpectedEOF) && name == "cut" {
			t.Errorf("%s: %v, want %v", name, err, io.ErrUnexpectedEOF)
		}
		if string(got) != string(content(size)[:len(got)]) {
			t.Errorf("%s: wrong bytes", name)
		}
		if e, ok := errors.AsType[*objstore.Error](err); !ok || e.Offset != int64(len(got)) {
			t.Errorf("%s: %v doesn't say that it broke at byte %d", name, err, len(got))
		}
	}
}

// An answer that isn't what was asked for is never handed out.
func TestWrongAnswers(t *testing.T) {
	for name, respond := range map[string]http.HandlerFunc{
		"other ETag":    func(w http.ResponseWriter, r *http.Request) { answer(w, `"other"`, 10, 20, 100) },
		"no ETag":       func(w http.ResponseWriter, r *http.Request) { answer(w, ``, 10, 20, 100) },
		"other range":   func(w http.ResponseWriter, r *http.Request) { answer(w, `"v"`, 11, 20, 100) },
		"begins with 0": func(w http.ResponseWriter, r *http.Request) { answer(w, `"v"`, 0, 30, 100) },
		"longer":        func(w http.ResponseWriter, r *http.Request) { answer(w, `"v"`, 10, 21, 100) },
		"other size":    func(w http.ResponseWriter, r *http.Request) { answer(w, `"v"`, 10, 20, 101) },
		"range ignored": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"v"`)
			w.Write(content(100))
		},
	} {
		_, err := open(t, serve(t, respond)).Get(t.Context(), version(100), 10, 20)
		checkCause(t, name, err, objstore.ErrChanged)
	}
}

func TestSlowAnswerEndsWithContext(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := open(t, url).Head(ctx, "b", "k")
	checkCause(t, "context", err, nil)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want %v", err, context.DeadlineExceeded)
	}
}
