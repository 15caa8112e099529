package s3store

import (
	"errors"
	"slices"
)

// InboxKey is the object in an inbox that holds the public key to encrypt for.
const InboxKey = "inbox.pub"

// ErrOwner says that the bucket's owner can't be the other side of a grant.
var ErrOwner = errors.New("that is the project that owns the bucket")

// The Sids of our statements are one of these and [Project.tag]. No other statement is ever changed.
const (
	sidOwner     = "AllasfsOwner"     // the owner reads what others upload
	sidRead      = "AllasfsRead"      // another project lists and reads
	sidWrite     = "AllasfsWrite"     // another project lists, reads and writes
	sidInbox     = "AllasfsInbox"     // a sender lists and uploads
	sidInboxKey  = "AllasfsInboxKey"  // a sender reads the public key
	sidInboxKeep = "AllasfsInboxKeep" // and doesn't replace it
	sidClosed    = "AllasfsClosed"    // a sender of former days
)

// What the actions of a grant are called: "Actions, resources, and condition keys for Amazon S3".
var (
	readActions  = []string{"s3:ListBucket", "s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging"}
	writeActions = append(slices.Clone(readActions), "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload",
		"s3:ListMultipartUploadParts", "s3:ListBucketMultipartUploads")
	replaceActions = []string{"s3:PutObject", "s3:PutObjectAcl", "s3:DeleteObject"}
	ownerActions   = []string{"s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectAcl"}
	// Tools look at the bucket before they upload. s3:DeleteObject isn't among a sender's actions.
	senderActions = []string{"s3:ListBucket", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
		"s3:ListBucketMultipartUploads"}
)

// everything are the resources of a bucket: itself and its objects.
func everything(bucket string) []string { return []string{"arn:aws:s3:::" + bucket, objects(bucket)} }
func objects(bucket string) string      { return "arn:aws:s3:::" + bucket + "/*" }

// Share returns the access's policy with a grant for another project: to list and read, and with write to change what is
// in the bucket too. The owner then gets the right to read what the other uploads; with is the owner where that alone is
// wanted.
func (a Access) Share(with Project, write bool) Policy {
	if with.ID == a.Owner.ID {
		return a.Policy.with(a.ownerReads())
	}
	p := a.Policy.without(sidRead+with.tag(), sidWrite+with.tag(), sidClosed+with.tag())
	if !write {
		return p.with(newStatement(sidRead+with.tag(), allow, with.principals(), readActions, everything(a.Bucket)))
	}
	writes := newStatement(sidWrite+with.tag(), allow, with.principals(), writeActions, everything(a.Bucket))
	return p.with(writes, a.ownerReads())
}

// ownerReads is the owner's right to read objects that other projects own. Without it Ceph refuses what the uploader
// hasn't shared back.
func (a Access) ownerReads() Statement {
	return newStatement(sidOwner, allow, a.Owner.principals(), ownerActions, []string{objects(a.Bucket)})
}

// Unshare returns the access's policy without any of our grants for a project.
func (a Access) Unshare(with Project) Policy {
	return a.Policy.without(sidRead+with.tag(), sidWrite+with.tag(), sidInbox+with.tag(), sidInboxKey+with.tag(),
		sidInboxKeep+with.tag())
}

// OpenInbox returns the access's policy with what a sender needs to upload: to list the bucket, to write objects, and to
// read the public key, which a sender can't replace. The owner reads everything. The error may be [ErrOwner].
func (a Access) OpenInbox(from Project) (Policy, error) {
	if from.ID == a.Owner.ID {
		return Policy{}, ErrOwner
	}
	key := []string{"arn:aws:s3:::" + a.Bucket + "/" + InboxKey}
	return a.Policy.without(sidClosed+from.tag()).with(
		newStatement(sidInbox+from.tag(), allow, from.principals(), senderActions, everything(a.Bucket)),
		newStatement(sidInboxKey+from.tag(), allow, from.principals(), []string{"s3:GetObject"}, key),
		newStatement(sidInboxKeep+from.tag(), deny, from.principals(), replaceActions, key),
		a.ownerReads(),
	), nil
}

// CloseInbox returns the access's policy with nothing left for a sender. A sender owns what it has uploaded, and could
// read it and share it for ever, were it not denied. The error may be [ErrOwner].
func (a Access) CloseInbox(from Project) (Policy, error) {
	if from.ID == a.Owner.ID {
		return Policy{}, ErrOwner
	}
	closed := newStatement(sidClosed+from.tag(), deny, from.principals(), []string{"s3:*"}, everything(a.Bucket))
	return a.Unshare(from).with(closed), nil
}

// Senders are the projects that may upload into the bucket as into an inbox.
func (a Access) Senders() (out []Project) {
	for _, s := range a.Policy.statements {
		for _, id := range s.Projects() {
			if p := (Project{ID: id}); s.Sid == sidInbox+p.tag() {
				out = append(out, p)
			}
		}
	}
	return out
}

// locksOut tells whether a statement takes something from the owner.
func (a Access) locksOut(s Statement) bool { return s.Effect != allow && s.Names(a.Owner) }

// Closed tells whether the bucket is closed for a sender: the policy denies it everything, whatever else allows it.
func (a Access) Closed(from Project) bool {
	want, err := a.CloseInbox(from)
	return err == nil && want.Equal(a.Policy)
}
