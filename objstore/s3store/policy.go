package s3store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Policy is a bucket policy. It is a value: its methods return changed copies. What it doesn't understand it keeps as it
// is, so that a policy that was read, changed and written differs in nothing but the change.
//
// Source: "Policies and permissions in Amazon S3" and the IAM policy grammar, version 2012-10-17.
type Policy struct {
	fields     map[string]json.RawMessage // all but the statements
	statements []Statement
}

// Statement is one rule of a [Policy], as far as it can be told in words. It is made by [ParsePolicy] and by the methods
// of Policy, and is not to be changed.
type Statement struct {
	Sid        string
	Effect     string   // Allow or Deny
	Principals []string // ARNs, or "*" for everybody; with the kind in front ("Service:x") where it isn't AWS
	Actions    []string
	Resources  []string // ARNs
	// Others are the names of the fields besides these: Condition, NotAction, NotPrincipal, NotResource …
	Others []string

	raw json.RawMessage // as it is stored, without white space
}

const (
	allow = "Allow"
	deny  = "Deny"
)

// errPolicy is wrapped by every error of [ParsePolicy].
var errPolicy = errors.New("malformed bucket policy")

// ParsePolicy reads a policy. The empty text is the empty policy.
func ParsePolicy(text string) (Policy, error) {
	if text == "" {
		return Policy{}, nil
	}
	var p Policy
	if err := json.Unmarshal([]byte(text), &p.fields); err != nil {
		return Policy{}, fmt.Errorf("%w: %w", errPolicy, err)
	}
	statements, err := oneOrMany[json.RawMessage](p.fields["Statement"])
	if err != nil {
		return Policy{}, fmt.Errorf("%w: Statement: %w", errPolicy, err)
	}
	delete(p.fields, "Statement")
	for i, raw := range statements {
		s, err := parseStatement(raw)
		if err != nil {
			return Policy{}, fmt.Errorf("%w: statement %d: %w", errPolicy, i, err)
		}
		p.statements = append(p.statements, s)
	}
	return p, nil
}

// parseStatement goes by maps, because encoding/json isn't strict about upper and lower case in structs.
func parseStatement(raw json.RawMessage) (Statement, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return Statement{}, err
	}
	if fields == nil {
		return Statement{}, errors.New("it is null")
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return Statement{}, err
	}
	s := Statement{raw: compact.Bytes()}
	var err error
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		switch name {
		case "Sid":
			err = json.Unmarshal(value, &s.Sid)
		case "Effect":
			err = json.Unmarshal(value, &s.Effect)
		case "Principal":
			s.Principals, err = parsePrincipals(value)
		case "Action":
			s.Actions, err = oneOrMany[string](value)
		case "Resource":
			s.Resources, err = oneOrMany[string](value)
		default:
			s.Others = append(s.Others, name)
		}
		if err != nil {
			return Statement{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	return s, nil
}

// parsePrincipals reads "*" or {"AWS": ARN or ARNs, …}.
func parsePrincipals(raw json.RawMessage) ([]string, error) {
	if raw[0] == '"' {
		return oneOrMany[string](raw)
	}
	var kinds map[string]json.RawMessage
	if err := json.Unmarshal(raw, &kinds); err != nil {
		return nil, err
	}
	var all []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		names, err := oneOrMany[string](kinds[kind])
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			if kind != "AWS" {
				name = kind + ":" + name
			}
			all = append(all, name)
		}
	}
	return all, nil
}

// oneOrMany reads a list, of which a policy may write the only element without the list around it.
func oneOrMany[T any](raw json.RawMessage) ([]T, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	if raw[0] == '[' {
		var many []T
		err := json.Unmarshal(raw, &many)
		return many, err
	}
	var one T
	err := json.Unmarshal(raw, &one)
	return []T{one}, err
}

// newStatement makes a statement of a policy.
func newStatement(sid, effect string, principals, actions, resources []string) Statement {
	raw := marshal(struct {
		Sid, Effect      string
		Principal        map[string][]string
		Action, Resource []string
	}{sid, effect, map[string][]string{"AWS": principals}, actions, resources})
	return Statement{Sid: sid, Effect: effect, Principals: principals, Actions: actions, Resources: resources, raw: raw}
}

// Marshal returns the policy as it is stored.
func (p Policy) Marshal() string {
	fields := maps.Clone(p.fields)
	if fields == nil {
		fields = map[string]json.RawMessage{"Version": json.RawMessage(`"2012-10-17"`)}
	}
	all := make([]json.RawMessage, len(p.statements))
	for i, s := range p.statements {
		all[i] = s.raw
	}
	fields["Statement"] = marshal(all)
	return string(marshal(fields))
}

// marshal is for what can always be marshalled: strings, and what has been parsed. It leaves <, > and & as they are.
func marshal(v any) json.RawMessage {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(v)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// Statements returns the rules in their order.
func (p Policy) Statements() []Statement { return slices.Clone(p.statements) }

// Equal tells whether two policies have the same statements in the same order.
func (p Policy) Equal(q Policy) bool {
	return slices.EqualFunc(p.statements, q.statements, Statement.equal)
}

func (s Statement) equal(t Statement) bool { return bytes.Equal(s.raw, t.raw) }

// Changes returns which statements q has that p hasn't, and the other way round.
func (p Policy) Changes(q Policy) (added, removed []Statement) {
	return q.missing(p), p.missing(q)
}

// missing returns the statements of p that aren't in q.
func (p Policy) missing(q Policy) (out []Statement) {
	for _, s := range p.statements {
		if !slices.ContainsFunc(q.statements, s.equal) {
			out = append(out, s)
		}
	}
	return out
}

// with puts statements in the place of those with the same Sid, or at the end.
func (p Policy) with(statements ...Statement) Policy {
	p.statements = slices.Clone(p.statements)
	for _, s := range statements {
		i := slices.IndexFunc(p.statements, func(t Statement) bool { return t.Sid == s.Sid })
		if i < 0 {
			p.statements = append(p.statements, s)
		} else {
			p.statements[i] = s
		}
	}
	return p
}

// without drops the statements with these Sids.
func (p Policy) without(sids ...string) Policy {
	p.statements = slices.DeleteFunc(slices.Clone(p.statements), func(s Statement) bool { return slices.Contains(sids, s.Sid) })
	return p
}
