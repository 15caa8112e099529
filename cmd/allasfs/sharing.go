package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"allasfs/objstore"
	"allasfs/objstore/s3store"
)

// projectFinder finds a project by its name. The error is [objstore.ErrNotExist] where there is none that can be seen.
type projectFinder interface {
	ProjectID(ctx context.Context, name string) (string, error)
}

// sharing is what the commands have in common that look at or change who may use a bucket.
type sharing struct {
	flags storeFlags
	yes   bool
	// projects is asked for names; nil where there is nobody to ask.
	projects projectFinder

	c     *console
	store *s3store.Store
}

// register adds the flags; those of commands that change something include --yes.
func (s *sharing) register(flags *pflag.FlagSet, changes bool) {
	s.flags.register(flags)
	if changes {
		flags.BoolVarP(&s.yes, "yes", "y", false, "don't ask before something is changed")
	}
}

// open connects to the store.
func (s *sharing) open(ctx context.Context) error {
	profile, err := s.flags.profile()
	if err != nil {
		return err
	}
	if s.store, _, err = s.flags.openS3(ctx, profile, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	if login := s.flags.openStack(); login.Complete() {
		s.projects = openStackProjects{login}
	}
	return nil
}

// bucketName reads BUCKET on the command line, with s3:// in front or without.
func bucketName(arg string) (string, error) {
	name := strings.TrimSuffix(strings.TrimPrefix(arg, "s3://"), "/")
	if name == "" || strings.Contains(name, "/") {
		return "", hint(fmt.Errorf("%q is not a bucket", arg),
			"only whole buckets can be shared: name one as BUCKET or s3://BUCKET")
	}
	return name, nil
}

// access reads who may use a bucket, and says so when that is the business of others.
func (s *sharing) access(ctx context.Context, bucket string) (s3store.Access, error) {
	a, err := objstore.Try(ctx, s.retry(), func(ctx context.Context) (s3store.Access, error) {
		return s.store.Access(ctx, bucket)
	})
	return a, aboutAccess(bucket, err)
}

// aboutAccess names the bucket in an error, and tells whose business access is.
func aboutAccess(bucket string, err error) error {
	if err == nil {
		return nil
	}
	told := fmt.Errorf("%s: %w", bucket, shortCause(err))
	if errors.Is(err, objstore.ErrDenied) {
		return hint(told, "only its owner can see and change who may use a bucket; check whose credentials these are")
	}
	return told
}

func (s *sharing) retry() objstore.RetryOptions {
	return objstore.RetryOptions{Deadline: s.flags.timeout}
}

// self stands for the project whose credentials are in use.
const self = "self"

// project reads PROJECT on the command line; owner is the bucket's.
func (s *sharing) project(ctx context.Context, arg string, owner s3store.Project) (s3store.Project, error) {
	if arg == self {
		return owner, nil
	}
	if p, ok := s3store.ParseProject(arg); ok {
		return p, nil
	}
	if s.projects == nil {
		return s3store.Project{}, &hinted{fmt.Errorf("%q is not the id of a project", arg),
			"an id has 32 hexadecimal digits; in that project, 'allasfs whoami' shows it. Names are looked up with a login to " +
				"OpenStack (OS_AUTH_URL)", exitKey}
	}
	id, err := s.projects.ProjectID(ctx, arg)
	if errors.Is(err, objstore.ErrNotExist) {
		return s3store.Project{}, hint(fmt.Errorf("project %q: %w", arg, err),
			"Keystone shows only one's own projects; use the id, 32 hexadecimal digits: in that project, 'allasfs whoami' shows it")
	}
	if err != nil {
		return s3store.Project{}, fmt.Errorf("project %q: %w", arg, err)
	}
	return s3store.Project{ID: id, Name: arg}, nil
}

// errKept says that the user didn't want the change.
var errKept = &hinted{errors.New("nothing was changed"), "", exitError}

// agree asks whether to go on, if there is a terminal to ask on.
func (s *sharing) agree() error {
	if f, ok := s.c.in.(*os.File); s.yes || !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	fmt.Fprint(s.c.err, "Go on? [y/N] ")
	answer, _ := bufio.NewReader(s.c.in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errKept
}

// show prints what would change in a policy, and tells whether anything would.
func (s *sharing) show(a s3store.Access, next s3store.Policy) bool {
	added, removed := a.Policy.Changes(next)
	for _, statement := range removed {
		fmt.Fprintf(s.c.err, "  - %s\n", ruleOf(a, statement))
	}
	for _, statement := range added {
		fmt.Fprintf(s.c.err, "  + %s\n", ruleOf(a, statement))
	}
	return len(added)+len(removed) > 0
}

// set shows a change of a policy, asks, and makes it.
func (s *sharing) set(ctx context.Context, a s3store.Access, next s3store.Policy) error {
	s.c.say("bucket %s of %v, what changes:", a.Bucket, a.Owner)
	if !s.show(a, next) {
		s.c.say("nothing: it is so already")
		return nil
	}
	if err := s.agree(); err != nil {
		return err
	}
	return s.write(ctx, a, next)
}

// write replaces the policy. It isn't tried again by itself: what has changed meanwhile has to be looked at.
func (s *sharing) write(ctx context.Context, a s3store.Access, next s3store.Policy) error {
	return aboutAccess(a.Bucket, s.store.SetPolicy(ctx, a, next))
}
