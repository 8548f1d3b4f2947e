#!/usr/bin/env bash
# Do a peer and Cairn load each other's files? Data of all types is written by one as a dump and as
# an append-only directory, loaded by the other, and DEBUG DIGEST of both compared, both ways.
#
#   files.sh CAIRN PEER [rdb-version]
#
# CAIRN is a cairn-server binary, PEER a redis-server or valkey-server of version 7.0 or newer;
# rdb-version is what Cairn is to write, 10 for Redis 7.0 (default 11). Needs redis-cli and two free
# ports from PORT on (default 7900). Prints a line for each direction and file; the exit status is 1
# when one is different. Run by hand: peers are not part of the tree.
set -euo pipefail
cairn=$(realpath "${1:?cairn-server}") peer=$(realpath -s "${2:?redis-server of a peer}") version=${3:-11}
port=${PORT:-7900} work=$(mktemp -d) failed=0 pids=()
trap 'for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || true; done; rm -rf "$work"' EXIT

# start BINARY PORT DIR [option ...]: starts a server and waits until it has loaded.
start() {
  local binary=$1 at=$2 dir=$3; shift 3
  mkdir -p "$dir"
  "$binary" --port "$at" --dir "$dir" --save '' --enable-debug-command yes "$@" >"$dir/log" 2>&1 &
  pids+=($!)
  for _ in $(seq 200); do
    [ "$(redis-cli -p "$at" ping 2>/dev/null)" = PONG ] && return
    sleep 0.1
  done
  echo "$binary did not start:"; tail -3 "$dir/log"; return 1
}

stop() { redis-cli -p "$1" shutdown nosave >/dev/null 2>&1 || true; sleep 0.3; }

# fill PORT: keys of all types in all their encodings.
fill() {
  local cli="redis-cli -p $1"
  $cli debug populate 1000 >/dev/null
  {
    echo "set expiring v ex 100000"; echo "select 3"; echo "set other-database v"; echo "select 0"
    echo "set integer 12345"; echo "set long $(head -c 5000 /dev/zero | tr '\0' y)"
    echo "setbit bits 1000 1"; echo "pfadd hll a b c d"; echo "geoadd geo 13.3 38.1 p"
    echo "rpush list a b c 1 2 -70000"; echo "sadd integers 1 2 300"; echo "sadd set a b c 1"
    echo "zadd zset 1 a 2.5 b inf c"; echo "hset hash a 1 b 2"
    for i in $(seq 600); do
      echo "rpush large-list e$i-$(head -c 30 /dev/zero | tr '\0' x)"
      echo "sadd large-set m$i"; echo "zadd large-zset $i.5 m$i"; echo "hset large-hash f$i v$i"
      echo "xadd stream $i-1 f $i g x"
    done
    echo "xdel stream 7-1"; echo "xgroup create stream g 0"
    echo "xreadgroup group g c1 count 5 streams stream >"
    echo "xreadgroup group g c2 count 3 streams stream >"; echo "xack stream g 1-1"
  } | $cli >/dev/null
}

# compare WHAT A B
compare() {
  if [ "$2" = "$3" ]; then echo "equal      $1"; else echo "DIFFERENT  $1: $2 $3"; failed=1; fi
}

digest() { redis-cli -p "$1" debug digest 2>/dev/null || echo "no answer"; }

# way NAME WRITER READER options-of-writer ...
way() {
  local name=$1 writer=$2 reader=$3 a b; shift 3
  start "$writer" "$port" "$work/$name-a" "$@"
  fill "$port"
  redis-cli -p "$port" save >/dev/null
  a=$(digest "$port")
  stop "$port"
  mkdir -p "$work/$name-b"; cp "$work/$name-a/dump.rdb" "$work/$name-b/"
  start "$reader" $((port + 1)) "$work/$name-b" || true
  b=$(digest $((port + 1)))
  compare "$name, dump" "$a" "$b"
  stop $((port + 1))

  start "$writer" "$port" "$work/$name-c" --appendonly yes "$@"
  fill "$port"
  redis-cli -p "$port" bgrewriteaof >/dev/null
  sleep 2
  redis-cli -p "$port" rpush list later >/dev/null
  redis-cli -p "$port" spop large-set 5 >/dev/null
  a=$(digest "$port")
  redis-cli -p "$port" config set appendfsync always >/dev/null
  stop "$port"
  mkdir -p "$work/$name-d"; cp -r "$work/$name-c/appendonlydir" "$work/$name-d/"
  start "$reader" $((port + 1)) "$work/$name-d" --appendonly yes || true
  b=$(digest $((port + 1)))
  compare "$name, append-only directory" "$a" "$b"
  stop $((port + 1))
}

way "from Cairn" "$cairn" "$peer" --rdb-version "$version"
way "from the peer" "$peer" "$cairn"
exit $failed
