#!/usr/bin/env bash
# Stops what test/ceph/up.sh started in $CEPH_DIR and removes the directory. Only processes whose recorded id, name and
# configuration agree are ended. The data is thrown away anyway, so nothing waits for an orderly stop.
set -uo pipefail

: "${CEPH_DIR:?set CEPH_DIR to the directory that up.sh used}"

stop() { # file with the process id, name of the program
  local pid
  [ -s "$1" ] || return 0
  pid=$(cat "$1")
  grep -q "^$2" "/proc/$pid/comm" 2>/dev/null || return 0
  tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qxF "CEPH_CONF=$CEPH_DIR/ceph.conf" || return 0
  kill -KILL "$pid"
  for _ in $(seq 500); do
    grep -qs '^State:[[:space:]]*[^ZX[:space:]]' "/proc/$pid/status" || return 0
    sleep 0.02
  done
  echo "$2 ($pid) does not end" >&2
  return 1
}

ok=0
stop "$CEPH_DIR/rgw.pid" radosgw || ok=1
stop "$CEPH_DIR/keystone.pid" fakekeystone || ok=1
stop "$CEPH_DIR/osd.pid" ceph-osd || ok=1
stop "$CEPH_DIR/mon.pid" ceph-mon || ok=1
rm -rf "$CEPH_DIR"
exit $ok
