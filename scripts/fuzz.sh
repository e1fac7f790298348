#!/usr/bin/env bash
# fuzz.sh runs each fuzz target of the module for $FUZZTIME. What it finds is
# kept by go below the package's testdata/fuzz; commit that with the repair.
. "$(dirname "$0")/lib.sh"
cd "$root"
found=0
while read -r file target; do
  found=$((found + 1))
  say "== $(dirname "$file") $target"
  go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-20s}" "./$(dirname "$file")"
done < <(find . -name '*_test.go' -not -path './bench/*' -not -path './.tools/*' -not -path '*/node_modules/*' -print0 |
  xargs -0 awk 'match($0, /^func Fuzz[A-Za-z0-9_]*\(/) { print FILENAME, substr($0, 6, RLENGTH - 6) }' | sed 's|^\./||')
[ $found -gt 0 ] || die "no fuzz targets found"
say "$found fuzz targets ran"
