#!/bin/sh
# Checks the JavaScript of dashboard/components, or makes the bundles that the browser gets.
#
#   scripts/js.sh bundle    install the tools of package.json, write the bundles
#   scripts/js.sh check     the same tools: lint, types, unit tests, bundles up to date
#
# Bundles are in the repository, so the program itself needs no Node. Where Node or its tools cannot
# be had, `check` says so in one line and passes; `bundle` fails.
set -eu
cd "$(dirname "$0")/.."

missing() {
    if [ "$1" = check ]; then
        echo "js: skipped, $2" >&2
        exit 0
    fi
    echo "error: $2" >&2
    exit 2
}

install_tools() {
    installed=node_modules/.isoline-installed
    if [ -f $installed ] && [ ! package.json -nt $installed ] && [ ! package-lock.json -nt $installed ]; then
        return 0
    fi
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error </dev/null >&2 || return 1
    touch $installed
}

case "${1:-}" in bundle | check) ;; *) sed -n '2,5s/^# \{0,1\}//p' "$0" >&2 && exit 2 ;; esac
command -v node >/dev/null && command -v npm >/dev/null || missing "$1" "Node.js is not installed (20 or newer)"
[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] || missing "$1" "Node.js is $(node --version), the tools need 20 or newer"
install_tools || missing "$1" "npm ci could not install the tools of package-lock.json"

if [ "$1" = bundle ]; then
    exec node scripts/bundle.mjs
fi
npx eslint .
npx tsc --project .
node --test --test-reporter=dot tests/js/*.test.js
node scripts/bundle.mjs --check
