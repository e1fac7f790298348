# Shared by the proofs here that run a server of their own in a scratch folder;
# sourced, never run. Afterwards the script stands in the folder.
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
for v in $(compgen -e COFFER_ || true); do unset "$v"; done

scratch=$(mktemp -d "${TMP:-${TMPDIR:-/tmp}}/coffer-proof.XXXXXX")
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
coffer=$root/bin/coffer cofferd=$root/bin/cofferd
export LC_ALL=C COFFER_HOME=$scratch/home
password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

fail() {
  tail -n 30 "$scratch/server.log" >&2 || true
  die "FAILED: $*"
}
# memory KEY prints a line of the server's /proc/.../status in MiB.
memory() { awk -v k="$1:" '$1 == k { printf "%d", $2 / 1024 }' "/proc/$server/status"; }
# person EMAIL makes a member with $password.
person() { printf '%s\n' "$password" | "$cofferd" admin create-user --data data --email "$1" --name "${1%@*}" --role member --password-stdin >&2; }
# start runs the server and sets $addr.
start() {
  addr=127.0.0.1:$(free_port)
  "$cofferd" serve --data data --listen "$addr" --base-url "http://$addr" >server.log 2>&1 &
  server=$!
  wait_for 30 curl -sf "http://$addr/healthz" || fail "the server did not start"
}
