package s3store_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"allasfs/objstore/s3store"
)

const (
	ownerID = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
	otherID = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"
)

// foreign is a policy that somebody made with other tools, with fields that we know nothing of.
const foreign = `{"Version":"2008-10-17","Id":"theirs","x":{"y":[1.50]},"Statement":[
	{"Sid":"Web","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/public/*",
	 "Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}},"new":null},
	{"Effect":"Deny","NotPrincipal":{"AWS":["arn:aws:iam::0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c:root"]},"NotAction":["s3:Get*"],"NotResource":"arn:aws:s3:::b"}]}`

func parsePolicy(t *testing.T, text string) s3store.Policy {
	t.Helper()
	p, err := s3store.ParsePolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func access(t *testing.T, policy string) s3store.Access {
	return s3store.Access{Bucket: "b", Owner: s3store.Project{ID: ownerID, Name: "project_1"}, Policy: parsePolicy(t, policy)}
}

// sameJSON compares texts by what they mean.
func sameJSON(t *testing.T, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func sids(p s3store.Policy) (all []string) {
	for _, s := range p.Statements() {
		all = append(all, s.Sid)
	}
	return all
}

func TestPolicyKeepsWhatItDoesNotKnow(t *testing.T) {
	sameJSON(t, parsePolicy(t, foreign).Marshal(), foreign)
	a, other := access(t, foreign), s3store.Project{ID: otherID}
	a.Policy = a.Share(other, true)
	if got := sids(a.Policy); !slices.Equal(got, []string{"Web", "", "AllasfsWrite" + otherID, "AllasfsOwner"}) {
		t.Errorf("statements %q", got)
	}
	text := a.Policy.Marshal()
	if !strings.Contains(text, "1.50") || !strings.Contains(text, `"new":null`) {
		t.Errorf("a field is gone: %s", text)
	}
	var err error
	if a.Policy, err = a.OpenInbox(other); err != nil {
		t.Fatal(err)
	}
	if a.Policy, err = a.CloseInbox(other); err != nil {
		t.Fatal(err)
	}
	if got := sids(a.Policy); !slices.Equal(got, []string{"Web", "", "AllasfsOwner", "AllasfsClosed" + otherID}) {
		t.Errorf("statements %q", got)
	}
}

func TestPolicyWithOneStatement(t *testing.T) {
	p := parsePolicy(t, `{"Statement":{"Sid":"one","Effect":"Allow","Principal":{"AWS":"*","Service":["x"]},"Action":"s3:*","Resource":"*"}}`)
	s := p.Statements()
	if len(s) != 1 || !slices.Equal(s[0].Principals, []string{"*", "Service:x"}) || !slices.Equal(s[0].Actions, []string{"s3:*"}) {
		t.Errorf("%+v", s)
	}
	if !s[0].Names(s3store.Project{ID: otherID}) {
		t.Error("everybody doesn't name somebody")
	}
}

// Upper and lower case differ in field names.
func TestPolicyFieldNamesAreExact(t *testing.T) {
	s := parsePolicy(t, `{"statement":[{}],"Statement":[{"sid":"x","effect":"Allow"}]}`).Statements()
	if len(s) != 1 || s[0].Sid != "" || s[0].Effect != "" || !slices.Equal(s[0].Others, []string{"effect", "sid"}) {
		t.Errorf("%+v", s)
	}
}

func TestPoliciesThatAreRefused(t *testing.T) {
	for _, text := range []string{`x`, `[]`, `"s"`, `{"Statement":1}`, `{"Statement":[null]}`, `{"Statement":["s"]}`, `{"Statement":[{"Sid":1}]}`,
		`{"Statement":[{"Principal":3}]}`, `{"Statement":[{"Principal":{"AWS":{}}}]}`, `{"Statement":[{"Action":[1]}]}`, `{} {}`} {
		if _, err := s3store.ParsePolicy(text); err == nil || !strings.Contains(err.Error(), "malformed bucket policy") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestParseProject(t *testing.T) {
	for _, c := range []struct{ in, id string }{
		{otherID, otherID},
		{strings.ToUpper(otherID), otherID},
		{"arn:aws:iam::" + otherID + ":root", otherID},
		{"arn:aws:iam::" + otherID + ":user/" + otherID, otherID},
		{"arn:aws:iam:::user/" + otherID, otherID},
		{"arn:aws:iam:::user/ann-1", "ann-1"},
		{"arn:aws:iam::tenant:user/ann", "tenant$ann"},
		{otherID[1:], ""},
		{otherID + "0", ""},
		{"project_2000001", ""},
		{"*", ""},
		{"arn:aws:iam::*:root", ""},
		{"arn:aws:iam:::user/*", ""},
		{"arn:aws:iam::" + otherID + ":root/x", ""},
		{"arn:aws:iam:::root", ""},
		{"", ""},
	} {
		p, ok := s3store.ParseProject(c.in)
		if p.ID != c.id || ok != (c.id != "") {
			t.Errorf("%q: %q, %v, want %q", c.in, p.ID, ok, c.id)
		}
	}
}

// Each grant, in the policy's own words, and that a second one of the same kind changes nothing.
func TestGrants(t *testing.T) {
	other, user := s3store.Project{ID: otherID}, s3store.Project{ID: "ann-1"}
	inbox := func(a s3store.Access, p s3store.Project) s3store.Policy {
		policy, err := a.OpenInbox(p)
		if err != nil {
			t.Fatal(err)
		}
		return policy
	}
	closed := func(a s3store.Access, p s3store.Project) s3store.Policy {
		policy, err := a.CloseInbox(p)
		if err != nil {
			t.Fatal(err)
		}
		return policy
	}
	const owner = "AllasfsOwner"
	annTag := "1c2b73de2a5d3b2f0f6f0f5dc7b8a1f4"
	for _, s := range access(t, "").Share(user, false).Statements() {
		annTag = strings.TrimPrefix(s.Sid, "AllasfsRead")
	}
	if len(annTag) != 32 {
		t.Fatalf("tag %q", annTag)
	}
	for _, c := range []struct {
		name  string
		steps []func(s3store.Access) s3store.Policy
		want  []string
	}{
		{"read", steps(func(a s3store.Access) s3store.Policy { return a.Share(other, false) }), []string{"AllasfsRead" + otherID}},
		{"write", steps(func(a s3store.Access) s3store.Policy { return a.Share(other, true) }), []string{"AllasfsWrite" + otherID, owner}},
		{"less", steps(func(a s3store.Access) s3store.Policy { return a.Share(other, true) },
			func(a s3store.Access) s3store.Policy { return a.Share(other, false) }), []string{owner, "AllasfsRead" + otherID}},
		{"two", steps(func(a s3store.Access) s3store.Policy { return a.Share(other, false) },
			func(a s3store.Access) s3store.Policy { return a.Share(user, false) }), []string{"AllasfsRead" + otherID, "AllasfsRead" + annTag}},
		{"self", steps(func(a s3store.Access) s3store.Policy { return a.Share(a.Owner, true) }), []string{owner}},
		{"taken back", steps(func(a s3store.Access) s3store.Policy { return a.Share(other, false) },
			func(a s3store.Access) s3store.Policy { return a.Unshare(other) }), nil},
		{"inbox", steps(func(a s3store.Access) s3store.Policy { return inbox(a, other) }),
			[]string{"AllasfsInbox" + otherID, "AllasfsInboxKey" + otherID, "AllasfsInboxKeep" + otherID, owner}},
		{"closed", steps(func(a s3store.Access) s3store.Policy { return inbox(a, other) },
			func(a s3store.Access) s3store.Policy { return closed(a, other) }), []string{owner, "AllasfsClosed" + otherID}},
		{"reopened", steps(func(a s3store.Access) s3store.Policy { return closed(a, other) },
			func(a s3store.Access) s3store.Policy { return a.Share(other, false) }), []string{"AllasfsRead" + otherID}},
		{"closed for one of two", steps(func(a s3store.Access) s3store.Policy { return a.Share(user, false) },
			func(a s3store.Access) s3store.Policy { return closed(a, other) }), []string{"AllasfsRead" + annTag, "AllasfsClosed" + otherID}},
		{"unshared, and still closed", steps(func(a s3store.Access) s3store.Policy { return closed(a, other) },
			func(a s3store.Access) s3store.Policy { return a.Unshare(other) }), []string{"AllasfsClosed" + otherID}},
	} {
		a := access(t, "")
		for _, step := range c.steps {
			a.Policy = step(a)
		}
		if got := sids(a.Policy); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		again := c.steps[len(c.steps)-1](a)
		if added, removed := a.Policy.Changes(again); len(added)+len(removed) != 0 {
			t.Errorf("%s, once more: added %+v, removed %+v", c.name, added, removed)
		}
		sameJSON(t, parsePolicy(t, a.Policy.Marshal()).Marshal(), a.Policy.Marshal())
	}
}

func steps(all ...func(s3store.Access) s3store.Policy) []func(s3store.Access) s3store.Policy {
	return all
}

func TestStatementAsStored(t *testing.T) {
	a := access(t, "")
	sameJSON(t, a.Share(s3store.Project{ID: otherID}, false).Marshal(), `{"Version":"2012-10-17","Statement":[{
		"Sid":"AllasfsRead0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b","Effect":"Allow",
		"Principal":{"AWS":["arn:aws:iam::0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b:root","arn:aws:iam:::user/0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"]},
		"Action":["s3:ListBucket","s3:GetObject","s3:GetObjectVersion","s3:GetObjectTagging"],
		"Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}]}`)
	for id, want := range map[string]string{"ann": "arn:aws:iam:::user/ann", "t$ann": "arn:aws:iam::t:user/ann"} {
		s := a.Share(s3store.Project{ID: id}, false).Statements()[0]
		if !slices.Equal(s.Principals, []string{want}) {
			t.Errorf("%s: %q", id, s.Principals)
		}
	}
}

func TestInboxOfTheOwner(t *testing.T) {
	a := access(t, "")
	if _, err := a.OpenInbox(a.Owner); err != s3store.ErrOwner {
		t.Error(err)
	}
	if _, err := a.CloseInbox(a.Owner); err != s3store.ErrOwner {
		t.Error(err)
	}
}

func TestSendersAndClosed(t *testing.T) {
	a, other := access(t, foreign), s3store.Project{ID: otherID}
	if len(a.Senders()) != 0 || a.Closed(other) {
		t.Errorf("%v, %v", a.Senders(), a.Closed(other))
	}
	a.Policy, _ = a.OpenInbox(other)
	if got := a.Senders(); !slices.Equal(got, []s3store.Project{other}) || a.Closed(other) {
		t.Errorf("open: %v, %v", got, a.Closed(other))
	}
	a.Policy, _ = a.CloseInbox(other)
	if len(a.Senders()) != 0 || !a.Closed(other) {
		t.Errorf("closed: %v, %v", a.Senders(), a.Closed(other))
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add(foreign)
	f.Add(`{"Statement":{"Principal":{"AWS":"*"}}}`)
	f.Add(`{"Statement":[{"Principal":"*","Action":["a"],"Resource":[]}]}`)
	f.Add(`{"Statement":null}`)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := s3store.ParsePolicy(text)
		if err != nil {
			return
		}
		q, err := s3store.ParsePolicy(p.Marshal())
		if err != nil {
			t.Fatalf("%q became %q: %v", text, p.Marshal(), err)
		}
		if !q.Equal(p) || q.Marshal() != p.Marshal() {
			t.Fatalf("%q became %q", p.Marshal(), q.Marshal())
		}
		// Whatever is there, a grant is found again and taken back without a trace.
		a, other := s3store.Access{Bucket: "b", Owner: s3store.Project{ID: ownerID}, Policy: p}, s3store.Project{ID: otherID}
		if strings.Contains(text, "Allasfs") || strings.Contains(p.Marshal(), "Allasfs") {
			return
		}
		a.Policy = a.Share(other, false)
		a.Policy = parsePolicy(t, a.Policy.Marshal())
		if a.Policy = a.Unshare(other); !a.Policy.Equal(p) {
			t.Fatalf("%q became %q", p.Marshal(), a.Policy.Marshal())
		}
	})
}

func FuzzProject(f *testing.F) {
	f.Add("arn:aws:iam::" + otherID + ":root")
	f.Add("arn:aws:iam::t:user/ann")
	f.Fuzz(func(t *testing.T, s string) {
		p, ok := s3store.ParseProject(s)
		if !ok {
			return
		}
		statement := s3store.Access{Bucket: "b", Owner: s3store.Project{ID: "owner"}}.Share(p, false).Statements()[0]
		if p.ID != "owner" && !statement.Names(p) {
			t.Fatalf("%q is %q, and %q don't name it", s, p.ID, statement.Principals)
		}
	})
}
