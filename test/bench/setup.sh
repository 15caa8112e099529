#!/usr/bin/env bash
# Installs what make bench compares with. What can't be installed is left out, and the tables say so.
set -uo pipefail

repo=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")
bin=$repo/.testdata/bin
venv=$repo/.testdata/bench-venv
rclone=v1.76.0
python_peers=(crypt4ghfs==1.2 crypt4gh==1.5 pynacl)
packages=(s3fs fastqc python3-venv python3-dev gcc pkg-config libfuse3-dev)

# try WHAT COMMAND... runs a command and says when it fails.
try() {
  local what=$1 log
  shift
  log=$(mktemp)
  "$@" >"$log" 2>&1 || {
    echo "test/bench/setup.sh: $what isn't there: $(tail -n 1 "$log")" >&2
  }
  rm -f "$log"
}

as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo)
missing=()
for p in "${packages[@]}"; do
  dpkg-query -W -f='${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "installing ${missing[*]}"
  try "apt-get update" "${as_root[@]}" apt-get update -qq
  for p in "${missing[@]}"; do
    try "$p" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$p"
  done
fi

if [ ! -x "$bin/rclone" ]; then
  echo "installing rclone $rclone in .testdata/bin, which takes some minutes"
  try rclone env GOBIN="$bin" go install -ldflags "-X github.com/rclone/rclone/fs.VersionSuffix=" "github.com/rclone/rclone@$rclone"
fi

if [ "$(cat "$venv/.peers" 2>/dev/null)" != "${python_peers[*]}" ]; then
  echo "installing ${python_peers[*]} in .testdata/bench-venv"
  rm -rf "$venv"
  try "virtual environment" /usr/bin/python3 -m venv "$venv"
  try crypt4ghfs "$venv/bin/pip" install -q --disable-pip-version-check "${python_peers[@]}"
  [ -x "$venv/bin/crypt4ghfs" ] && echo "${python_peers[*]}" >"$venv/.peers"
fi
exit 0
