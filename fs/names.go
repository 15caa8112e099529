package fs

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"unicode/utf8"

	"allasfs/objstore"
)

const (
	// Suffix is what the name of an encrypted object ends in, and what its file name goes without.
	Suffix = ".c4gh"

	objectMark     = "~object"   // after the name of an object whose key is a prefix as well
	metaSuffix     = "_ameta"    // objects in which a-put says where another one came from
	segmentsSuffix = "_segments" // buckets with the pieces of Swift's large objects

	maxName  = 255 // bytes; NAME_MAX on Linux
	longHead = 180 // bytes of a long component that its name begins with
)

// Components are what stands between the slashes of a key. A file system can't hold all of them, so some are escaped:
//
//	~(X)   the component X, with "%" and NUL as %25 and %00: for "", ".", "..", whatever has a NUL, and what would be
//	       taken for an escape or for a mark of ours itself
//	~[X~H] a component of more than 255 bytes: X is how it begins, H the first 32 hexadecimal digits of its SHA-256

// escape returns the file name for a component.
func escape(component string) string { return escapeWithin(component, maxName) }

// escapeMarked returns the file name for a component whose plain name a directory has taken.
func escapeMarked(component string) string {
	return escapeWithin(component, maxName-len(objectMark)) + objectMark
}

func escapeWithin(component string, limit int) string {
	name := component
	if mustEscape(component) {
		name = "~(" + encode(component) + ")"
	}
	if len(name) <= limit {
		return name
	}
	return "~[" + encode(head(component)) + "~" + digest(component) + "]"
}

func mustEscape(component string) bool {
	switch component {
	case "", ".", "..":
		return true
	}
	return strings.ContainsRune(component, 0) || isEscape(component) || isLong(component) ||
		strings.HasSuffix(component, objectMark)
}

func isEscape(name string) bool { return strings.HasPrefix(name, "~(") && strings.HasSuffix(name, ")") }
func isLong(name string) bool   { return strings.HasPrefix(name, "~[") && strings.HasSuffix(name, "]") }

func encode(s string) string { return strings.NewReplacer("%", "%25", "\x00", "%00").Replace(s) }
func decode(s string) string { return strings.NewReplacer("%25", "%", "%00", "\x00").Replace(s) }

// head returns the beginning of a long component, cut where a character ends and so that it is short when encoded.
func head(component string) string {
	h := component[:min(longHead, len(component))]
	for len(encode(h)) > longHead || len(h) < len(component) && !utf8.RuneStart(component[len(h)]) {
		h = h[:len(h)-1]
		if len(h) == 0 {
			break // one endless run of continuation bytes: the digest alone tells
		}
	}
	return h
}

func digest(component string) string {
	sum := sha256.Sum256([]byte(component))
	return hex.EncodeToString(sum[:16])
}

// unescape returns the component that a name without mark stands for. It is false for a long one, which only a
// listing can tell.
func unescape(name string) (component string, ok bool) {
	switch {
	case isLong(name):
		return "", false
	case isEscape(name):
		return decode(name[2 : len(name)-1]), true
	}
	return name, true
}

// base returns the component of an encrypted object without the suffix. It is false where there is none, or nothing
// before it.
func base(component string) (string, bool) {
	b, ok := strings.CutSuffix(component, Suffix)
	return b, ok && b != ""
}

// Entry is one name in a directory.
type Entry struct {
	// Name is the file name, unique in its directory.
	Name string
	// Dir says that the entry is a directory: a bucket, or a prefix that keys share.
	Dir bool
	// Hidden entries aren't listed, but can be opened by name.
	Hidden bool
	// Component is the part of the key that the entry stands for.
	Component string
	// Object is what the listing says of a file. Its size is in ciphertext bytes and not to be believed when 0.
	Object objstore.Object
}

// Encrypted tells whether the entry is an object that claims to be encrypted.
func (e Entry) Encrypted() bool { return !e.Dir && strings.HasSuffix(e.Component, Suffix) }

// namer gives the entries of one directory their names. Names depend on which keys there are beside a key, so an
// object is held back until the keys that matter to it have passed; in byte order they are near. The items must come
// in the order of their keys, with the delimiter at the end of prefixes.
type namer struct {
	keepSuffix bool
	showAll    bool
	held       []heldObject
}

// heldObject is an object that isn't named yet.
type heldObject struct {
	component string
	object    objstore.Object
	until     string // the last key that matters
	isPrefix  bool   // the key is a prefix as well
	baseTaken bool   // the name without suffix belongs to another key
}

// addObject takes the next item, an object, and appends what can be named now to out.
func (n *namer) addObject(out []Entry, component string, o objstore.Object) []Entry {
	out = n.pass(out, component)
	h := heldObject{component: component, object: o, until: component + "/"}
	if b, ok := base(component); ok && !n.keepSuffix {
		h.until = b + "/"
		for _, other := range n.held {
			h.baseTaken = h.baseTaken || other.component == b
		}
	}
	n.held = append(n.held, h)
	return out
}

// addPrefix takes the next item, a prefix, and appends what can be named now to out.
func (n *namer) addPrefix(out []Entry, component string) []Entry {
	out = n.pass(out, component+"/")
	for i := range n.held {
		h := &n.held[i]
		b, _ := base(h.component)
		h.isPrefix = h.isPrefix || h.component == component
		h.baseTaken = h.baseTaken || b == component
	}
	return append(out, Entry{Name: escape(component), Dir: true, Component: component})
}

// pass names the objects that nothing from key on matters to.
func (n *namer) pass(out []Entry, key string) []Entry {
	kept := n.held[:0]
	for _, h := range n.held {
		if h.until < key {
			out = append(out, n.name(h))
		} else {
			kept = append(kept, h)
		}
	}
	n.held = kept
	return out
}

// end names the objects that are left.
func (n *namer) end(out []Entry) []Entry {
	for _, h := range n.held {
		out = append(out, n.name(h))
	}
	n.held = nil
	return out
}

func (n *namer) name(h heldObject) Entry {
	e := Entry{Component: h.component, Object: h.object}
	e.Hidden = !n.showAll && strings.HasSuffix(h.component, metaSuffix)
	b, encrypted := base(h.component)
	switch {
	case encrypted && !n.keepSuffix && !h.baseTaken:
		e.Name = escape(b)
	case h.isPrefix:
		e.Name = escapeMarked(h.component)
	default:
		e.Name = escape(h.component)
	}
	return e
}
