package c4gh

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
)

const keySize = 32 // bytes of a secret or a public key, X25519

// PublicKey is an X25519 public key.
type PublicKey [keySize]byte

// String returns the key in base64, as key files hold it.
func (k PublicKey) String() string { return base64.StdEncoding.EncodeToString(k[:]) }

// Marshal returns the key as a key file.
func (k PublicKey) Marshal() []byte { return encodeArmour("CRYPT4GH PUBLIC KEY", k[:]) }

// check refuses points of low order: with them anybody could open a packet made for the key.
func (k PublicKey) check() error {
	// Any secret key will do, because X25519 clamps it to a multiple of the cofactor (RFC 7748, section 6.1).
	one, err := ecdh.X25519().NewPrivateKey(make([]byte, keySize))
	if err != nil {
		return err
	}
	point, err := ecdh.X25519().NewPublicKey(k[:])
	if err != nil {
		return err
	}
	if _, err := one.ECDH(point); err != nil {
		return notKey("the public key is a point of low order")
	}
	return nil
}

// SecretKey is an X25519 secret key. It never shows its bytes, whatever prints or logs it. Any number of goroutines may
// use it, but for [SecretKey.Wipe].
type SecretKey struct {
	dh      *ecdh.PrivateKey
	public  PublicKey
	comment string
}

var _ slog.LogValuer = (*SecretKey)(nil)

// GenerateKey returns a random secret key.
func GenerateKey() (*SecretKey, error) {
	raw := make([]byte, keySize)
	if _, err := rand.Read(raw); err != nil {
		return nil, err
	}
	return newSecretKey(raw)
}

// newSecretKey takes 32 bytes over and clears them.
func newSecretKey(raw []byte) (*SecretKey, error) {
	defer clear(raw)
	dh, err := ecdh.X25519().NewPrivateKey(raw)
	if err != nil {
		return nil, notKey("a secret key of %d bytes", len(raw))
	}
	return &SecretKey{dh: dh, public: PublicKey(dh.PublicKey().Bytes())}, nil
}

// Public returns the public key that belongs to the secret key.
func (k *SecretKey) Public() PublicKey { return k.public }

// Comment returns the comment of the file the key comes from, which needn't be the key's owner's.
func (k *SecretKey) Comment() string { return k.comment }

// Wipe drops the secret bytes; the key opens and makes nothing any more. No other goroutine may be using it. The bytes
// are gone once their memory is used again: crypto/ecdh keeps its own copy and offers no way to clear it.
func (k *SecretKey) Wipe() { k.dh = nil }

// Format prints the public key, whatever the verb.
func (k SecretKey) Format(f fmt.State, _ rune) { fmt.Fprint(f, k.String()) }

// String names the key by its public key.
func (k SecretKey) String() string { return "[secret key of " + k.public.String() + "]" }

// GoString is String.
func (k SecretKey) GoString() string { return k.String() }

// LogValue is String.
func (k SecretKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// ParseSecretKey reads a secret key file: Crypt4GH's own (c4gh-v1, or the bare 32 bytes), OpenSSH's for ed25519, and
// PKCS#8 for X25519 and Ed25519; armoured or not. The armour's label doesn't matter unless it says PUBLIC.
//
// passphrase is called only if the key is locked, and then once; what it returns stays the caller's to clear.
// The errors are [ErrNotKey] and [ErrPassphrase]; the latter also wraps the error of passphrase.
func ParseSecretKey(data []byte, passphrase func() ([]byte, error)) (*SecretKey, error) {
	if len(data) > maxKeyFile {
		return nil, notKey("%d bytes are too many", len(data))
	}
	if isSSHPublic(data) {
		return nil, notKey("it is a public key")
	}
	label, raw, err := decodeArmour(data)
	if err != nil {
		return nil, err
	}
	if label != "" {
		defer clear(raw)
	}
	switch {
	case hasMagic(raw, magicC4GH):
		return parseC4GH(raw[len(magicC4GH):], passphrase)
	case hasMagic(raw, magicOpenSSH):
		return parseOpenSSH(raw[len(magicOpenSSH):], passphrase)
	case isPublic(label):
		return nil, notKey("it is a public key")
	case len(raw) == keySize:
		return newSecretKey(append([]byte(nil), raw...))
	}
	return parsePKCS8(raw)
}

// ParsePublicKey reads a public key file: Crypt4GH's own, the line of an OpenSSH ed25519 key, or SPKI for X25519 and
// Ed25519. The error is [ErrNotKey], also for what is no point of the curve or one of low order.
func ParsePublicKey(data []byte) (PublicKey, error) {
	if len(data) > maxKeyFile {
		return PublicKey{}, notKey("%d bytes are too many", len(data))
	}
	k, err := parsePublic(data)
	if err != nil {
		return PublicKey{}, err
	}
	return k, k.check()
}

func parsePublic(data []byte) (PublicKey, error) {
	if isSSHPublic(data) {
		return parseSSHPublic(data)
	}
	label, raw, err := decodeArmour(data)
	switch {
	case err != nil:
		return PublicKey{}, err
	case label == "":
		return PublicKey{}, notKey("neither an armour nor an ssh-ed25519 line")
	case isSecret(label), hasMagic(raw, magicC4GH), hasMagic(raw, magicOpenSSH):
		return PublicKey{}, notKey("it is a secret key")
	case len(raw) == keySize:
		return PublicKey(raw), nil
	}
	return parseSPKI(raw)
}
