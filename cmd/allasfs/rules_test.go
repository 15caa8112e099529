package main

import (
	"strings"
	"testing"

	"allasfs/objstore/s3store"
)

const (
	anyOwner = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
	anyOther = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"
)

func accessWith(t *testing.T, statement string) s3store.Access {
	t.Helper()
	policy, err := s3store.ParsePolicy(`{"Statement":[` + statement + `]}`)
	if err != nil {
		t.Fatal(err)
	}
	return s3store.Access{Bucket: "b", Owner: s3store.Project{ID: anyOwner, Name: "project_1"}, Policy: policy}
}

func TestRulesInWords(t *testing.T) {
	const other = `"Principal":{"AWS":["arn:aws:iam::` + anyOther + `:root","arn:aws:iam:::user/` + anyOther + `"]}`
	const all = `"Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]`
	for _, c := range []struct{ statement, want string }{
		{`"Effect":"Allow",` + other + `,"Action":["s3:ListBucket","s3:GetObject","s3:GetObjectTagging"],` + all,
			anyOther + " may list it, read objects (policy)"},
		{`"Sid":"S","Effect":"Deny",` + other + `,"Action":"s3:*",` + all, anyOther + " may do nothing (policy S)"},
		{`"Effect":"Deny",` + other + `,"Action":"s3:PutObject","Resource":"arn:aws:s3:::b/k"`, anyOther + " may not write objects, only k (policy)"},
		{`"Effect":"Allow","Principal":"*","Action":"S3:Get*","Resource":"arn:aws:s3:::b/public/*","Condition":{}`,
			"everybody, without credentials too, may read objects, S3:Get*, only public/*, with conditions (Condition) (policy)"},
		{`"Effect":"Allow",` + other + `,"Action":["s3:GetBucketLocation"],"Resource":"arn:aws:s3:::b"`, anyOther + " may s3:GetBucketLocation (policy)"},
		{`"Effect":"Allow",` + other + `,"Action":"s3:AbortMultipartUpload",` + all, anyOther + " may s3:AbortMultipartUpload (policy)"},
		{`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam:::user/` + anyOwner + `"},"Action":"s3:GetObject",` + all, "the owner may read objects (policy)"},
		{`"Effect":"Allow","NotPrincipal":"x","Action":"s3:PutBucketPolicy",` + all, "somebody may change who may use it, with conditions (NotPrincipal) (policy)"},
		{`"Effect":"Allow",` + other + `,"Action":"s3:GetObject","Resource":"arn:aws:s3:::bb/*"`, anyOther + " may read objects, only arn:aws:s3:::bb/* (policy)"},
	} {
		a := accessWith(t, "{"+c.statement+"}")
		if got := ruleOf(a, a.Policy.Statements()[0]); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.statement, got, c.want)
		}
	}
}

func TestGrantsInWords(t *testing.T) {
	a := accessWith(t, "")
	for _, c := range []struct {
		grant s3store.Grant
		want  string
	}{
		{s3store.Grant{To: s3store.Project{ID: anyOwner, Name: "project_1"}, Permission: "FULL_CONTROL"}, "the owner may do everything (ACL)"},
		{s3store.Grant{To: s3store.Project{ID: anyOther, Name: "project_2"}, Permission: "READ"}, "project_2 (" + anyOther + ") may list it (ACL)"},
		{s3store.Grant{Group: groups + "AllUsers", Permission: "WRITE"}, "everybody, without credentials too, may write and delete objects (ACL)"},
		{s3store.Grant{Group: groups + "AuthenticatedUsers", Permission: "NEW"}, "every project of this store may NEW (ACL)"},
	} {
		if got := grantOf(a, c.grant); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

// What is left for a project, whoever made the rule and however it names the project.
func TestRemaining(t *testing.T) {
	a := accessWith(t, `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+anyOther+`:user/`+anyOther+`"},"Action":"s3:GetObject","Resource":"*"},
		{"Effect":"Allow","Principal":"*","Action":"s3:ListBucket","Resource":"*"},
		{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"*"},
		{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::`+anyOwner+`:root"},"Action":"s3:*","Resource":"*"}`)
	a.Grants = []s3store.Grant{
		{To: s3store.Project{ID: anyOther}, Permission: "READ"}, {To: a.Owner, Permission: "FULL_CONTROL"},
		{Group: groups + "AuthenticatedUsers", Permission: "READ"}, {Group: "http://acs.amazonaws.com/groups/s3/LogDelivery", Permission: "WRITE"},
	}
	if got := remaining(a, s3store.Project{ID: anyOther}); len(got) != 4 {
		t.Errorf("%d rules:\n%s", len(got), strings.Join(got, "\n"))
	}
}

func TestLetter(t *testing.T) {
	a := accessWith(t, "")
	var key [32]byte
	text, err := letterFor(a, []s3store.Project{{ID: anyOther}}, key, "https://a3s.fi")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"bucket b of project_1 (" + anyOwner + ") at https://a3s.fi", anyOther, cscKey,
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "aws --endpoint-url https://a3s.fi s3 cp", "--host=a3s.fi", "s3://b/"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q isn't in\n%s", want, text)
		}
	}
	if strings.Contains(text, "&#") || strings.Contains(text, "<no value>") {
		t.Errorf("escapes or holes in\n%s", text)
	}
}
