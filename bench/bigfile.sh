#!/usr/bin/env bash
# bigfile.sh [MIB] [FILES]: the proof that one file of MIB (default 1024) and a
# tree of FILES (default 5,000) small ones go up and come back byte-identical
# through the CLI while the server's peak memory (VmHWM, so its start and the
# sign-in are included) stays under LIMIT (128) MiB. Expects bin/cofferd and
# bin/coffer. TMP: scratch folder; about four times MIB are needed there, with
# STREAM=1, which compares what comes back without storing it, twice.
. "$(dirname "$0")/proof.sh"
mib=${1:-1024} files=${2:-5000} limit=${LIMIT:-128}
# took TEXT COMMAND... runs the command and prints how long it took.
took() {
  local text=$1 t0=${EPOCHREALTIME/[.,]/}
  shift
  "$@" >>"$scratch/done.log" || fail "$text" # a line for each file
  printf '%-28s %8.2f s\n' "$text" "$(((${EPOCHREALTIME/[.,]/} - t0) / 10000))e-2"
}

email=ann@example.org
person $email
start

# Random bytes, and an odd end so that no chunk or part edge is met.
head -c $((mib * 1024 * 1024 + 4711)) /dev/urandom >big.bin
mkdir tree
i=0
while [ $i -lt "$files" ]; do
  d=tree/$((i % 50))/$((i % 7))
  [ -d "$d" ] || mkdir -p "$d"
  head -c $(((i * 37) % 20000)) /dev/urandom >"$d/file $i.bin"
  i=$((i + 1))
done

printf '%s\n' "$password" | "$coffer" login --server "http://$addr" --email $email --password-stdin >&2 || fail "login"
took "put ${mib} MiB" "$coffer" put big.bin /
if [ -n "${STREAM:-}" ]; then
  took "get ${mib} MiB, compared" bash -c '"$0" get /big.bin -o - | cmp - big.bin' "$coffer"
else
  took "get ${mib} MiB" "$coffer" get /big.bin -o back.bin
fi
took "put tree of ${files} files" "$coffer" put -r tree /
took "get tree of ${files} files" "$coffer" get -r /tree -o back
[ -n "${STREAM:-}" ] || took "compare file" cmp big.bin back.bin
back=back
[ ! -d back/tree ] || back=back/tree
took "compare tree" diff -r tree "$back"
[ "$(find "$back" -type f | wc -l)" = "$files" ] || fail "not all files came back"

peak=$(memory VmHWM)
printf 'server memory: peak %s MiB, now %s MiB, limit %s MiB\n' "$peak" "$(memory VmRSS)" "$limit"
[ "$peak" -lt "$limit" ] || fail "peak memory of $peak MiB is not under $limit MiB"
