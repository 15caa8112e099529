package main

import (
	"encoding/json"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
)

// missing stands for what wasn't measured.
const missing = -1

// results are what was measured: for each quantity one number a round, or missing.
type results struct {
	Machine  []string             // what it ran on
	Versions map[string]string    // of the tools
	Rounds   int                  // how many there were
	Quick    bool                 // small objects, for trying
	Again    string               // the cases that were measured again later, a regular expression; "" for none
	Before   string               // the version of allasfs that the other cases were measured with then
	Values   map[string][]float64 // by case, tool and quantity
	Failures map[string]string    // why a tool didn't run in a case
	round    int
}

func newResults() *results {
	return &results{Versions: map[string]string{}, Values: map[string][]float64{}, Failures: map[string]string{}}
}

func name(id, tool, quantity string) string { return id + "|" + tool + "|" + quantity }

// add writes down a number of this round.
func (r *results) add(id, tool, quantity string, v float64) {
	k := name(id, tool, quantity)
	for len(r.Values[k]) <= r.round {
		r.Values[k] = append(r.Values[k], missing)
	}
	r.Values[k][r.round] = v
}

// without returns the results without those of the cases that match.
func (r *results) without(cases *regexp.Regexp) *results {
	matches := func(k string) bool {
		id, _, _ := strings.Cut(k, "|")
		return cases.MatchString(id)
	}
	maps.DeleteFunc(r.Values, func(k string, _ []float64) bool { return matches(k) })
	maps.DeleteFunc(r.Failures, func(k, _ string) bool { return matches(k) })
	r.Again, r.Before = cases.String(), r.Versions[ours.name]
	return r
}

// values are those of one quantity.
type values []float64

func (r *results) get(id, tool, quantity string) values { return r.Values[name(id, tool, quantity)] }

// median returns the median of what was measured, and whether anything was.
func (v values) median() (float64, bool) {
	s := slices.DeleteFunc(slices.Clone(v), func(x float64) bool { return x == missing })
	if len(s) == 0 {
		return missing, false
	}
	slices.Sort(s)
	return (s[len(s)/2] + s[(len(s)-1)/2]) / 2, true
}

// with combines two quantities round by round, so that whatever else the machine did meets both.
func (v values) with(w values, do func(a, b float64) float64) (out values) {
	for i := range min(len(v), len(w)) {
		x := float64(missing)
		if v[i] != missing && w[i] != missing {
			x = do(v[i], w[i])
		}
		out = append(out, x)
	}
	return out
}

// over returns the quotients.
func (v values) over(w values) values {
	return v.with(w, func(a, b float64) float64 {
		if b == 0 {
			return missing
		}
		return a / b
	})
}

func (r *results) save(path string) error {
	data, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o644)
}

func loadResults(path string) (*results, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := newResults()
	return r, json.Unmarshal(data, r)
}
