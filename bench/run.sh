#!/usr/bin/env bash
# run.sh [bench flags]: measures cofferd beside nginx and the reference server on
# this machine, prints the tables, our figures beside the goals, the large-file
# proof and the Go micro benchmarks. Expects bin/cofferd and bin/coffer (make build).
#
# ROUNDS, SMALL_ROUNDS, BIG (MiB), BIGFILE (MiB; 0: leave that proof out),
# MICRO (0: leave the micro benchmarks out), ONLY (server names), PHASES and
# TMP (scratch folder, on the disk to measure) change what is done.
. "$(dirname "$0")/../scripts/lib.sh"
here=$root/bench

# A PostgreSQL of our own, one that flushes, for cofferd on it; BENCH_POSTGRES= leaves it out.
if [ -z "${BENCH_POSTGRES+set}" ] && [ -z "${COFFER_TEST_POSTGRES:-}" ]; then
  exec env BENCH_POSTGRES=own FSYNC=on "$root/scripts/with-postgres.sh" "$0" "$@"
fi
postgres=${COFFER_TEST_POSTGRES:-}
# What the tests are told must not reach the server: it refuses what it does not know.
for v in $(compgen -e COFFER_ || true); do unset "$v"; done
have curl || apt_install curl || die "the large transfers are driven by curl: install it"
nginx=$(command -v nginx || echo /usr/sbin/nginx)
if [ ! -x "$nginx" ]; then
  apt_install nginx-light || say "no nginx: install it, or these columns stay empty"
fi

scratch=$(mktemp -d "${TMP:-${TMPDIR:-/tmp}}/coffer-bench.XXXXXX")
cleanup() { rm -rf "$scratch"; }
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
mkdir -p "$here/results" "$scratch"/{plain,gcm,fsync,data,nginx/files,nginx/tmp}
results=$here/results/$(date -u +%Y%m%dT%H%M%SZ).jsonl

(cd "$here" && go build -o "$scratch/bench" . && go build -trimpath -ldflags '-s -w' -o "$scratch/refserver" ./refserver)

url() { echo "127.0.0.1:$(free_port)"; }

BENCH_EMAIL=bench@example.org
BENCH_PASSWORD=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
OURS_BIN=$root/bin/cofferd
addr=$(url)
OURS_URL=http://$addr
OURS_START="$OURS_BIN serve --data $scratch/data --listen $addr --base-url $OURS_URL"
printf '%s\n' "$BENCH_PASSWORD" |
  "$OURS_BIN" admin create-user --data "$scratch/data" --email $BENCH_EMAIL --name Bench --role member --password-stdin >&2

servers=$here/servers.json
if [ "${BENCH_POSTGRES:-}" = own ]; then
  addr=$(url) OURS_PG_URL=http://$addr
  OURS_PG_START="env COFFER_DATABASE=$postgres $OURS_BIN serve --data $scratch/pgdata --listen $addr --base-url $OURS_PG_URL"
  mkdir "$scratch/pgdata"
  printf '%s\n' "$BENCH_PASSWORD" |
    COFFER_DATABASE=$postgres "$OURS_BIN" admin create-user --data "$scratch/pgdata" --email $BENCH_EMAIL --name Bench --role member --password-stdin >&2
  export OURS_PG_URL OURS_PG_START
else
  servers=$scratch/servers.json
  grep -v coffer-postgres "$here/servers.json" >"$servers"
fi

REF_BIN=$scratch/refserver
addr=$(url) REF_PLAIN_URL=http://$addr
REF_PLAIN_START="$REF_BIN -addr $addr -dir $scratch/plain"
addr=$(url) REF_GCM_URL=http://$addr # with the project's segment size
REF_GCM_START="$REF_BIN -addr $addr -mode gcm -seg 16384 -batch 16 -dir $scratch/gcm"
addr=$(url) REF_FSYNC_URL=http://$addr
REF_FSYNC_START="$REF_BIN -addr $addr -mode gcm -seg 16384 -batch 16 -fsync -dir $scratch/fsync"

addr=$(url) NGINX_URL=http://$addr NGINX_BIN=$nginx
cat >"$scratch/nginx/nginx.conf" <<EOF
daemon off;
pid $scratch/nginx/pid;
error_log $scratch/nginx/error.log;
worker_processes 2;
events { worker_connections 256; }
http {
  access_log off;
  sendfile on;
  default_type application/octet-stream;
  client_max_body_size 0;
  client_body_temp_path $scratch/nginx/tmp;
  proxy_temp_path $scratch/nginx/tmp/p;
  fastcgi_temp_path $scratch/nginx/tmp/f;
  uwsgi_temp_path $scratch/nginx/tmp/u;
  scgi_temp_path $scratch/nginx/tmp/s;
  server {
    listen $addr;
    root $scratch/nginx/files;
    location / {
      dav_methods PUT DELETE;
      create_full_put_path on;
      autoindex on;
      autoindex_format json;
    }
  }
}
EOF
if [ "$(id -u)" = 0 ]; then # its workers run as nobody
  sed -i '1i user nobody nogroup;' "$scratch/nginx/nginx.conf"
  chmod 711 "$scratch"
  chown -R nobody:nogroup "$scratch/nginx/files" "$scratch/nginx/tmp"
fi
NGINX_START="$nginx -c $scratch/nginx/nginx.conf -e $scratch/nginx/error.log"
export BENCH_EMAIL BENCH_PASSWORD REF_BIN REF_PLAIN_URL REF_PLAIN_START REF_GCM_URL REF_GCM_START REF_FSYNC_URL REF_FSYNC_START \
  NGINX_URL NGINX_BIN NGINX_START OURS_URL OURS_START OURS_BIN

SECONDS=0
"$scratch/bench" -servers "$servers" -tmp "$scratch" -out "$results" -only "${ONLY:-}" \
  -phases "${PHASES:-cold,up,down,par,parup,range,small,list}" \
  -big "${BIG:-1024}" -rounds "${ROUNDS:-3}" -smallrounds "${SMALL_ROUNDS:-2}" "$@"
"$scratch/bench" -out "$results" -report
rm -rf "$scratch"/{plain,gcm,fsync,data,pgdata,nginx,src.*}
say "servers: $SECONDS s; every single figure: $results"

if [ "${BIGFILE:-1024}" != 0 ]; then
  printf '\n### large file and many small ones through the CLI\n\n'
  TMP=$scratch "$here/bigfile.sh" "${BIGFILE:-1024}" "${BIGFILE_TREE:-5000}"
fi
if [ "${MICRO:-1}" != 0 ]; then
  printf '\n### Go micro benchmarks\n\n'
  cd "$root"
  { go test -run "^$" -bench . -benchmem -benchtime "${MICRO_TIME:-200ms}" ./internal/cobblestone/... ./internal/content/... &&
    COFFER_TEST_POSTGRES=$postgres scripts/with-postgres.sh go test -run "^$" -bench RotateKEK -benchtime "${SPACES:-100000}x" ./internal/keyring &&
    COFFER_SOAK=1 go test -run "^$" -bench SearchNames/sqlite -benchtime 100x ./internal/db &&
    COFFER_SOAK=1 COFFER_TEST_POSTGRES=$postgres scripts/with-postgres.sh go test -run "^$" -bench Million -benchtime 1x -timeout 40m ./internal/coffertest &&
    COFFER_TEST_POSTGRES=$postgres scripts/with-postgres.sh go test -run "^$" -bench Small -benchtime "${SMALL_TIME:-1s}" ./internal/coffertest &&
    COFFER_TEST_POSTGRES=$postgres scripts/with-postgres.sh go test -run "^$" -bench Decide -benchtime "${MICRO_TIME:-200ms}" ./internal/files; } | grep -E '^(Benchmark|pkg|cpu|ok|FAIL|---)'
fi
say "total: $SECONDS s"
