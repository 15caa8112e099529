package main

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"allasfs/objstore/s3store"
)

// abilities are the actions of S3 in words, the most telling of each first.
var abilities = []struct {
	words   string
	actions []string
}{
	{"list it", []string{"s3:ListBucket"}},
	{"read objects", []string{"s3:GetObject"}},
	{"write objects", []string{"s3:PutObject"}},
	{"delete objects", []string{"s3:DeleteObject"}},
	{"change objects' ACLs", []string{"s3:PutObjectAcl"}},
	{"change who may use it", []string{"s3:PutBucketPolicy", "s3:DeleteBucketPolicy", "s3:PutBucketAcl"}},
	{"delete it", []string{"s3:DeleteBucket"}},
}

// companions are actions that say nothing beside those that they go with.
var companions = []string{"s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectAcl", "s3:AbortMultipartUpload",
	"s3:ListMultipartUploadParts", "s3:ListBucketMultipartUploads"}

// inWords says what actions let somebody do.
func inWords(actions []string) string {
	if slices.Contains(actions, "s3:*") || slices.Contains(actions, "*") {
		return "do everything"
	}
	var words []string
	for _, a := range abilities {
		if slices.ContainsFunc(a.actions, func(one string) bool { return matches(actions, one) }) {
			words = append(words, a.words)
		}
	}
	alone := len(words) == 0
	for _, action := range actions {
		if !known(action) || alone {
			words = append(words, action)
		}
	}
	return strings.Join(words, ", ")
}

// matches tells whether one of the patterns is about an action. Upper and lower case are the same in them.
func matches(patterns []string, action string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		ok, err := path.Match(strings.ToLower(pattern), strings.ToLower(action))
		return ok && err == nil
	})
}

func known(action string) bool {
	for _, a := range abilities {
		if slices.Contains(a.actions, action) {
			return true
		}
	}
	return slices.Contains(companions, action)
}

// ruleOf tells a statement of a policy in a line.
func ruleOf(a s3store.Access, s s3store.Statement) string {
	what := inWords(s.Actions)
	switch may := "may " + what; {
	case s.Effect == "Allow":
		what = may
	case what == "do everything":
		what = "may do nothing"
	default:
		what = "may not " + what
	}
	line := whom(a, s) + " " + what
	if only := part(a.Bucket, s.Resources); only != "" {
		line += ", only " + only
	}
	if len(s.Others) > 0 {
		line += ", with conditions (" + strings.Join(s.Others, ", ") + ")"
	}
	if s.Sid != "" {
		return line + " (policy " + s.Sid + ")"
	}
	return line + " (policy)"
}

// whom names the projects that a statement is about.
func whom(a s3store.Access, s s3store.Statement) string {
	var names []string
	for _, id := range s.Projects() {
		switch id {
		case "*":
			id = "everybody, without credentials too,"
		case a.Owner.ID:
			id = "the owner"
		}
		names = append(names, id)
	}
	if len(names) == 0 {
		return "somebody"
	}
	return strings.Join(names, ", ")
}

// part says which objects a statement is about, or "" for the whole bucket.
func part(bucket string, resources []string) string {
	var keys []string
	for _, r := range resources {
		key, ok := strings.CutPrefix(r, "arn:aws:s3:::"+bucket)
		switch {
		case ok && (key == "" || key == "/*" || key == "*"):
			return ""
		case ok && key[0] == '/':
			keys = append(keys, key[1:])
		default:
			keys = append(keys, r)
		}
	}
	return strings.Join(keys, ", ")
}

// permissions are those of an ACL in words. What they mean to Ceph: "Access control lists" of its S3 documentation.
var permissions = map[string]string{
	"READ":         "list it",
	"WRITE":        "write and delete objects",
	"READ_ACP":     "see the ACL",
	"WRITE_ACP":    "change the ACL",
	"FULL_CONTROL": "do everything",
}

const groups = "http://acs.amazonaws.com/groups/global/"

// grantOf tells a line of an ACL in a line.
func grantOf(a s3store.Access, g s3store.Grant) string {
	who := g.To.String()
	switch {
	case g.Group == groups+"AllUsers":
		who = "everybody, without credentials too,"
	case g.Group == groups+"AuthenticatedUsers":
		who = "every project of this store"
	case g.Group != "":
		who = g.Group
	case g.To.ID == a.Owner.ID:
		who = "the owner"
	}
	may := permissions[g.Permission]
	if may == "" {
		may = g.Permission
	}
	return fmt.Sprintf("%s may %s (ACL)", who, may)
}

// remaining lists what still allows a project something.
func remaining(a s3store.Access, p s3store.Project) (rules []string) {
	for _, s := range a.Policy.Statements() {
		if s.Effect == "Allow" && s.Names(p) {
			rules = append(rules, ruleOf(a, s))
		}
	}
	for _, g := range a.Grants {
		if g.To.ID == p.ID || strings.HasPrefix(g.Group, groups) && !strings.HasSuffix(g.Group, "LogDelivery") {
			rules = append(rules, grantOf(a, g))
		}
	}
	return rules
}
