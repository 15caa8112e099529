package s3store

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
)

// String returns the name and the id, as far as they are there.
func (p Project) String() string {
	if p.Name == "" || p.Name == p.ID {
		return p.ID
	}
	return p.Name + " (" + p.ID + ")"
}

var (
	projectID = regexp.MustCompile(`^[0-9a-f]{32}$`)
	userARN   = regexp.MustCompile(`^arn:aws:iam::([^:*$]*):(root|user/([^:*$]+))$`)
)

// ParseProject reads a project's id of 32 hexadecimal digits, or the ARN of a project or a user.
func ParseProject(s string) (Project, bool) {
	if id := strings.ToLower(s); projectID.MatchString(id) {
		return Project{ID: id}, true
	}
	id := projectOf(s)
	return Project{ID: id}, id != ""
}

// projectOf returns the id that a principal stands for, or "".
func projectOf(principal string) string {
	m := userARN.FindStringSubmatch(principal)
	switch {
	case m == nil:
		return ""
	case m[1] == "":
		return m[3]
	case m[2] == "root":
		return m[1]
	}
	return sameID(m[1] + "$" + m[3])
}

// sameID writes the id of a project in the one way. A gateway that gives each project a tenant of its own calls it X$X.
func sameID(id string) string {
	if tenant, user, ok := strings.Cut(id, "$"); ok && tenant == user {
		return tenant
	}
	return id
}

// principals are how a policy names the project. Ceph knows a project of OpenStack's by its root alone, and a local user,
// whose id may look the same, by the user alone.
func (p Project) principals() []string {
	if tenant, user, ok := strings.Cut(p.ID, "$"); ok {
		return []string{"arn:aws:iam::" + tenant + ":user/" + user}
	}
	user := "arn:aws:iam:::user/" + p.ID
	if projectID.MatchString(p.ID) {
		return []string{"arn:aws:iam::" + p.ID + ":root", user}
	}
	return []string{user}
}

// Names tells whether the statement is about the project by its name, or about everybody.
func (s Statement) Names(p Project) bool {
	return slices.ContainsFunc(s.Principals, func(principal string) bool {
		return principal == "*" || projectOf(principal) == p.ID
	})
}

// Projects are the projects that the statement names: whoever it can't tell is there as the policy calls it, and
// everybody as "*".
func (s Statement) Projects() []string {
	var out []string
	for _, principal := range s.Principals {
		if id := projectOf(principal); id != "" {
			principal = id
		}
		if !slices.Contains(out, principal) {
			out = append(out, principal)
		}
	}
	return out
}

// tag is the project in the Sid of a statement, which is made of letters and digits.
func (p Project) tag() string {
	if projectID.MatchString(p.ID) {
		return p.ID
	}
	digest := sha256.Sum256([]byte(p.ID))
	return hex.EncodeToString(digest[:16])
}
