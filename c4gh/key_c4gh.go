package c4gh

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/dchest/bcrypt_pbkdf"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/scrypt"
)

// The key file of the Crypt4GH reference tool, in big-endian integers; a string is a length of 2 bytes and its bytes:
//
//	"c4gh-v1" | string KDF | string (rounds 4 | salt), unless the KDF is "none" | string cipher | string blob
//	          | string comment, perhaps
//
// The blob is the key, or nonce 12 | ChaCha20-Poly1305 of the key with its tag.
const (
	magicC4GH = "c4gh-v1"

	kdfNone   = "none"
	kdfScrypt = "scrypt"
	kdfBcrypt = "bcrypt"
	kdfPBKDF2 = "pbkdf2_hmac_sha256"

	cipherNone   = "none"
	cipherChaCha = "chacha20_poly1305"

	saltSize   = 16                            // bytes, in new keys
	lockedSize = nonceSize + keySize + tagSize // bytes of a locked blob
	scryptN    = 1 << 14
	scryptR    = 8
	scryptP    = 1

	// What a key file may ask for: 100 and 100000 rounds are usual, and these take some seconds.
	maxBcryptRounds = 10_000
	maxPBKDF2Rounds = 10_000_000
)

// kdf is a key derivation function with what the file says about it.
type kdf struct {
	name   string
	rounds uint32
	salt   []byte
}

// check refuses what can't be derived, or only in too long a time, before anybody is asked for a passphrase.
func (f kdf) check() error {
	limit := uint32(math.MaxUint32)
	switch f.name {
	case kdfScrypt:
		return nil
	case kdfBcrypt:
		limit = maxBcryptRounds
	case kdfPBKDF2:
		limit = maxPBKDF2Rounds
	default:
		return notKey("unknown key derivation function %.40q", f.name)
	}
	if f.rounds == 0 || f.rounds > limit {
		return notKey("%d rounds of %s, not 1 to %d", f.rounds, f.name, limit)
	}
	if len(f.salt) == 0 {
		return notKey("%s without a salt", f.name)
	}
	return nil
}

// derive returns size bytes.
func (f kdf) derive(passphrase []byte, size int) ([]byte, error) {
	switch f.name {
	case kdfScrypt:
		return scrypt.Key(passphrase, f.salt, scryptN, scryptR, scryptP, size)
	case kdfBcrypt:
		return bcrypt_pbkdf.Key(passphrase, f.salt, int(f.rounds), size)
	case kdfPBKDF2:
		return pbkdf2.Key(sha256.New, string(passphrase), f.salt, int(f.rounds), size)
	}
	return nil, notKey("unknown key derivation function %.40q", f.name)
}

// unlock asks for the passphrase and derives size bytes from it.
func (f kdf) unlock(passphrase func() ([]byte, error), size int) ([]byte, error) {
	if passphrase == nil {
		return nil, fmt.Errorf("%w: the key is locked", ErrPassphrase)
	}
	p, err := passphrase()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPassphrase, err)
	}
	if len(p) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrPassphrase)
	}
	return f.derive(p, size)
}

// c4ghKey is a key file taken apart.
type c4ghKey struct {
	kdf     kdf
	cipher  string
	blob    []byte
	comment string
}

// parseC4GH reads a key file behind its magic.
func parseC4GH(b []byte, passphrase func() ([]byte, error)) (*SecretKey, error) {
	f, err := splitC4GH(b)
	if err != nil {
		return nil, err
	}
	raw, err := f.open(passphrase)
	if err != nil {
		return nil, err
	}
	k, err := newSecretKey(raw)
	if err == nil {
		k.comment = f.comment
	}
	return k, err
}

func splitC4GH(b []byte) (*c4ghKey, error) {
	var f c4ghKey
	name, b, ok := cutString16(b)
	if f.kdf.name = string(name); ok && f.kdf.name != kdfNone {
		var options []byte
		options, b, ok = cutString16(b)
		if ok = ok && len(options) >= 4; ok {
			f.kdf.rounds, f.kdf.salt = binary.BigEndian.Uint32(options), options[4:]
		}
	}
	if !ok {
		return nil, notKey("cut inside the key derivation function")
	}
	cipher, b, ok := cutString16(b)
	if !ok {
		return nil, notKey("cut inside the cipher")
	}
	f.cipher = string(cipher)
	if f.blob, b, ok = cutString16(b); !ok {
		return nil, notKey("cut inside the key")
	}
	// The comment is of no consequence, so a damaged one is no reason to refuse the key.
	if comment, _, ok := cutString16(b); ok {
		f.comment = string(comment)
	}
	return &f, nil
}

// open returns the 32 bytes of the key.
func (f *c4ghKey) open(passphrase func() ([]byte, error)) ([]byte, error) {
	if f.cipher == cipherNone {
		if len(f.blob) != keySize {
			return nil, notKey("a key of %d bytes, not %d", len(f.blob), keySize)
		}
		return append([]byte(nil), f.blob...), nil
	}
	switch {
	case f.cipher != cipherChaCha:
		return nil, notKey("unknown cipher %.40q", f.cipher)
	case f.kdf.name == kdfNone:
		return nil, notKey("locked, but without a key derivation function")
	case len(f.blob) != lockedSize:
		return nil, notKey("a locked key of %d bytes, not %d", len(f.blob), lockedSize)
	}
	if err := f.kdf.check(); err != nil {
		return nil, err
	}
	derived, err := f.kdf.unlock(passphrase, chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	defer clear(derived)
	aead, err := chacha20poly1305.New(derived)
	if err != nil {
		return nil, err
	}
	raw, err := aead.Open(nil, f.blob[:nonceSize], f.blob[nonceSize:], nil)
	if err != nil {
		return nil, ErrPassphrase
	}
	return raw, nil
}

// cutString16 takes a string with a length of 2 bytes off b.
func cutString16(b []byte) (s, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, b, false
	}
	n := int(binary.BigEndian.Uint16(b))
	if b = b[2:]; len(b) < n {
		return nil, b, false
	}
	return b[:n], b[n:], true
}

func appendString16[S string | []byte](b []byte, s S) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// KeyOptions say how to write a secret key.
type KeyOptions struct {
	// Passphrase locks the key with scrypt; empty leaves it unlocked.
	Passphrase []byte
	// Comment is stored beside the key in clear, at most 65535 bytes; empty for none.
	Comment string
}

// Marshal returns the key as a key file of the reference tool. Whoever holds the result should clear it after use.
func (k *SecretKey) Marshal(o KeyOptions) ([]byte, error) {
	if k.dh == nil {
		return nil, errors.New("the secret key has been wiped")
	}
	if len(o.Comment) > math.MaxUint16 {
		return nil, fmt.Errorf("a comment of %d bytes, more than %d", len(o.Comment), math.MaxUint16)
	}
	raw := k.dh.Bytes()
	defer clear(raw)
	b := make([]byte, 0, 256+len(o.Comment)) // enough, so that no copy of the key is left behind
	b = append(b, magicC4GH...)
	if len(o.Passphrase) == 0 {
		b = appendString16(appendString16(appendString16(b, kdfNone), cipherNone), raw)
	} else {
		var err error
		if b, err = appendLocked(b, raw, o.Passphrase); err != nil {
			return nil, err
		}
	}
	if o.Comment != "" {
		b = appendString16(b, o.Comment)
	}
	defer clear(b)
	return encodeArmour("CRYPT4GH PRIVATE KEY", b), nil
}

// appendLocked appends KDF, cipher and blob of a key that is locked with scrypt.
func appendLocked(b, raw, passphrase []byte) ([]byte, error) {
	options := make([]byte, 4+saltSize) // scrypt's rounds are 0
	blob := make([]byte, nonceSize, lockedSize)
	if _, err := rand.Read(options[4:]); err != nil {
		return nil, err
	}
	if _, err := rand.Read(blob); err != nil {
		return nil, err
	}
	derived, err := kdf{name: kdfScrypt, salt: options[4:]}.derive(passphrase, chacha20poly1305.KeySize)
	if err != nil {
		return nil, err
	}
	defer clear(derived)
	aead, err := chacha20poly1305.New(derived)
	if err != nil {
		return nil, err
	}
	blob = aead.Seal(blob, blob, raw, nil)
	b = appendString16(appendString16(b, kdfScrypt), options)
	return appendString16(appendString16(b, cipherChaCha), blob), nil
}
