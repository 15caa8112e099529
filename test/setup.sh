#!/usr/bin/env bash
# Installs what the tests need and a Debian or Ubuntu machine may lack. Quick when nothing is missing.
#
#   test/setup.sh          tools for make test, make demo
#   test/setup.sh --ceph   also the packages for make test-ceph
set -euo pipefail

packages="make git gcc libc6-dev fuse3 samtools bcftools tabix samtools-test htslib-test attr curl python3 python3-venv"
[ "${1:-}" = --ceph ] && packages="$packages radosgw ceph-mon ceph-osd ceph-common python3-swiftclient s3cmd rclone"
repo=$(dirname "$(dirname "$(readlink -f "$0")")")
venv=$repo/.venv
reference=crypt4gh==1.8.6

missing=()
for p in $packages; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done

if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
      echo "test/setup.sh: run as root, or install: ${missing[*]}" >&2
      exit 1
    }
    as_root=(sudo)
  fi
  echo "installing ${missing[*]}"
  log=$(mktemp)
  { "${as_root[@]}" apt-get update -qq &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
  } >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    echo "test/setup.sh: apt-get could not install ${missing[*]}" >&2
    exit 1
  }
  rm -f "$log"
fi

# The reference implementation of Crypt4GH, in a virtual environment of its own.
if [ "$(cat "$venv/.reference" 2>/dev/null)" != "$reference" ]; then
  echo "installing $reference in .venv"
  rm -rf "$venv"
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check "$reference"
  echo "$reference" >"$venv/.reference"
fi

if [ ! -r /dev/fuse ] || [ ! -w /dev/fuse ]; then
  echo "test/setup.sh: /dev/fuse can't be opened by $(id -un): mounts will fail" >&2
  exit 1
fi
