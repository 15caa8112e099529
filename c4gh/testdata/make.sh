#!/bin/sh
# Makes the keys and objects of this directory anew, with the reference tool, ssh-keygen and openssl.
# Wants a directory for a throw-away Python environment as its argument. All keys are for tests only.
set -eu
cd "$(dirname "$0")"
venv=$1
[ -x "$venv/bin/crypt4gh" ] || { python3 -m venv "$venv" && "$venv/bin/pip" install -q crypt4gh==1.8.6; }
rm -rf keys objects && mkdir keys objects

ssh-keygen -q -t ed25519 -N '' -C 'throw-away' -f keys/ssh-none
for cipher in aes128-ctr aes192-ctr aes256-ctr aes128-cbc aes192-cbc aes256-cbc 3des-cbc \
	aes256-gcm@openssh.com chacha20-poly1305@openssh.com; do
	f=keys/ssh-${cipher%@*}
	cp keys/ssh-none "$f"
	ssh-keygen -q -p -P '' -N 'ssh passphrase' -a 4 -Z "$cipher" -f "$f" >/dev/null
done
ssh-keygen -q -t ecdsa -N '' -C 'throw-away' -f keys/ssh-ecdsa
for kind in X25519 ED25519; do
	f=keys/openssl-$(echo $kind | tr A-Z a-z)
	openssl genpkey -algorithm $kind -out "$f.pem"
	openssl pkey -in "$f.pem" -pubout -out "$f.pub.pem"
done
openssl pkey -in keys/openssl-x25519.pem -aes256 -passout pass:secret -out keys/openssl-locked.pem
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out keys/openssl-p256.pem
openssl pkey -in keys/openssl-p256.pem -pubout -out keys/openssl-p256.pub.pem

"$venv/bin/python" make.py
chmod 0644 keys/* objects/*
