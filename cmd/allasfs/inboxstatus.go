package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"allasfs/fs"
	"allasfs/objstore"
	"allasfs/objstore/s3store"
)

func newInboxStatusCommand(c *console) *cobra.Command {
	o := &inboxOptions{sharing: sharing{c: c}}
	cmd := &cobra.Command{
		Use:   "status [flags] BUCKET",
		Short: "Tell what has arrived, and what can be opened",
		Long: "List what has arrived in a bucket: sizes as stored, who uploaded it, whether the secret keys open it, and why an\n" +
			"object can't be read. Headers alone are read. Whom else an object is encrypted for can't be seen, only for how\n" +
			"many: one recipient means that ours or CSC's key was forgotten.",
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error { return o.status(cmd.Context(), args[0]) },
	}
	o.register(cmd.Flags(), false)
	o.keys.register(cmd.Flags())
	return cmd
}

// arrival is an object in an inbox and what is known of it.
type arrival struct {
	s3store.Owned
	opened bool   // our keys open it
	state  string // in words
}

// arrivals sums up what has been seen.
type arrivals struct {
	objects, opened int
	size            int64 // bytes as stored
}

func (o *inboxOptions) status(ctx context.Context, arg string) error {
	protectSecrets()
	bucket, err := bucketName(arg)
	if err != nil {
		return err
	}
	o.keys.warn = o.c.say
	keys, err := o.keys.load()
	if err != nil {
		return err
	}
	defer wipe(keys)
	if err := o.open(ctx); err != nil {
		return err
	}
	check := &inboxCheck{store: objstore.Retry(s3store.Explain(o.store, o.store, slog.New(slog.DiscardHandler)), o.retry())}
	for i, file := range o.keys.paths() {
		check.keys = append(check.keys, namedKey{file, keys[i]})
	}
	var sum arrivals
	for token := ""; ; {
		page, next, err := o.page(ctx, bucket, token)
		if err != nil {
			return fmt.Errorf("%s: %w", bucket, shortCause(err))
		}
		found, err := check.all(ctx, page)
		if err != nil {
			return err
		}
		for _, a := range found {
			sum.add(a)
			o.c.printf("%s\n", a.line())
		}
		if token = next; token == "" {
			break
		}
	}
	o.c.printf("%s\n", sum)
	if len(keys) == 0 && sum.objects > 0 {
		o.c.say("without a secret key nothing can be opened: name its file with --sk")
	}
	return nil
}

// page lists some of the bucket.
func (o *inboxOptions) page(ctx context.Context, bucket, token string) (objects []s3store.Owned, next string, err error) {
	objects, err = objstore.Try(ctx, o.retry(), func(ctx context.Context) (objects []s3store.Owned, err error) {
		objects, next, err = o.store.ListOwned(ctx, bucket, token)
		return objects, err
	})
	return objects, next, err
}

// inboxCheck looks at objects.
type inboxCheck struct {
	store objstore.Store
	keys  []namedKey
}

// headersAtOnce is how many headers are read at the same time.
const headersAtOnce = 32

// all looks at a page of objects at once and keeps their order. The error is that of the context.
func (k *inboxCheck) all(ctx context.Context, page []s3store.Owned) ([]arrival, error) {
	found := make([]arrival, 0, len(page))
	for _, o := range page {
		if o.Key != s3store.InboxKey && !strings.HasSuffix(o.Key, "/") {
			found = append(found, arrival{Owned: o})
		}
	}
	var group errgroup.Group
	group.SetLimit(headersAtOnce)
	for i := range found {
		group.Go(func() error {
			k.look(ctx, &found[i])
			return ctx.Err()
		})
	}
	return found, group.Wait()
}

// look finds out about an object. What can't be read is a state like any other.
func (k *inboxCheck) look(ctx context.Context, a *arrival) {
	if a.Size == 0 { // a manifest, perhaps: see objstore.Store.List
		o, err := k.store.Head(ctx, a.Bucket, a.Key)
		if err != nil {
			a.state = unreadable(err)
			return
		}
		a.Object = o
	}
	at := &versionReader{ctx: ctx, store: k.store, version: a.Version}
	in, err := inspect(a.Key, &storedObject{ReaderAt: at, size: a.Size}, k.keys)
	switch {
	case in == nil:
		a.state = unreadable(err)
	case err != nil:
		a.state = "damaged: " + oneLine(shortCause(err))
	case in.HeaderElsewhere:
		a.state = "can't be opened: " + fs.ErrHeaderElsewhere.Error()
	case !in.Crypt4GH:
		a.state = "NOT ENCRYPTED"
	default:
		a.opened, a.state = in.Header.Opened, recipients(in.Header)
	}
}

// recipients says whom an object was encrypted for, as far as that can be seen.
func recipients(h *headerFacts) string {
	switch {
	case h.Opened && h.Others == 0:
		return "opens; no other recipient, so CSC's key was forgotten"
	case h.Opened:
		return fmt.Sprintf("opens; %d other recipients", h.Others)
	case h.KeysTried == 0:
		return fmt.Sprintf("encrypted for %d recipients", h.Packets)
	}
	return fmt.Sprintf("doesn't open: your key isn't among its %d recipients; ask for it anew, or let a recipient reencrypt it", h.Packets)
}

// unreadable tells why an object was refused, and what helps.
func unreadable(err error) string {
	text := "can't be read: " + oneLine(shortCause(err))
	if r, ok := errors.AsType[*s3store.Refusal](err); ok {
		text = "can't be read: " + r.Reason + "; " + r.Hint
	}
	return text
}

func (a arrival) line() string {
	return fmt.Sprintf("%10s  %s  %s  from %v: %s", humanize.IBytes(uint64(a.Size)),
		a.Modified.Local().Format("2006-01-02 15:04"), a.Key, a.Owner, a.state)
}

func (s *arrivals) add(a arrival) {
	s.objects++
	s.size += a.Size
	if a.opened {
		s.opened++
	}
}

// String sums up.
func (s arrivals) String() string {
	return fmt.Sprintf("%d objects, %s; your keys open %d of them", s.objects, humanize.IBytes(uint64(s.size)), s.opened)
}
