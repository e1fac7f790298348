#!/usr/bin/env bash
# test.sh is "make test": it fetches what is missing, starts a PostgreSQL of its
# own, runs everything, stops it, and says how long each step took.
. "$(dirname "$0")/lib.sh"
cd "$root"

if [ "${1:-}" != inside ]; then
  # The race detector needs a C compiler.
  have "${CC:-gcc}" || apt_install gcc libc6-dev || die "no C compiler, which go test -race needs: install gcc, or set CC"
  exec scripts/with-postgres.sh scripts/test.sh inside
fi

results=$(mktemp)
steps=
failed=
finish() {
  rc=$?
  echo
  echo "steps:"
  printf '%s' "$steps"
  printf 'total %s s\n\n' $SECONDS
  cat "$results"
  rm -f "$results"
  [ -z "$failed" ] || { printf '\nFAILED:%s\n' "$failed"; exit 1; }
  exit $rc
}
trap finish EXIT

# A step that fails does not hide what the ones behind it would say.
step() {
  local name=$1 t0=$SECONDS
  shift
  printf '\n=== %s\n' "$name"
  "$@" || failed+=" $name;"
  steps+=$(printf '%8d s  %s' $((SECONDS - t0)) "$name")$'\n'
}

web_unit() { (cd web && npm test --silent); }
web_tus() { (cd web && npm run --silent test:tus); }
web_browser() { (cd web && COFFER_SHOTS=0 npm run --silent test:browser); } # nobody looks at its pictures
go_tests() {
  # A package may run for long on a busy machine or in a soak.
  # SQLite, translated from C, and the decoders of pictures are not ours to search for
  # races; watching them took the tests of the database and of thumbnails five times
  # their CPU. No more than these: other packages share generic code with ours, of
  # which the linker keeps one copy. vet has run with the linters. Half of their time
  # tests wait, for the disk and for leases: more packages run at once than there are cores.
  go run scripts/gotest.go -results "$results" -race -p $(($(nproc) * 3 / 2)) \
    -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=image/...=-race=false \
    -gcflags=golang.org/x/image/...=-race=false -gcflags=compress/...=-race=false \
    -vet=off -ldflags=-w -timeout "${TEST_TIMEOUT:-20m}" ./...
}

COFFER_TEST_CHROMIUM=$(scripts/chromium.sh)
export COFFER_TEST_CHROMIUM
step "build" make --no-print-directory build
[ -z "$failed" ] || exit
step "lint" scripts/lint.sh
step "web unit tests" web_unit
step "go test -race" go_tests
step "tus client" web_tus
step "browser tests" web_browser
