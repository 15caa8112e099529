package s3server

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// Fault is a rule that makes matching requests fail. Empty fields match everything.
type Fault struct {
	Kind   Kind
	Bucket string
	Key    string // the whole key; the prefix of a List

	// Times bounds how often the rule applies; 0 means always.
	Times int

	// Delay passes before anything is answered.
	Delay time.Duration
	// Status, when not 0, is the answer, with Code as the S3 error code (by default the status text without spaces).
	Status int
	Code   string
	// Reset cuts the connection with a TCP reset once After bytes of the body were sent.
	Reset bool
	// End ends the connection in good order once After bytes of the body were sent, whatever length was announced.
	End bool
	// Stall sends nothing more once After bytes of the body were sent, until the client or the server goes away.
	Stall bool
	// Pause passes once After bytes of the body were sent; then the rest is.
	Pause time.Duration
	After int64
}

// inBody tells whether the fault comes in the middle of a body.
func (f *Fault) inBody() bool { return f.Reset || f.End || f.Stall || f.Pause > 0 }

func (f *Fault) matches(r Request) bool {
	return (f.Kind == "" || f.Kind == r.Kind) && (f.Bucket == "" || f.Bucket == r.Bucket) && (f.Key == "" || f.Key == r.Key)
}

type faults struct {
	mu    sync.Mutex
	rules []*Fault
	by    func(Request) *Fault // asked where no rule matches; may be nil
}

// Fail adds a rule; of several that match, the first added applies. The returned function takes it away again.
func (s *Server) Fail(f Fault) (remove func()) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.rules = append(s.faults.rules, &f)
	return func() { s.faults.remove(&f) }
}

// FailBy asks rule for each request from now on that no other rule matches, and lets happen what it returns; nil lets the
// request pass. Calls of rule never overlap. FailBy(nil) ends it.
func (s *Server) FailBy(rule func(Request) *Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.by = rule
}

func (fs *faults) remove(f *Fault) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, g := range fs.rules {
		if g == f {
			fs.rules = append(fs.rules[:i:i], fs.rules[i+1:]...)
			return
		}
	}
}

// take returns the rule for a request, or nil, and counts its use.
func (fs *faults) take(r Request) *Fault {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	for i, f := range fs.rules {
		if !f.matches(r) {
			continue
		}
		hit := *f
		if f.Times == 1 {
			fs.rules = append(fs.rules[:i:i], fs.rules[i+1:]...)
		} else if f.Times > 1 {
			f.Times--
		}
		return &hit
	}
	if fs.by != nil {
		return fs.by(r)
	}
	return nil
}

// response counts what is sent and breaks off where a fault says so.
type response struct {
	http.ResponseWriter
	ctx    context.Context
	fault  *Fault // only one in the body that is still to come
	status int
	sent   int64
	cut    bool
}

var errCut = errors.New("s3server: connection cut by a fault rule")

// begin waits out a fault's delay and arms the response with it.
func begin(ctx context.Context, w *response, f *Fault) {
	w.ctx = ctx
	if f == nil {
		return
	}
	wait(ctx, f.Delay)
	if f.inBody() {
		w.fault = f
	}
}

func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	w.ok()
	if w.fault == nil {
		return w.send(p)
	}
	allowed := min(int64(len(p)), max(0, w.fault.After-w.sent))
	n, err := w.send(p[:allowed])
	if err != nil || n == len(p) {
		return n, err
	}
	if w.fault.Pause > 0 {
		w.pause()
		rest, err := w.send(p[n:])
		return n + rest, err
	}
	return n, w.breakOff()
}

func (w *response) send(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.sent += int64(n)
	return n, err
}

// ReadFrom leaves the copying to net/http, which uses sendfile for files.
func (w *response) ReadFrom(r io.Reader) (int64, error) {
	if w.fault != nil {
		return io.Copy(struct{ io.Writer }{w}, r)
	}
	w.ok()
	n, err := io.Copy(w.ResponseWriter, r)
	w.sent += n
	return n, err
}

func (w *response) ok() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

func (w *response) pause() {
	http.NewResponseController(w.ResponseWriter).Flush()
	wait(w.ctx, w.fault.Pause)
	w.fault = nil
}

func (w *response) breakOff() error {
	http.NewResponseController(w.ResponseWriter).Flush()
	if w.fault.Stall {
		<-w.ctx.Done()
	}
	w.cut = true
	return errCut
}

// cutConn ends the connection of the request at once; with a reset rather than an orderly close, unless the fault is End.
func (w *response) cutConn() {
	if c, ok := w.ctx.Value(connKey{}).(*net.TCPConn); ok && !w.fault.End {
		c.SetLinger(0)
	}
	panic(http.ErrAbortHandler)
}
