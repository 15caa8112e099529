package c4gh

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/asn1"
)

// parsePKCS8 reads an unlocked secret key in DER (RFC 5958, RFC 8410), as openssl genpkey writes it.
func parsePKCS8(der []byte) (*SecretKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		if lockedPKCS8(der) {
			return nil, notKey("a locked PKCS#8 key (openssl pkey unlocks it)")
		}
		return nil, notKey("no known kind of secret key")
	}
	switch k := key.(type) {
	case *ecdh.PrivateKey:
		if k.Curve() == ecdh.X25519() {
			return newSecretKey(k.Bytes())
		}
	case ed25519.PrivateKey:
		defer clear(k)
		return fromEd25519(k)
	}
	return nil, notKey("a PKCS#8 key, but for neither X25519 nor Ed25519")
}

// lockedPKCS8 tells whether der is an EncryptedPrivateKeyInfo: an algorithm with parameters, and an octet string.
func lockedPKCS8(der []byte) bool {
	var info struct {
		Algorithm struct {
			ID         asn1.ObjectIdentifier
			Parameters asn1.RawValue
		}
		Data []byte
	}
	_, err := asn1.Unmarshal(der, &info)
	return err == nil
}

// parseSPKI reads a public key in DER (RFC 8410), as openssl pkey -pubout writes it.
func parseSPKI(der []byte) (PublicKey, error) {
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return PublicKey{}, notKey("no known kind of public key")
	}
	switch k := key.(type) {
	case *ecdh.PublicKey:
		if k.Curve() == ecdh.X25519() {
			return PublicKey(k.Bytes()), nil
		}
	case ed25519.PublicKey:
		return fromEd25519Public(k)
	}
	return PublicKey{}, notKey("a PEM key, but for neither X25519 nor Ed25519")
}
