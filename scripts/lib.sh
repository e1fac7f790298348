# Shared by the scripts here; sourced, never run. bash only.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$root/.tools # what we fetch ourselves; git-ignored, removed by "make clean"

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# apt_install PACKAGE... installs Debian packages; false when we are not root,
# there is no apt-get, or it cannot reach its servers.
apt_install() {
  [ "$(id -u)" = 0 ] && have apt-get || return 1
  say "installing from Debian: $*"
  local get=(apt-get -q -y -o DPkg::Lock::Timeout=300 -o APT::Install-Recommends=false)
  DEBIAN_FRONTEND=noninteractive "${get[@]}" install "$@" >"$tools/apt.log" 2>&1 ||
    { "${get[@]}" update && DEBIAN_FRONTEND=noninteractive "${get[@]}" install "$@"; } >"$tools/apt.log" 2>&1 ||
    { say "apt-get failed, see .tools/apt.log"; return 1; }
}

# npm_install FOLDER PACKAGE@VERSION... puts npm packages into .tools/FOLDER
# without running any of their scripts.
npm_install() {
  local dir=$tools/$1
  shift
  have npm || return 1
  say "installing from npm: $*"
  mkdir -p "$dir"
  npm install --prefix "$dir" --ignore-scripts --no-audit --no-fund --loglevel=error "$@" >&2
}

# free_port prints a port of 127.0.0.1 that nobody listens on just now.
free_port() {
  node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'
}

# wait_for SECONDS COMMAND... repeats the command until it succeeds.
wait_for() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
}

mkdir -p "$tools"
