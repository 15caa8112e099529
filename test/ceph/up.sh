#!/usr/bin/env bash
# Starts a Ceph object gateway (RGW: S3 and Swift) of one monitor and one OSD on loopback, for tests. Objects are held
# in memory. No root is needed once the packages are there (test/setup.sh --ceph), and no systemd.
#
#   CEPH_DIR=DIR test/ceph/up.sh     DIR must be short (unix sockets lie in it) and is made by the script
#
# Environment: RGW_PORT (8780), MON_PORT (6890), CEPH_SIZE (4G, the capacity).
# RGW_KEYSTONE=fake starts an identity service as well (test/ceph/fakekeystone, on KEYSTONE_PORT, 8781), which has
# the projects C and D. As on Allas, to the gateway they aren't what local users are: policies name them differently.
# Result: DIR/env, shell variables with the endpoint and the credentials of two projects, A and B; and of C and D.
set -euo pipefail

: "${CEPH_DIR:?set CEPH_DIR to a directory for the state}"
RGW_PORT=${RGW_PORT:-8780} MON_PORT=${MON_PORT:-6890} CEPH_SIZE=${CEPH_SIZE:-4G}
RGW_KEYSTONE=${RGW_KEYSTONE:-} KEYSTONE_PORT=${KEYSTONE_PORT:-8781}
url=http://127.0.0.1:$RGW_PORT keystone=http://127.0.0.1:$KEYSTONE_PORT
here=$(dirname "$(readlink -f "$0")")
mkdir -p "$CEPH_DIR"/{mon,osd,run,log}
export CEPH_CONF=$CEPH_DIR/ceph.conf

# As on Allas: the user id of a project is 32 hex digits, its display name project_NNNNNNN.
a_uid=0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a a_access=CEPHPROJECTA00000001 a_secret=ceph-secret-of-project-a-00000000000001
b_uid=0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b b_access=CEPHPROJECTB00000002 b_secret=ceph-secret-of-project-b-00000000000002
c_uid=0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c c_access=CEPHPROJECTC00000003 c_secret=ceph-secret-of-project-c-00000000000003
d_uid=0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d d_access=CEPHPROJECTD00000004 d_secret=ceph-secret-of-project-d-00000000000004

write_config() {
  cat >"$CEPH_CONF" <<CONF
[global]
fsid = $(cat /proc/sys/kernel/random/uuid)
mon_initial_members = a
mon_host = [v2:127.0.0.1:$MON_PORT]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
ms_bind_ipv6 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
# Without authentication there is no key to encrypt with: radosgw hangs unless the monitor's connections are plain.
ms_mon_client_mode = crc
ms_mon_service_mode = crc
ms_mon_cluster_mode = crc
run_dir = $CEPH_DIR/run
admin_socket = $CEPH_DIR/run/\$name.asok
log_file = $CEPH_DIR/log/\$name.log
crash_dir = $CEPH_DIR/run
# One copy on one OSD, few placement groups.
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pgp_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
# There is nobody to wait for: commit changes of maps at once.
paxos_propose_interval = 0.02
paxos_min_wait = 0.005
[mon]
mon_data = $CEPH_DIR/mon
pid_file = $CEPH_DIR/mon.pid
mon_cluster_log_file = $CEPH_DIR/log/cluster.log
mon_data_avail_crit = 1
mon_data_avail_warn = 1
[osd]
osd_data = $CEPH_DIR/osd
pid_file = $CEPH_DIR/osd.pid
osd_objectstore = memstore
memstore_device_bytes = $CEPH_SIZE
memstore_page_set = false
osd_max_scrubs = 0
[client]
# Without tcp_nodelay small answers wait 40 ms for a delayed ACK.
rgw_frontends = beast endpoint=127.0.0.1:$RGW_PORT tcp_nodelay=1
rgw_dns_name = localhost
rgw_enable_usage_log = false
rgw_swift_account_in_url = true
CONF
  [ -z "$RGW_KEYSTONE" ] || cat >>"$CEPH_CONF" <<CONF
rgw_keystone_url = $keystone
rgw_keystone_api_version = 3
rgw_keystone_admin_user = rgw
rgw_keystone_admin_password = rgw
rgw_keystone_admin_domain = Default
rgw_keystone_admin_project = service
rgw_keystone_accepted_roles = member
rgw_keystone_implicit_tenants = false
rgw_s3_auth_use_keystone = true
rgw_s3_auth_order = local, external
CONF
}

# quietly runs a command and shows the end of what it said only when it fails.
quietly() { "$@" >"$CEPH_DIR/log/last" 2>&1 || { echo "failed: $*" >&2; tail -n 20 "$CEPH_DIR/log/last" >&2; exit 1; }; }

start_mon() {
  local fsid
  fsid=$(awk '/^fsid/ { print $3 }' "$CEPH_CONF")
  quietly monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$MON_PORT]" --enable-all-features "$CEPH_DIR/monmap"
  quietly ceph-mon --mkfs -i a --monmap "$CEPH_DIR/monmap"
  quietly ceph-mon -i a
}

# The pools are made by hand: letting radosgw make them takes several seconds more.
start_osd() {
  local uuid pool
  uuid=$(cat /proc/sys/kernel/random/uuid)
  {
    echo "osd new $uuid"
    for pool in .rgw.root default.rgw.{log,control,meta,buckets.index,buckets.data,buckets.non-ec}; do
      echo "osd pool create $pool 2"
    done
  } >"$CEPH_DIR/setup"
  quietly ceph --connect-timeout 30 <"$CEPH_DIR/setup"
  quietly ceph-osd -i 0 --mkfs --osd-uuid "$uuid"
  quietly ceph-osd -i 0
}

make_project() { # uid, display name, access key, secret key, Swift password
  quietly radosgw-admin user create --uid="$1" --display-name="$2" --access-key="$3" --secret-key="$4"
  quietly radosgw-admin subuser create --uid="$1" --subuser="$1:swift" --access=full --key-type=swift --secret-key="$5"
}

# Project E is carol's as well, and she has no keys for it yet.
start_keystone() {
  (cd "$here/../.." && quietly go build -o "$CEPH_DIR/fakekeystone" ./test/ceph/fakekeystone)
  setsid "$CEPH_DIR/fakekeystone" "127.0.0.1:$KEYSTONE_PORT" "$url" \
    rgw:rgw:07070707070707070707070707070707:service \
    "carol:keystone-pw-c:$c_uid:project_2000003:$c_access:$c_secret" \
    carol:keystone-pw-c:0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e0e:project_2000005 \
    "dave:keystone-pw-d:$d_uid:project_2000004:$d_access:$d_secret" >"$CEPH_DIR/log/keystone.log" 2>&1 </dev/null &
  echo $! >"$CEPH_DIR/keystone.pid"
  for _ in $(seq 100); do
    curl -fsS -o /dev/null --max-time 2 "$keystone/v3" 2>/dev/null && return
    sleep 0.05
  done
  echo "the identity service did not answer on $keystone" >&2
  cat "$CEPH_DIR/log/keystone.log" >&2
  exit 1
}

start_rgw() {
  quietly radosgw -n client.rgw -i rgw --pid-file "$CEPH_DIR/rgw.pid"
  for _ in $(seq 600); do
    curl -fsS -o /dev/null --max-time 2 "$url/" 2>/dev/null && return
    sleep 0.1
  done
  echo "the gateway did not answer on $url" >&2
  tail -n 20 "$CEPH_DIR"/log/client.rgw*.log >&2
  exit 1
}

write_config
start_mon
start_osd
make_project $a_uid project_2000001 $a_access $a_secret swift-a
make_project $b_uid project_2000002 $b_access $b_secret swift-b
[ -z "$RGW_KEYSTONE" ] || start_keystone
start_rgw
cat >"$CEPH_DIR/env" <<ENV
export CEPH_CONF=$CEPH_CONF RGW_URL=$url RGW_SWIFT_AUTH=$url/auth/v1.0
export RGW_A_UID=$a_uid RGW_A_ACCESS=$a_access RGW_A_SECRET=$a_secret RGW_A_SWIFT=swift-a
export RGW_B_UID=$b_uid RGW_B_ACCESS=$b_access RGW_B_SECRET=$b_secret RGW_B_SWIFT=swift-b
ENV
[ -z "$RGW_KEYSTONE" ] || cat >>"$CEPH_DIR/env" <<ENV
export KEYSTONE_URL=$keystone/v3
export RGW_C_UID=$c_uid RGW_C_NAME=project_2000003 RGW_C_ACCESS=$c_access RGW_C_SECRET=$c_secret
export RGW_C_USER=carol RGW_C_PASSWORD=keystone-pw-c
export RGW_D_UID=$d_uid RGW_D_NAME=project_2000004 RGW_D_ACCESS=$d_access RGW_D_SECRET=$d_secret
export RGW_D_USER=dave RGW_D_PASSWORD=keystone-pw-d
ENV
echo "Ceph object gateway on $url, variables in $CEPH_DIR/env"
