package c4gh

import (
	"crypto/ed25519"
	"crypto/sha512"
	"math/big"
	"slices"
)

// fromEd25519 returns the X25519 key that signs with k: the first half of SHA-512 of the seed, clamped (RFC 8032,
// section 5.1.5, step 2).
func fromEd25519(k ed25519.PrivateKey) (*SecretKey, error) {
	sum := sha512.Sum512(k[:ed25519.SeedSize])
	defer clear(sum[:])
	sum[0] &= 248
	sum[31] = sum[31]&127 | 64
	return newSecretKey(sum[:keySize])
}

// fromEd25519Public maps a point of edwards25519 to curve25519, u = (1+y)/(1−y) (RFC 7748, section 4.1). It refuses what
// is no point. A public key is no secret, so variable time is fine.
func fromEd25519Public(point []byte) (PublicKey, error) {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	encoded := slices.Clone(point)
	encoded[31] &= 127 // the sign of x
	slices.Reverse(encoded)
	y := new(big.Int).SetBytes(encoded)
	one := big.NewInt(1)
	if y.Cmp(p) >= 0 || y.Cmp(one) == 0 || !onEdwards(y, p) {
		return PublicKey{}, notKey("an Ed25519 public key that isn't a point of the curve, or its neutral element")
	}
	u := new(big.Int).Sub(one, y)
	u.ModInverse(u.Mod(u, p), p)
	u.Mul(u, new(big.Int).Add(one, y)).Mod(u, p)
	var k PublicKey
	u.FillBytes(k[:])
	slices.Reverse(k[:])
	return k, nil
}

// onEdwards tells whether there is an x for y on −x² + y² = 1 + dx²y², d = −121665/121666, modulo p.
func onEdwards(y, p *big.Int) bool {
	one := big.NewInt(1)
	y2 := new(big.Int).Mul(y, y)
	// x² = (y²−1)/(dy²+1); multiplied by −121666·−121666, a square: (1−y²)·121666 · (121665y²−121666).
	num := new(big.Int).Mul(new(big.Int).Sub(one, y2), big.NewInt(121666))
	den := new(big.Int).Sub(new(big.Int).Mul(y2, big.NewInt(121665)), big.NewInt(121666))
	return big.Jacobi(num.Mul(num, den).Mod(num, p), p) >= 0
}
