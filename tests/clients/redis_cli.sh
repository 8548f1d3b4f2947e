#!/usr/bin/env bash
# redis-cli's checks: commands as a person types them, and the tool's own modes.
# Usage: redis_cli.sh PORT; the server is emptied.
set -uo pipefail
port=$1 checks=0 failures=0
cli() { timeout 15 redis-cli -p "$port" "$@"; }

# same NAME EXPECTED ACTUAL
same() {
  checks=$((checks + 1))
  if [ "$2" != "$3" ]; then
    failures=$((failures + 1))
    printf 'redis-cli %s: expected\n%s\ngot\n%s\n' "$1" "$2" "$3"
  fi
}

# has NAME PART ACTUAL
has() {
  checks=$((checks + 1))
  if [[ "$3" != *"$2"* ]]; then
    failures=$((failures + 1))
    printf 'redis-cli %s: expected %s in\n%s\n' "$1" "$2" "$3"
  fi
}

for protocol in -2 -3; do
  same "flush $protocol" OK "$(cli $protocol flushall)"
  same "ping $protocol" PONG "$(cli $protocol ping)"
  same "set $protocol" OK "$(cli $protocol set s 'a b' ex 100)"
  same "get $protocol" '"a b"' "$(cli $protocol --no-raw get s)"
  same "null $protocol" '(nil)' "$(cli $protocol --no-raw get none)"
  same "integer $protocol" '(integer) 3' "$(cli $protocol --no-raw rpush l a b c)"
  same "list $protocol" $'a\nb\nc' "$(cli $protocol lrange l 0 -1)"
  same "error $protocol" '(error) ERR value is not an integer or out of range' "$(cli $protocol --no-raw incr s)"
  cli $protocol hset h f v > /dev/null
done
same 'map over RESP3' '1# "f" => "v"' "$(cli -3 --no-raw hgetall h)"
same 'json output' '{"f":"v"}' "$(cli -3 --json hgetall h)"

same 'transaction' $'OK\nQUEUED\nQUEUED\n1\n2' "$(printf 'multi\nincr n\nincr n\nexec\n' | cli)"
(sleep 0.3; cli rpush q job > /dev/null) &
same 'blocking pop' $'q\njob' "$(cli blpop q 5)"
wait
(sleep 0.5; cli publish news hello > /dev/null) &
has 'subscription' hello "$(timeout 2 redis-cli -p "$port" subscribe news)"
wait

resp() { printf '*%d\r\n' $#; for word in "$@"; do printf '$%d\r\n%s\r\n' ${#word} "$word"; done; }
has 'mass insertion' 'errors: 0, replies: 1000' "$(for i in $(seq 1000); do resp SET "pipe:$i" x; done | cli --pipe)"
same 'scan' 1000 "$(cli --scan --pattern 'pipe:*' | sort -u | wc -l)"
case ",${CAIRN_NOT_YET:-}," in
  *,EVAL,*) echo 'redis-cli eval: not yet' ;;
  *)
    script=$(mktemp)
    echo "return {KEYS[1], ARGV[1]}" > "$script"
    same 'eval' $'k\narg' "$(cli --eval "$script" k , arg)"
    rm -f "$script"
    ;;
esac
has 'big keys' 'Biggest list' "$(cli --bigkeys)"
has 'memory of keys' 'bytes' "$(cli --memkeys)"
has 'info' 'redis_version:' "$(cli info server)"
has 'a database of its own' 'db3:keys=1' "$(cli -n 3 set x 1 > /dev/null; cli info keyspace)"

same 'index' OK "$(cli ft.create idx on hash prefix 1 doc: schema title text n numeric sortable)"
cli hset doc:1 title 'hello world' n 3 > /dev/null
same 'search' $'1\ndoc:1' "$(cli ft.search idx '@title:hello @n:[1 5]' nocontent)"
same 'JSON' '[{"b":[1,2]}]' "$(cli json.set j '$' '{"a":{"b":[1,2]}}' > /dev/null; cli json.get j '$.a')"
same 'time series' $'1000\n1.5' "$(cli ts.add t 1000 1.5 > /dev/null; cli ts.get t)"

echo "redis-cli: $checks checks, $failures failures"
[ "$failures" -eq 0 ]
