package lights3

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// controlPath begins what no bucket can be called.
const controlPath = "/.bench/"

// control answers the benchmark itself.
func (s *Server) control(w http.ResponseWriter, r *http.Request, what string) {
	switch what {
	case "shape":
		q := r.URL.Query()
		first, err1 := time.ParseDuration(q.Get("first-byte"))
		rate, err2 := strconv.ParseInt(q.Get("rate"), 10, 64)
		if err1 != nil || err2 != nil {
			refuse(w, http.StatusBadRequest, "InvalidArgument")
			return
		}
		s.shape.Store(&Shape{first, rate})
	case "reset":
		s.requests.Store(0)
		s.gets.Store(0)
		s.bytes.Store(0)
	case "counters":
		json.NewEncoder(w).Encode(Counters{s.requests.Load(), s.gets.Load(), s.bytes.Load(), s.busy.Load()})
	default:
		refuse(w, http.StatusNotFound, "NoSuchKey")
	}
}

// Control steers a server in another process.
type Control struct {
	URL string // of the server
}

// SetShape makes the server as slow as the shape says, beginning with the next request.
func (c Control) SetShape(s Shape) error {
	q := url.Values{"first-byte": {s.FirstByte.String()}, "rate": {fmt.Sprint(s.Rate)}}
	return c.ask("shape?"+q.Encode(), nil)
}

// Reset sets the counters to 0.
func (c Control) Reset() error { return c.ask("reset", nil) }

// settle is how long Counters waits for answers that are still being sent.
const settle = 3 * time.Second

// Counters returns the counters when the server has nothing more to answer, or after 3 seconds: Bytes has nothing of
// what is still being sent.
func (c Control) Counters() (n Counters, err error) {
	for deadline := time.Now().Add(settle); ; time.Sleep(5 * time.Millisecond) {
		if err = c.ask("counters", &n); err != nil || n.Busy == 0 || time.Now().After(deadline) {
			return n, err
		}
	}
}

func (c Control) ask(what string, out any) error {
	resp, err := http.Get(c.URL + controlPath + what)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("the server answers %s to %s", resp.Status, what)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}
