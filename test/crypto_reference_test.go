package test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// filter is the reference, or our program under the reference's name.
type filter struct{ name, path string }

func bothTools(t *testing.T) []filter {
	t.Helper()
	return []filter{{"reference", venv(t, "crypt4gh")}, {"ours", linkTo(t, "crypt4gh")}}
}

// run runs the filter over data in a file: the reference wants to seek.
func (o filter) run(t *testing.T, env []string, data []byte, args ...string) []byte {
	t.Helper()
	input := filepath.Join(t.TempDir(), "input")
	write(t, input, data)
	file, err := os.Open(input)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	return []byte(command{env: append(os.Environ(), env...), stdin: file}.must(t, o.path, args...))
}

// span is a range of both tools: b-a-1 bytes from a on.
func span(a, b int) string { return fmt.Sprintf("--range=%d-%d", a, b) }

// TestSubcommandsBothWays lets one tool make objects with every subcommand, and the other read them.
func TestSubcommandsBothWays(t *testing.T) {
	ann, bob, cyd := newKey(t), newKey(t), newKey(t)
	plain := content(5, 300_000)
	for _, makes := range bothTools(t) {
		for _, reads := range bothTools(t) {
			t.Run(makes.name+" to "+reads.name, func(t *testing.T) {
				same := func(what string, object []byte, key keyPair, want []byte, flags ...string) {
					t.Helper()
					args := append([]string{"decrypt", "--sk", key.secret}, flags...)
					if got := reads.run(t, nil, object, args...); !bytes.Equal(got, want) {
						t.Errorf("%s: %d bytes, want %d", what, len(got), len(want))
					}
				}
				refused := func(what string, object []byte, key keyPair, flags ...string) {
					t.Helper()
					args := append([]string{"decrypt", "--sk", key.secret}, flags...)
					r := command{stdin: bytes.NewReader(object)}.run(t, reads.path, args...)
					if r.status != 1 || r.stdout != "" {
						t.Errorf("%s: exit status %d, %d bytes", what, r.status, len(r.stdout))
					}
				}
				object := makes.run(t, nil, plain, "encrypt", "--sk", bob.secret, "--recipient_pk", ann.public, "--recipient_pk", cyd.public)
				same("encrypt", object, ann, plain)
				same("encrypt, the other recipient", object, cyd, plain)
				same("decrypt a range", object, ann, plain[10:20], span(10, 21))
				same("from a sender", object, ann, plain, "--sender_pk", bob.public)
				refused("from another sender", object, ann, "--sender_pk", cyd.public)
				refused("another key", object, bob)

				part := makes.run(t, nil, plain, "encrypt", "--recipient_pk", ann.public, span(1000, 70_001))
				same("encrypt a range", part, ann, plain[1000:70_000])

				header := filepath.Join(t.TempDir(), "header")
				body := makes.run(t, nil, plain, "encrypt", "--recipient_pk", ann.public, "--header", header)
				head, err := os.ReadFile(header)
				if err != nil {
					t.Fatal(err)
				}
				same("a header of its own", append(head, body...), ann, plain)

				again := makes.run(t, nil, object, "reencrypt", "--sk", ann.secret, "--recipient_pk", bob.public)
				same("reencrypt", again, bob, plain)
				same("reencrypt, the other recipient", again, cyd, plain)
				same("reencrypt, the new sender", again, bob, plain, "--sender_pk", ann.public)
				trimmed := makes.run(t, nil, object, "reencrypt", "--sk", ann.secret, "--recipient_pk", bob.public, "--trim")
				same("reencrypt --trim", trimmed, bob, plain)
				refused("reencrypt --trim, the other recipient", trimmed, cyd)
				size := headerSize(t, object)
				newHead := makes.run(t, nil, object[:size], "reencrypt", "--sk", ann.secret, "--recipient_pk", bob.public, "--header-only")
				same("reencrypt --header-only", append(newHead, object[size:]...), bob, plain)

				// The reference's rearrange is right from the second segment on.
				moved := makes.run(t, nil, object, "rearrange", "--sk", ann.secret, span(70_000, 200_001))
				same("rearrange", moved, ann, plain[70_000:200_000])
			})
		}
	}
}

// TestWhereTheReferenceIsWrong: ranges for which the reference returns wrong bytes or a traceback.
func TestWhereTheReferenceIsWrong(t *testing.T) {
	ours := filter{"ours", linkTo(t, "crypt4gh")}
	ann := newKey(t)
	plain := content(6, 300_000)
	object := encrypt(t, plain, ann)
	for _, c := range [][2]int{{65536, 65600}, {70_000, 70_011}, {131_000, 200_001}, {65_000, 66_000}, {299_998, 300_001}} {
		want := plain[c[0]:min(c[1]-1, len(plain))]
		if got := ours.run(t, nil, object, "decrypt", "--sk", ann.secret, span(c[0], c[1])); !bytes.Equal(got, want) {
			t.Errorf("decrypt %v: %d bytes, want %d", c, len(got), len(want))
		}
		moved := ours.run(t, nil, object, "rearrange", "--sk", ann.secret, span(c[0], c[1]))
		if got := ours.run(t, nil, moved, "decrypt", "--sk", ann.secret); !bytes.Equal(got, want) {
			t.Errorf("rearrange %v: %d bytes, want %d", c, len(got), len(want))
		}
	}
	inside := ours.run(t, nil, object, "rearrange", "--sk", ann.secret, span(100, 201))
	for _, reads := range bothTools(t) {
		if got := reads.run(t, nil, inside, "decrypt", "--sk", ann.secret); !bytes.Equal(got, plain[100:200]) {
			t.Errorf("rearrange inside the first segment, read by %s: %d bytes", reads.name, len(got))
		}
	}
	twice := ours.run(t, nil, inside, "rearrange", "--sk", ann.secret, span(10, 21))
	if got := ours.run(t, nil, twice, "decrypt", "--sk", ann.secret); !bytes.Equal(got, plain[110:120]) {
		t.Errorf("rearranged twice: %d bytes", len(got))
	}
}

// TestSameExitStatus runs both tools with the same command lines.
func TestSameExitStatus(t *testing.T) {
	ann, bob := newKey(t), newKey(t)
	locked := referenceKey(t, "scrypt", "right")
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	write(t, text, []byte("this is no key"))
	damaged := filepath.Join(dir, "damaged")
	write(t, damaged, []byte("-----BEGIN CRYPT4GH PRIVATE KEY-----\nYzRnaC12MQAAAAAA\n-----END CRYPT4GH PRIVATE KEY-----\n"))
	object := encrypt(t, content(7, 100_000), ann)
	forLocked := encrypt(t, content(7, 100_000), locked)
	for _, c := range []struct {
		input []byte
		pass  string
		args  string
	}{
		{object, "", "decrypt --sk " + ann.secret},
		{object, "", "--sk " + ann.secret + " decrypt"},
		{object, "", "decrypt --sk " + ann.secret + " --range 10-20"},
		{object, "", "decrypt --sk " + ann.secret + " --range 10-20x"},
		{object, "", "decrypt --sk " + ann.secret + " --range 10-11"},
		{object, "", "decrypt --sk " + ann.secret + " --range 10-"},
		{object, "", "decrypt --sk " + ann.secret + " --range 10"},
		{object, "", "decrypt --sk " + ann.secret + " --range x"},
		{object, "", "decrypt --sk " + bob.secret},
		{object, "", "decrypt --sk " + ann.secret + " --sender_pk " + bob.public},
		{object, "", "decrypt --sk " + ann.secret + " --sender_pk " + text},
		{object, "", "decrypt --sk " + text},
		{object, "", "decrypt --sk " + damaged},
		{object, "", "decrypt --sk " + ann.public},
		{object, "", "decrypt --sk " + filepath.Join(dir, "none")},
		{object, "", "decrypt"},
		{object, "", "decrypt --sk"},
		{object, "", "decrypt --sk " + ann.secret + " --sk " + ann.secret},
		{object, "", "decrypt --sk " + ann.secret + " " + text},
		{object, "", "--log " + filepath.Join(dir, "none") + " decrypt --sk " + ann.secret},
		{forLocked, "right", "decrypt --sk " + locked.secret},
		{forLocked, "wrong", "decrypt --sk " + locked.secret},
		{object[:99_000], "", "decrypt --sk " + ann.secret},
		{object[:20], "", "decrypt --sk " + ann.secret},
		{[]byte("this is not encrypted"), "", "decrypt --sk " + ann.secret},
		{nil, "", "decrypt --sk " + ann.secret},
		{object, "", "encrypt --recipient_pk " + ann.public},
		{object, "", "encrypt --rec " + ann.public},
		{object, "", "encrypt --recipient_pk " + ann.public + " --recipient_pk " + filepath.Join(dir, "none")},
		{object, "", "encrypt --recipient_pk " + filepath.Join(dir, "none")},
		{object, "", "encrypt --recipient_pk " + text},
		{object, "", "encrypt"},
		{object, "", "encrypt --recipient_pk " + ann.public + " --trim"},
		{object, "", "encrypt --recipient_pk " + ann.public + " --header " + filepath.Join(dir, "none", "header")},
		{object, "", "reencrypt --sk " + ann.secret + " --recipient_pk " + bob.public},
		{object, "", "reencrypt --sk " + ann.secret + " --recipient_pk " + bob.public + " -t --header-only"},
		{object, "", "reencrypt --sk " + bob.secret + " --recipient_pk " + bob.public},
		{object, "", "reencrypt --sk " + ann.secret},
		{object, "", "rearrange --sk " + ann.secret + " --range 0-10"},
		{object, "", "rearrange --sk " + ann.secret},
		{nil, "", ""}, {nil, "", "decode"}, {nil, "", "-h"}, {nil, "", "--version"}, {nil, "", "-hv decrypt"}, {nil, "", "--none"},
	} {
		var statuses []int
		var messages []string
		for _, o := range bothTools(t) {
			env := account{}.environ(t)
			if c.pass != "" {
				env = append(env, "C4GH_PASSPHRASE="+c.pass)
			}
			r := command{env: env, stdin: bytes.NewReader(c.input)}.run(t, o.path, strings.Fields(c.args)...)
			statuses, messages = append(statuses, r.status), append(messages, r.stderr)
		}
		if statuses[0] != statuses[1] {
			t.Errorf("crypt4gh %s: exit status %d, ours %d\n%s\n%s", c.args, statuses[0], statuses[1], messages[0], messages[1])
		}
		if strings.Contains(messages[1], "goroutine") || strings.Contains(messages[1], "panic") {
			t.Errorf("crypt4gh %s: %s", c.args, messages[1])
		}
	}
}

// TestKeysOfOthers encrypts for keys of ssh-keygen and openssl, and decrypts with them, in both directions where the
// reference knows the kind.
func TestKeysOfOthers(t *testing.T) {
	for _, kind := range []struct {
		name, script, passphrase string
		reference                bool
	}{
		{"openssh", `ssh-keygen -q -t ed25519 -N '' -f key`, "", true},
		{"openssh locked", `ssh-keygen -q -t ed25519 -N 'ssh pass' -f key`, "ssh pass", true},
		{"openssh aes128-cbc", `ssh-keygen -q -t ed25519 -N 'ssh pass' -Z aes128-cbc -f key`, "ssh pass", true},
		{"openssh aes192-ctr", `ssh-keygen -q -t ed25519 -N 'ssh pass' -Z aes192-ctr -f key`, "ssh pass", true},
		{"openssh 3des-cbc", `ssh-keygen -q -t ed25519 -N 'ssh pass' -Z 3des-cbc -f key`, "ssh pass", true},
		{"openssl x25519", `openssl genpkey -algorithm X25519 -out key && openssl pkey -in key -pubout -out key.pub`, "", false},
		{"openssl ed25519", `openssl genpkey -algorithm ED25519 -out key && openssl pkey -in key -pubout -out key.pub`, "", false},
	} {
		t.Run(kind.name, func(t *testing.T) {
			k := keyPair{passphrase: kind.passphrase}
			dir := t.TempDir()
			k.secret, k.public = filepath.Join(dir, "key"), filepath.Join(dir, "key.pub")
			command{dir: dir}.must(t, "bash", "-c", "umask 077; "+kind.script)
			tools := []filter{{"ours", program()}}
			if kind.reference {
				tools = append(tools, filter{"reference", venv(t, "crypt4gh")})
			}
			plain := content(8, 70_000)
			for _, makes := range tools {
				object := makes.run(t, nil, plain, "encrypt", "--recipient_pk", k.public)
				for _, reads := range tools {
					if got := reads.run(t, k.environ(), object, "decrypt", "--sk", k.secret); !bytes.Equal(got, plain) {
						t.Errorf("%s to %s: %d bytes", makes.name, reads.name, len(got))
					}
				}
			}
			env := append(os.Environ(), k.environ()...)
			command{env: env}.must(t, program(), "keygen", "--check", "--sk", k.secret, "--pk", k.public)
		})
	}
}
