package fs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// killPoll is how often a caller that was interrupted once is looked at: the kernel tells of the first signal only.
const killPoll = 50 * time.Millisecond

// patient is the context of a FUSE request. It ends when the calling thread is being killed, and not with every
// signal: the kernel reports each of them as an interrupt, and programs that have handlers for a timer or a child
// don't expect EINTR from the read of a file.
//
// Waiting for the interrupt costs a goroutine, which only a request that waits pays.
type patient struct {
	context.Context // go-fuse's: its Done is closed by the first signal
	once            sync.Once
	done            chan struct{}
	finished        chan struct{}
}

// newPatient wraps the context of a request. finish must be called when the request ends.
func newPatient(ctx context.Context) *patient {
	return &patient{Context: ctx, done: make(chan struct{}), finished: make(chan struct{})}
}

func (p *patient) finish() { close(p.finished) }

// Done returns a channel that is closed when the caller is being killed.
func (p *patient) Done() <-chan struct{} {
	p.once.Do(func() { go p.watch() })
	return p.done
}

// Err returns context.Canceled once Done is closed.
func (p *patient) Err() error {
	select {
	case <-p.done:
		return context.Canceled
	default:
		return nil
	}
}

// watch ends with the request.
func (p *patient) watch() {
	select {
	case <-p.finished:
		return
	case <-p.Context.Done():
	}
	tick := time.NewTicker(killPoll)
	defer tick.Stop()
	for !beingKilled(p.Context) {
		select {
		case <-p.finished:
			return
		case <-tick.C:
		}
	}
	close(p.done)
}

// beingKilled tells whether the thread behind a request has a fatal signal pending, or is gone. The kernel turns every
// signal that ends a process into a pending SIGKILL of its threads. A caller that can't be seen from here, because it
// lives in another PID namespace, is waited for.
func beingKilled(ctx context.Context) bool {
	caller, ok := fuse.FromContext(ctx)
	if !ok || caller.Pid == 0 {
		return false
	}
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", caller.Pid))
	if errors.Is(err, os.ErrNotExist) {
		return true
	}
	if err != nil {
		return false
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if set, ok := strings.CutPrefix(lines.Text(), "SigPnd:"); ok {
			pending, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			return err == nil && pending&(1<<(syscall.SIGKILL-1)) != 0
		}
	}
	return false
}
