#!/bin/sh
# Prints the path of a Chromium that starts, for the tests that drive a browser.
#
#   scripts/chromium.sh          look for one; where there is none, install it
#   scripts/chromium.sh --find   look only
#
# Looked for in this order: $ISOLINE_CHROMIUM, the commands chromium, chromium-browser and
# google-chrome, the copy Playwright keeps. Installed by apt-get where that needs no password, else
# by Playwright. Without one it prints nothing and says so: an error where CI=true, else a warning,
# and the browser tests are skipped. $PYTHON is the interpreter that has Playwright.
set -u
cd "$(dirname "$0")/.." || exit 1
python=${PYTHON:-.venv/bin/python}

say() { echo "chromium: $*" >&2; }

starts() { [ -n "$1" ] && "$1" --version >/dev/null 2>&1; } # Ubuntu's chromium-browser may be a stub

playwrights_own() {
    "$python" - 2>/dev/null <<'PYTHON'
from playwright.sync_api import sync_playwright

with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
PYTHON
}

find_one() {
    if [ -n "${ISOLINE_CHROMIUM:-}" ]; then
        if starts "$ISOLINE_CHROMIUM"; then
            echo "$ISOLINE_CHROMIUM"
            return 0
        fi
        say "ISOLINE_CHROMIUM=$ISOLINE_CHROMIUM does not start; looking elsewhere"
    fi
    for name in chromium chromium-browser google-chrome; do
        candidate=$(command -v "$name") || continue
        starts "$candidate" && echo "$candidate" && return 0
    done
    candidate=$(playwrights_own) && starts "$candidate" && echo "$candidate"
}

install_one() {
    as_root=
    if command -v apt-get >/dev/null 2>&1; then
        if [ "$(id -u)" -ne 0 ]; then
            as_root="sudo -n"
            sudo -n true 2>/dev/null || as_root=no
        fi
        if [ "$as_root" != no ]; then
            say "installing with apt-get"
            {
                $as_root apt-get update &&
                    $as_root env DEBIAN_FRONTEND=noninteractive \
                        apt-get install -y --no-install-recommends chromium
            } </dev/null >&2 && find_one && return 0
        fi
    fi
    say "installing with Playwright"
    "$python" -m playwright install chromium </dev/null >&2 && find_one
}

find_one && exit 0
if [ "${1:-}" != --find ]; then
    install_one && exit 0
fi
say "none found; install Chromium or point ISOLINE_CHROMIUM at one"
[ "${CI:-}" = true ] && exit 1
exit 0
