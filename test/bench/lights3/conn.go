package lights3

import (
	"io"
	"net"
	"time"
)

// paceBytes is how much a slow connection sends at a time.
const paceBytes = 128 << 10

// mostLate is how far behind its rate a connection may be and still make up for it: without that, each sleep that
// lasts a little too long would make it slower than its rate.
const mostLate = 20 * time.Millisecond

// listener wraps the connections of another.
type listener struct {
	net.Listener
	server *Server
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{TCPConn: c.(*net.TCPConn), server: l.server}, nil
}

// conn is a connection that may be slow. What net/http sends of a file comes through
// ReadFrom, and goes to the socket by sendfile.
type conn struct {
	*net.TCPConn
	server *Server
	due    time.Time // when what was sent so far has left a connection of the rate
}

// ReadFrom implements [io.ReaderFrom].
func (c *conn) ReadFrom(r io.Reader) (n int64, err error) {
	rate := c.server.shape.Load().Rate
	body, limited := r.(*io.LimitedReader)
	if rate == 0 || !limited {
		return c.TCPConn.ReadFrom(r)
	}
	c.due = latest(c.due, time.Now())
	for body.N > 0 && err == nil {
		piece := &io.LimitedReader{R: body.R, N: min(body.N, paceBytes)}
		c.pace(piece.N, rate)
		var sent int64
		sent, err = c.TCPConn.ReadFrom(piece)
		body.N -= sent
		n += sent
		if sent == 0 {
			break
		}
	}
	return n, err
}

// pace waits until n more bytes have passed a connection of the rate.
func (c *conn) pace(n, rate int64) {
	c.due = latest(c.due, time.Now().Add(-mostLate))
	c.due = c.due.Add(time.Duration(n * int64(time.Second) / rate))
	time.Sleep(time.Until(c.due))
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
