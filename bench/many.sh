#!/usr/bin/env bash
# many.sh [TRANSFERS] [MIB]: so many downloads (default 100) of a file of MIB
# (default 64) at once, half of them slow, while the server's peak memory stays
# under LIMIT (256) MiB. Eight transfers of one person run at a time, so there
# are as many people as that takes. Expects bin/cofferd.
. "$(dirname "$0")/../scripts/lib.sh"
count=${1:-100} mib=${2:-64} limit=${LIMIT:-256}
for v in $(compgen -e COFFER_ || true); do unset "$v"; done

scratch=$(mktemp -d "${TMP:-${TMPDIR:-/tmp}}/coffer-many.XXXXXX")
server=
cleanup() {
  trap - EXIT INT TERM HUP
  if [ -n "$server" ]; then
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
cd "$scratch"
cofferd=$root/bin/cofferd
fail() {
  tail -n 30 "$scratch/server.log" >&2 || true
  die "FAILED: $*"
}
memory() { awk -v k="$1:" '$1 == k { printf "%d", $2 / 1024 }' "/proc/$server/status"; }
value() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
people=$(((count + 7) / 8))
for i in $(seq "$people"); do
  printf '%s\n' "$password" | "$cofferd" admin create-user --data data --email "p$i@example.org" --name "P$i" --role member --password-stdin >/dev/null
done
addr=127.0.0.1:$(free_port)
"$cofferd" serve --data data --listen "$addr" --base-url "http://$addr" >server.log 2>&1 &
server=$!
wait_for 30 curl -sf "http://$addr/healthz" || fail "the server did not start"
head -c $((mib * 1024 * 1024)) /dev/urandom >file.bin
sum=$(sha256sum <file.bin)

api=http://$addr/api/v1
for i in $(seq "$people"); do
  token=$(curl -sf "$api/tokens" -H 'Content-Type: application/json' -d "{\"email\":\"p$i@example.org\",\"password\":\"$password\",\"name\":\"many\"}" | value token)
  [ -n "$token" ] || fail "no token"
  root_id=$(curl -sf "$api/spaces" -H "Authorization: Bearer $token" | value root_id)
  id=$(curl -sf -T file.bin "$api/nodes/$root_id/files?name=file.bin" -H "Authorization: Bearer $token" | value id)
  [ -n "$id" ] || fail "no file"
  printf '%s %s\n' "$token" "$id" >>who
done
before=$(memory VmHWM)
printf 'after %s uploads of %s MiB: peak %s MiB\n' "$people" "$mib" "$before"

# Slow ones take four seconds.
t0=${EPOCHREALTIME/[.,]/}
jobs=()
for i in $(seq "$count"); do
  read -r token id < <(sed -n "$(((i - 1) / 8 + 1))p" who)
  rate=
  [ $((i % 2)) = 0 ] || rate="--limit-rate $((mib * 1024 / 4))k"
  (curl -sf $rate "$api/nodes/$id/content" -H "Authorization: Bearer $token" | sha256sum >"sum.$i") &
  jobs+=($!)
done
for j in "${jobs[@]}"; do wait "$j" || fail "a download"; done
for i in $(seq "$count"); do
  [ "$(cat "sum.$i")" = "$sum" ] || fail "download $i brought other bytes"
done
peak=$(memory VmHWM)
printf '%s downloads of %s MiB at once: %s s, peak %s MiB, limit %s MiB\n' "$count" "$mib" "$(((${EPOCHREALTIME/[.,]/} - t0) / 1000000))" "$peak" "$limit"
[ "$peak" -lt "$limit" ] || fail "peak memory of $peak MiB is not under $limit MiB"
