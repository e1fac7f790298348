#!/usr/bin/env bash
# many.sh [TRANSFERS] [MIB]: so many downloads (default 100) of a file of MIB
# (default 64) at once, half of them slow, while the server's peak memory stays
# under LIMIT (256) MiB. Eight transfers of one person run at a time, so there
# are as many people as that takes. Expects bin/cofferd.
. "$(dirname "$0")/proof.sh"
count=${1:-100} mib=${2:-64} limit=${LIMIT:-256}
value() { grep -o "\"$1\":\"[^\"]*\"" | head -n 1 | cut -d '"' -f 4; }

people=$(((count + 7) / 8))
for i in $(seq "$people"); do person "p$i@example.org"; done
start
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
