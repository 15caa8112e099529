#!/usr/bin/env bash
# Runs a command while a Ceph object gateway is up, with the variables of its env file, and takes it down afterwards.
#
#   test/ceph/with.sh COMMAND [ARGUMENT ...]
set -uo pipefail

here=$(dirname "$(readlink -f "$0")")
CEPH_DIR=$(mktemp -d /tmp/allasfs-ceph.XXXXXX)
export CEPH_DIR
trap '"$here/down.sh"' EXIT
trap 'exit 130' INT TERM
# free prints the first port from $1 on where nobody listens, so that two runs don't meet.
free() {
  local port=$1
  while (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  echo "$port"
}
export RGW_PORT=${RGW_PORT:-$(free 8780)} MON_PORT=${MON_PORT:-$(free 6890)} KEYSTONE_PORT=${KEYSTONE_PORT:-$(free 8880)}

"$here/up.sh" || exit 1
# shellcheck disable=SC1091
. "$CEPH_DIR/env"
"$@"
