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
"$here/up.sh" || exit 1
# shellcheck disable=SC1091
. "$CEPH_DIR/env"
"$@"
