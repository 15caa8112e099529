package c4gh

import (
	"bytes"
	"encoding/base64"
	"strings"
)

const (
	maxKeyFile = 128 << 10 // bytes, enough for the longest comment; the largest key met has less than 1 KiB

	armourBegin = "-----BEGIN "
	armourEnd   = "-----END "
	armourDash  = "-----"
)

// encodeArmour writes an armour as the reference tool does: the base64 is one line.
func encodeArmour(label string, raw []byte) []byte {
	b := []byte(armourBegin + label + armourDash + "\n")
	b = base64.StdEncoding.AppendEncode(b, raw)
	return append(b, "\n"+armourEnd+label+armourDash+"\n"...)
}

// decodeArmour returns label and bytes of an armour; the base64 may be wrapped anywhere. Bytes without an armour are
// returned as they are, with an empty label, if they can be a key in binary.
func decodeArmour(data []byte) (label string, raw []byte, err error) {
	text := bytes.TrimSpace(data)
	if !bytes.HasPrefix(text, []byte(armourBegin)) {
		if hasMagic(data, magicC4GH) || hasMagic(data, magicOpenSSH) || len(data) == keySize && !printable(data) {
			return "", data, nil
		}
		return "", nil, notKey("no BEGIN line")
	}
	head, rest, _ := bytes.Cut(text[len(armourBegin):], []byte("\n"))
	body, _, found := bytes.Cut(rest, []byte(armourEnd))
	if !found {
		return "", nil, notKey("no END line")
	}
	label, found = strings.CutSuffix(strings.TrimSpace(string(head)), armourDash)
	if !found {
		return "", nil, notKey("a damaged BEGIN line")
	}
	packed := bytes.Join(bytes.Fields(body), nil)
	defer clear(packed)
	raw, err = base64.StdEncoding.AppendDecode(nil, packed)
	if err != nil || len(raw) == 0 {
		return "", nil, notKey("no base64 between BEGIN and END")
	}
	return label, raw, nil
}

// printable tells a text of 32 characters from a bare key.
func printable(b []byte) bool {
	return bytes.IndexFunc(b, func(r rune) bool { return r != '\n' && r != '\r' && r != '\t' && (r < ' ' || r > '~') }) < 0
}

func hasMagic(b []byte, magic string) bool { return bytes.HasPrefix(b, []byte(magic)) }

func isPublic(label string) bool { return strings.Contains(label, "PUBLIC") }

func isSecret(label string) bool {
	return strings.Contains(label, "PRIVATE") || strings.Contains(label, "SECRET")
}
