package c4gh

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
)

// OpenSSH's key file (PROTOCOL.key in its sources), in big-endian integers; a string is a length of 4 bytes and its
// bytes:
//
//	"openssh-key-v1\0" | string cipher | string KDF | string (string salt | rounds 4) | keys = 1 4
//	                   | string public key | string secret part
//
// The secret part, perhaps encrypted: check 4 | check again 4 | string "ssh-ed25519" | string public key 32
// | string (seed 32 | public key 32) | string comment | padding 1, 2, 3 …
const (
	magicOpenSSH = "openssh-key-v1\x00"
	sshEd25519   = "ssh-ed25519"
)

// sshCipher says how a secret part is encrypted.
type sshCipher struct {
	key   int // bytes
	iv    int // bytes, also of a block
	block func([]byte) (cipher.Block, error)
	ctr   bool // else CBC
}

// newSSHCipher knows the ciphers that the Crypt4GH reference tool reads.
func newSSHCipher(name string) (sshCipher, error) {
	switch name {
	case "aes128-ctr", "aes192-ctr", "aes256-ctr", "aes128-cbc", "aes192-cbc", "aes256-cbc":
		size := map[string]int{"aes128": 16, "aes192": 24, "aes256": 32}[name[:6]]
		return sshCipher{size, aes.BlockSize, aes.NewCipher, strings.HasSuffix(name, "-ctr")}, nil
	case "3des-cbc":
		return sshCipher{24, des.BlockSize, des.NewTripleDESCipher, false}, nil
	}
	return sshCipher{}, notKey("the OpenSSH cipher %.40q is not supported (ssh-keygen -p -Z aes256-ctr changes it)", name)
}

// decrypt returns the plaintext of b. derived is the key and the IV.
func (c sshCipher) decrypt(b, derived []byte) ([]byte, error) {
	block, err := c.block(derived[:c.key])
	if err != nil {
		return nil, err
	}
	iv, plain := derived[c.key:], make([]byte, len(b))
	if c.ctr {
		cipher.NewCTR(block, iv).XORKeyStream(plain, b)
	} else {
		cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, b)
	}
	return plain, nil
}

// parseOpenSSH reads a key file behind its magic.
func parseOpenSSH(b []byte, passphrase func() ([]byte, error)) (*SecretKey, error) {
	cipherName, b, ok1 := cutString32(b)
	kdfName, b, ok2 := cutString32(b)
	options, b, ok3 := cutString32(b)
	if !ok1 || !ok2 || !ok3 || len(b) < 4 {
		return nil, notKey("an OpenSSH key that is cut")
	}
	if n := binary.BigEndian.Uint32(b); n != 1 {
		return nil, notKey("%d OpenSSH keys in one file", n)
	}
	public, b, ok1 := cutString32(b[4:])
	secret, b, ok2 := cutString32(b)
	if !ok1 || !ok2 || len(b) != 0 {
		return nil, notKey("an OpenSSH key that is cut or has something behind it")
	}
	// The type is in clear, so nobody is asked for the passphrase of a key that is no use.
	if kind, _, _ := cutString32(public); string(kind) != sshEd25519 {
		return nil, notKey("an OpenSSH key of type %.40q, not %s", kind, sshEd25519)
	}
	if string(cipherName) == cipherNone && string(kdfName) == kdfNone {
		return parseSSHSecret(secret, notKey("a damaged OpenSSH key"))
	}
	plain, err := decryptSSH(string(cipherName), string(kdfName), options, secret, passphrase)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	return parseSSHSecret(plain, ErrPassphrase)
}

// decryptSSH decrypts a secret part.
func decryptSSH(name, kdfName string, options, secret []byte, passphrase func() ([]byte, error)) ([]byte, error) {
	c, err := newSSHCipher(name)
	if err != nil {
		return nil, err
	}
	if len(secret)%c.iv != 0 {
		return nil, notKey("a secret part of %d bytes", len(secret))
	}
	salt, rest, ok := cutString32(options)
	if !ok || len(rest) != 4 || kdfName != kdfBcrypt {
		return nil, notKey("unknown key derivation of an OpenSSH key")
	}
	f := kdf{name: kdfBcrypt, rounds: binary.BigEndian.Uint32(rest), salt: salt}
	if err := f.check(); err != nil {
		return nil, err
	}
	derived, err := f.unlock(passphrase, c.key+c.iv)
	if err != nil {
		return nil, err
	}
	defer clear(derived)
	return c.decrypt(secret, derived)
}

// parseSSHSecret reads a secret part in clear. mismatch is the error when its check fails.
func parseSSHSecret(b []byte, mismatch error) (*SecretKey, error) {
	if len(b) < 8 || !bytes.Equal(b[:4], b[4:8]) {
		return nil, mismatch
	}
	kind, b, ok1 := cutString32(b[8:])
	_, b, ok2 := cutString32(b)
	secret, b, ok3 := cutString32(b)
	comment, _, ok4 := cutString32(b)
	if !ok1 || !ok2 || !ok3 || !ok4 || string(kind) != sshEd25519 || len(secret) != ed25519.PrivateKeySize {
		return nil, notKey("a damaged OpenSSH key")
	}
	own := ed25519.NewKeyFromSeed(secret[:ed25519.SeedSize])
	defer clear(own)
	if !bytes.Equal(own, secret) {
		return nil, notKey("an OpenSSH key whose halves don't belong together")
	}
	k, err := fromEd25519(own)
	if err == nil {
		k.comment = string(comment)
	}
	return k, err
}

// isSSHPublic tells whether the data is the line of an OpenSSH public key, of whatever type.
func isSSHPublic(data []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(data), []byte("ssh-"))
}

// parseSSHPublic reads the line of an OpenSSH public key: type, base64, comment.
func parseSSHPublic(data []byte) (PublicKey, error) {
	line, _, _ := bytes.Cut(bytes.TrimSpace(data), []byte("\n"))
	fields := bytes.Fields(line)
	if len(fields) < 2 || string(fields[0]) != sshEd25519 {
		return PublicKey{}, notKey("an OpenSSH key of type %.40q, not %s", fields[0], sshEd25519)
	}
	raw, err := base64.StdEncoding.AppendDecode(nil, fields[1])
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: the OpenSSH line: %w", ErrNotKey, err)
	}
	kind, raw, ok1 := cutString32(raw)
	point, raw, ok2 := cutString32(raw)
	if !ok1 || !ok2 || len(raw) != 0 || string(kind) != sshEd25519 || len(point) != ed25519.PublicKeySize {
		return PublicKey{}, notKey("a damaged OpenSSH public key")
	}
	return fromEd25519Public(point)
}

// cutString32 takes a string with a length of 4 bytes off b.
func cutString32(b []byte) (s, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := binary.BigEndian.Uint32(b)
	if b = b[4:]; uint64(len(b)) < uint64(n) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}
