package s3store

import (
	"errors"
	"strings"
	"testing"

	"allasfs/objstore"
)

func TestReasons(t *testing.T) {
	us, them := Project{ID: "us", Name: "project_1"}, Project{ID: "them", Name: "project_2"}
	for _, c := range []struct {
		name         string
		facts        refusalFacts
		reason, hint string
	}{
		{"another's upload in our bucket", refusalFacts{own: true, listed: true, uploader: them},
			"uploaded by project_2 (them), who hasn't shared it back", "allasfs share box --with self"},
		{"another's upload, and our list of it is refused", refusalFacts{own: true}, "a policy of our own bucket", "allasfs access box"},
		{"our upload in our bucket", refusalFacts{own: true, listed: true, uploader: us}, "a policy of our own bucket", "allasfs access box"},
		{"their bucket", refusalFacts{}, "bucket box isn't shared with this project, project_1 (us)", "allasfs share box --with us"},
		{"their bucket may be listed", refusalFacts{listed: true, uploader: them}, "the object isn't shared", "doesn't cover the objects"},
		{"their bucket, owner unknown", refusalFacts{listed: true}, "the object isn't shared", "allasfs share box --with us"},
		{"their bucket, and not that of the segments", refusalFacts{listed: true, uploader: them, segments: "box_segments", closed: true},
			"uploaded in segments, and their bucket, box_segments, isn't shared", "allasfs share box_segments --with us"},
		{"both of their buckets", refusalFacts{listed: true, uploader: them, segments: "box_segments"}, "a static large object, with segments in box_segments", "again over S3"},
		{"our upload in their bucket", refusalFacts{listed: true, uploader: us}, "has closed the bucket since", "allasfs share box --with us"},
	} {
		c.facts.bucket, c.facts.self = "box", us
		r := c.facts.reason()
		if !strings.Contains(r.Reason, c.reason) || !strings.Contains(r.Hint, c.hint) {
			t.Errorf("%s: %q, %q", c.name, r.Reason, r.Hint)
		}
		r.err = objstore.ErrDenied
		if !errors.Is(r, objstore.ErrDenied) || !strings.HasPrefix(r.Error(), objstore.ErrDenied.Error()) {
			t.Errorf("%s: %v", c.name, r)
		}
	}
}
