"""Keys and objects by the reference tool's own functions; run by make.sh."""
import base64, io, os
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from crypt4gh import header, lib, sodium
from crypt4gh.keys import c4gh, get_private_key, get_public_key, kdf

PASSPHRASE = b'correct horse'


def armour(path, label, raw):
    with open(path, 'wb') as f:
        f.write(b'-----BEGIN %s-----\n%s\n-----END %s-----\n' % (label, base64.b64encode(raw), label))


def locked(sk, name, rounds):
    salt, nonce = os.urandom(16), os.urandom(12)
    key = kdf.derive_key(name, PASSPHRASE, salt, rounds)
    s = c4gh.encode_string
    return (c4gh.MAGIC_WORD + s(name) + s(rounds.to_bytes(4, 'big') + salt) + s(b'chacha20_poly1305')
            + s(nonce + ChaCha20Poly1305(key).encrypt(nonce, sk, None)))


def plaintext(n):
    """The same bytes as the tests' pattern function makes."""
    return bytes((i * 7 + (i >> 8) * 13 + (i >> 16) * 31) & 255 for i in range(n))



c4gh.generate('keys/ref-scrypt.sec', 'keys/ref.pub', PASSPHRASE, b'a comment')
sk = get_private_key('keys/ref-scrypt.sec', lambda: PASSPHRASE.decode())
for name, comment, password in (('none', None, None), ('comment', b'a comment', None)):
    armour('keys/ref-%s.sec' % name, b'CRYPT4GH PRIVATE KEY', c4gh.encode_private_key(sk, password, comment))
armour('keys/ref-bcrypt.sec', b'CRYPT4GH ENCRYPTED PRIVATE KEY', locked(sk, b'bcrypt', 100))
armour('keys/ref-pbkdf2.sec', b'ENCRYPTED PRIVATE KEY', locked(sk, b'pbkdf2_hmac_sha256', 100000))
armour('keys/bare.sec', b'CRYPT4GH PRIVATE KEY', sk)
armour('keys/ssh.pub-as-c4gh', b'CRYPT4GH PUBLIC KEY', get_public_key('keys/ssh-none.pub'))

ref, sshpub = get_public_key('keys/ref.pub'), get_public_key('keys/ssh-none.pub')
writer = os.urandom(32)
armour('keys/writer.pub', b'CRYPT4GH PUBLIC KEY', sodium.derive_pk(writer))


def save(name, make):
    with open('objects/' + name, 'wb') as f:
        make(f)


for n in (0, 1, 65535, 65536, 65537):
    save('one-%d.c4gh' % n, lambda f: lib.encrypt([(0, writer, ref)], io.BytesIO(plaintext(n)), f))
other = sodium.derive_pk(os.urandom(32))
save('three-1000.c4gh', lambda f: lib.encrypt([(0, writer, k) for k in (other, sshpub, ref)], io.BytesIO(plaintext(1000)), f))
big = io.BytesIO()
lib.encrypt([(0, writer, ref)], io.BytesIO(plaintext(200000)), big)
# Bytes 70000 to 140000 of 200000: the reference's rearrange is right from the second segment on.
save('rearranged.c4gh', lambda f: lib.rearrange([(0, sk, ref)], io.BytesIO(big.getvalue()), f, offset=70000, span=70000))
with open('objects/three-1000.c4gh', 'rb') as three:
    source = three.read()
save('reencrypted-1000.c4gh', lambda f: lib.reencrypt([(0, sk, None)], [(0, sk, sshpub)], io.BytesIO(source), f, trim=True))
