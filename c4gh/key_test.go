package c4gh

import (
	"bytes"
	"crypto/ecdh"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

const (
	refPassphrase = "correct horse"
	sshPassphrase = "ssh passphrase"
)

func loadPublic(t testing.TB, name string) PublicKey {
	t.Helper()
	k, err := ParsePublicKey(testdata(t, "keys/"+name))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestSecretKeyFiles reads every kind of file, locked ones with the right passphrase, a wrong, an empty and none.
func TestSecretKeyFiles(t *testing.T) {
	ref, ssh := loadPublic(t, "ref.pub"), loadPublic(t, "ssh.pub-as-c4gh")
	for _, c := range []struct {
		file, passphrase string
		public           PublicKey
		comment          string
	}{
		{"ref-scrypt.sec", refPassphrase, ref, "a comment"},
		{"ref-bcrypt.sec", refPassphrase, ref, ""},
		{"ref-pbkdf2.sec", refPassphrase, ref, ""},
		{"ref-none.sec", "", ref, ""},
		{"ref-comment.sec", "", ref, "a comment"},
		{"bare.sec", "", ref, ""},
		{"ssh-none", "", ssh, "throw-away"},
		{"ssh-aes128-ctr", sshPassphrase, ssh, "throw-away"},
		{"ssh-aes192-ctr", sshPassphrase, ssh, "throw-away"},
		{"ssh-aes256-ctr", sshPassphrase, ssh, "throw-away"},
		{"ssh-aes128-cbc", sshPassphrase, ssh, "throw-away"},
		{"ssh-aes192-cbc", sshPassphrase, ssh, "throw-away"},
		{"ssh-aes256-cbc", sshPassphrase, ssh, "throw-away"},
		{"ssh-3des-cbc", sshPassphrase, ssh, "throw-away"},
		{"openssl-x25519.pem", "", loadPublic(t, "openssl-x25519.pub.pem"), ""},
		{"openssl-ed25519.pem", "", loadPublic(t, "openssl-ed25519.pub.pem"), ""},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			data, calls := testdata(t, "keys/"+c.file), 0
			k, err := ParseSecretKey(data, password(c.passphrase, &calls))
			if err != nil {
				t.Fatal(err)
			}
			if k.Public() != c.public || k.Comment() != c.comment {
				t.Errorf("it is %v with comment %q", k, k.Comment())
			}
			if want := min(len(c.passphrase), 1); calls != want {
				t.Errorf("asked %d times for the passphrase, want %d", calls, want)
			}
			// One of OpenSSH's ciphers stands for the others: each try costs a slow derivation.
			if strings.HasPrefix(c.file, "ref-") && c.passphrase != "" || c.file == "ssh-aes256-ctr" {
				testLocked(t, data)
			}
		})
	}
}

// testLocked tries to get at a locked key without its passphrase.
func testLocked(t *testing.T, data []byte) {
	for _, wrong := range []string{"wrong", ""} {
		calls := 0
		if _, err := ParseSecretKey(data, password(wrong, &calls)); !errors.Is(err, ErrPassphrase) || calls != 1 {
			t.Errorf("passphrase %q: %v after %d calls", wrong, err, calls)
		}
	}
	if _, err := ParseSecretKey(data, nil); !errors.Is(err, ErrPassphrase) {
		t.Errorf("no passphrase: %v", err)
	}
	gone := errors.New("the terminal is gone")
	_, err := ParseSecretKey(data, func() ([]byte, error) { return nil, gone })
	if !errors.Is(err, ErrPassphrase) || !errors.Is(err, gone) {
		t.Errorf("failing prompt: %v", err)
	}
}

func TestSecretKeysThatAreRefused(t *testing.T) {
	never := func() ([]byte, error) {
		t.Error("asked for a passphrase in vain")
		return []byte("x"), nil
	}
	files := []string{"ref.pub", "ssh-none.pub", "ssh-ecdsa", "ssh-ecdsa.pub", "ssh-aes256-gcm", "ssh-chacha20-poly1305",
		"openssl-x25519.pub.pem", "openssl-p256.pem", "openssl-locked.pem"}
	for _, f := range files {
		if k, err := ParseSecretKey(testdata(t, "keys/"+f), never); !errors.Is(err, ErrNotKey) {
			t.Errorf("%s: %v, %v", f, k, err)
		}
	}
	for name, data := range map[string][]byte{
		"empty":          nil,
		"text":           []byte("this text has exactly 32 letters"),
		"too large":      bytes.Repeat([]byte("A"), maxKeyFile+1),
		"no end":         []byte("-----BEGIN X-----\nAAAA\n"),
		"no base64":      []byte("-----BEGIN X-----\n****\n-----END X-----\n"),
		"nothing":        []byte("-----BEGIN X-----\n-----END X-----\n"),
		"31 bytes":       encodeArmour("X", make([]byte, 31)),
		"33 bytes":       encodeArmour("X", make([]byte, 33)),
		"unknown KDF":    lockedFile("argon2", 1, 16, cipherChaCha, lockedSize),
		"no KDF":         encodeArmour("X", append([]byte(magicC4GH), "\x00\x04none\x00\x11chacha20_poly1305\x00\x00"...)),
		"unknown cipher": lockedFile(kdfScrypt, 0, 16, "aes", lockedSize),
		"short blob":     lockedFile(kdfScrypt, 0, 16, cipherChaCha, lockedSize-1),
		"clear, short":   lockedFile(kdfScrypt, 0, 16, cipherNone, 31),
		"no rounds":      lockedFile(kdfBcrypt, 0, 16, cipherChaCha, lockedSize),
		"many rounds":    lockedFile(kdfBcrypt, maxBcryptRounds+1, 16, cipherChaCha, lockedSize),
		"PBKDF2 rounds":  lockedFile(kdfPBKDF2, maxPBKDF2Rounds+1, 16, cipherChaCha, lockedSize),
		"all the rounds": lockedFile(kdfPBKDF2, 1<<32-1, 16, cipherChaCha, lockedSize),
		"no salt":        lockedFile(kdfBcrypt, 1, 0, cipherChaCha, lockedSize),
	} {
		if k, err := ParseSecretKey(data, never); !errors.Is(err, ErrNotKey) {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}

// lockedFile makes a key file of well-formed parts.
func lockedFile(kdf string, rounds uint32, salt int, cipher string, blob int) []byte {
	options := append([]byte{byte(rounds >> 24), byte(rounds >> 16), byte(rounds >> 8), byte(rounds)}, make([]byte, salt)...)
	b := appendString16(appendString16([]byte(magicC4GH), kdf), options)
	return encodeArmour("X", appendString16(appendString16(b, cipher), make([]byte, blob)))
}

// TestCutKeyFiles cuts key files at every byte: an error each time, until only the comment is missing.
func TestCutKeyFiles(t *testing.T) {
	for _, f := range []string{"ref-comment.sec", "ref-pbkdf2.sec", "ssh-none", "ssh-3des-cbc", "openssl-x25519.pem"} {
		label, raw, err := decodeArmour(testdata(t, "keys/"+f))
		if err != nil {
			t.Fatal(err)
		}
		end := len(raw)
		if f == "ref-comment.sec" {
			end -= len("a comment") + 2
		}
		for n := range end {
			calls := 0
			if k, err := ParseSecretKey(encodeArmour(label, raw[:n]), password("x", &calls)); err == nil && n != keySize {
				t.Errorf("%s cut at %d: %v", f, n, k)
			}
		}
	}
}

func TestArmourIsReadAsItComes(t *testing.T) {
	raw := bytes.Repeat([]byte{7}, keySize)
	packed := base64.StdEncoding.EncodeToString(raw)
	for name, text := range map[string]string{
		"wrapped":      "-----BEGIN A KEY-----\n" + packed[:10] + "\n" + packed[10:] + "\n-----END A KEY-----\n",
		"CRLF":         "-----BEGIN A KEY-----\r\n" + packed + "\r\n-----END A KEY-----\r\n",
		"indented":     "\n\n-----BEGIN A KEY-----\n\n  " + packed + "  \n\n-----END A KEY-----",
		"other labels": "-----BEGIN B-----\n" + packed + "\n-----END C-----",
		"raw":          string(raw),
	} {
		k, err := ParseSecretKey([]byte(text), nil)
		if err != nil || !bytes.Equal(k.dh.Bytes(), raw) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPublicKeyFiles(t *testing.T) {
	if got, want := loadPublic(t, "ssh-none.pub"), loadPublic(t, "ssh.pub-as-c4gh"); got != want {
		t.Errorf("%v from OpenSSH, %v from the reference", got, want)
	}
	ref := loadPublic(t, "ref.pub")
	if got, err := ParsePublicKey(ref.Marshal()); err != nil || got != ref {
		t.Errorf("%v, %v", got, err)
	}
	if want := testdata(t, "keys/ref.pub"); !bytes.Equal(ref.Marshal(), want) {
		t.Errorf("%s is not as the reference writes it, %s", ref.Marshal(), want)
	}
}

func TestPublicKeysThatAreRefused(t *testing.T) {
	files := []string{"ref-none.sec", "bare.sec", "ref-scrypt.sec", "ssh-none", "ssh-ecdsa.pub", "openssl-p256.pub.pem",
		"openssl-x25519.pem"}
	for _, f := range files {
		if k, err := ParsePublicKey(testdata(t, "keys/"+f)); !errors.Is(err, ErrNotKey) {
			t.Errorf("%s: %v, %v", f, k, err)
		}
	}
	for name, data := range map[string][]byte{
		"empty":        nil,
		"31 bytes":     encodeArmour("CRYPT4GH PUBLIC KEY", make([]byte, 31)),
		"too large":    bytes.Repeat([]byte("A"), maxKeyFile+1),
		"ssh alone":    []byte("ssh-ed25519"),
		"ssh garbage":  []byte("ssh-ed25519 ****"),
		"ssh cut":      []byte("ssh-ed25519 " + base64.StdEncoding.EncodeToString([]byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"))),
		"ssh, y = 1":   sshLine("0100000000000000000000000000000000000000000000000000000000000000"),
		"ssh, y = -1":  sshLine("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"ssh, y = p":   sshLine("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
		"ssh, y = 0":   sshLine("0000000000000000000000000000000000000000000000000000000000000000"),
		"ssh no point": sshLine("0200000000000000000000000000000000000000000000000000000000000000"),
	} {
		if k, err := ParsePublicKey(data); !errors.Is(err, ErrNotKey) {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
	for _, low := range lowOrder(t) {
		if k, err := ParsePublicKey(low.Marshal()); !errors.Is(err, ErrNotKey) {
			t.Errorf("%v, %v", k, err)
		}
	}
}

func sshLine(point string) []byte {
	raw, _ := hex.DecodeString(point)
	raw = append([]byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"), raw...)
	return []byte("ssh-ed25519 " + base64.StdEncoding.EncodeToString(raw) + " comment\n")
}

// lowOrder are the encodings of points of low order on curve25519 and its twist, those that aren't canonical included.
func lowOrder(t *testing.T) []PublicKey {
	var keys []PublicKey
	for _, s := range []string{
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	} {
		b, err := hex.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		k := PublicKey(b)
		keys = append(keys, k)
		k[31] |= 128 // the bit that X25519 ignores
		keys = append(keys, k)
	}
	return keys
}

// TestEd25519Conversion compares both ways from an Ed25519 key to an X25519 public key.
func TestEd25519Conversion(t *testing.T) {
	secret, public := loadKey(t, "openssl-ed25519.pem"), loadPublic(t, "openssl-ed25519.pub.pem")
	if secret.Public() != public {
		t.Errorf("%v from the seed, %v from the point", secret.Public(), public)
	}
}

func TestSecretKeyRoundTrip(t *testing.T) {
	k := newKey(t)
	for _, o := range []KeyOptions{
		{}, {Comment: "me@here"}, {Passphrase: []byte("x")}, {Passphrase: []byte("x"), Comment: strings.Repeat("c", 65535)},
	} {
		data, err := k.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.HasPrefix(data, []byte("-----BEGIN CRYPT4GH PRIVATE KEY-----\n")) {
			t.Errorf("%s", data)
		}
		calls := 0
		got, err := ParseSecretKey(data, password("x", &calls))
		if err != nil || got.Public() != k.Public() || got.Comment() != o.Comment || calls != len(o.Passphrase) {
			t.Errorf("%v: %v, %v, %d calls", o.Comment, got, err, calls)
		}
	}
	if _, err := k.Marshal(KeyOptions{Comment: strings.Repeat("c", 65536)}); err == nil {
		t.Error("a comment of 65536 bytes was taken")
	}
}

// TestMarshalAsReference: an unlocked key is written byte by byte as the reference does.
func TestMarshalAsReference(t *testing.T) {
	for file, comment := range map[string]string{"ref-none.sec": "", "ref-comment.sec": "a comment"} {
		got, err := loadKey(t, file).Marshal(KeyOptions{Comment: comment})
		if want := testdata(t, "keys/"+file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestSecretKeyNeverShows(t *testing.T) {
	raw := bytes.Repeat([]byte("k3y!"), 8)
	k, err := ParseSecretKey(encodeArmour("X", raw), nil)
	if err != nil {
		t.Fatal(err)
	}
	data := newDataKeyT(t)
	copy(data.raw[:], raw)
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("x", "key", k, "copy", *k, "data", *data, "pointer", data)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&out, verb+verb+verb+verb, k, *k, data, *data)
		fmt.Fprintf(&out, verb, []any{k, *k, data, *data, struct{ K *SecretKey }{k}})
	}
	for _, secret := range []string{"k3y!", hex.EncodeToString(raw[:4]), "6B337921", base64.StdEncoding.EncodeToString(raw)[:8],
		"107 51 121 33", "107,51,121"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is shown", secret)
		}
	}
	if !strings.Contains(out.String(), k.Public().String()) {
		t.Error("the public key isn't shown")
	}
}

func TestWipedKey(t *testing.T) {
	k := newKey(t)
	object := build(t, k, parts{})
	k.Wipe()
	if _, err := k.Marshal(KeyOptions{}); err == nil {
		t.Error("a wiped key was written")
	}
	if _, err := openByHand(object, []*SecretKey{k}); !errors.Is(err, ErrNoKey) {
		t.Errorf("a wiped key opens: %v", err)
	}
	if _, err := NewHeader(HeaderOptions{Writer: k, Recipients: []PublicKey{k.Public()}, DataKeys: []*DataKey{newDataKeyT(t)}}); err == nil {
		t.Error("a wiped key writes")
	}
}

// TestPublicIsOfSecret checks against crypto/ecdh alone.
func TestPublicIsOfSecret(t *testing.T) {
	dh, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{9}, keySize))
	if err != nil {
		t.Fatal(err)
	}
	k, err := newSecretKey(dh.Bytes())
	if err != nil || !bytes.Equal(dh.PublicKey().Bytes(), k.public[:]) {
		t.Errorf("%v, %v", k, err)
	}
}
