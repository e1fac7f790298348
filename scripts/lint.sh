#!/usr/bin/env bash
# lint.sh checks form and known mistakes of everything: shell, Go, web UI.
# The layers themselves are held by layers_test.go, which go test runs.
. "$(dirname "$0")/lib.sh"
cd "$root"

for f in scripts/*.sh bench/*.sh .ci/run; do
  bash -n "$f"
done

unformatted=$(find . -name '*.go' -not -path './.tools/*' -not -path '*/node_modules/*' -exec gofmt -l {} +)
[ -z "$unformatted" ] || die "run gofmt -w on:
$unformatted"

(cd bench && go vet ./...)
# vet is one of its linters. A module file of its own: the linter's dependencies stay out of ours.
go tool -modfile=tools.mod golangci-lint run

cd web
npm run --silent lint
npm run --silent check
