#!/bin/sh
# Makes .venv, or brings it up to date. Quick when nothing changed; heals one that is broken, half made or was moved.
set -eu
cd -P "$(dirname "$0")/.."
venv=.venv
stamp=$venv/.entente
export PIP_DISABLE_PIP_VERSION_CHECK=1

# In this order: what others are installed on comes first.
projects=""
for project in libs/contracts libs/chassis services/* stack cli; do
    if [ -f "$project/pyproject.toml" ]; then projects="$projects $project"; fi
done

locked="$PWD $(cksum <requirements.lock)"
# shellcheck disable=SC2086
listed="$projects $(for project in $projects; do cat "$project/pyproject.toml"; done | cksum)"

# A virtual environment that answers, and whose commands point here: a copied or moved one does not.
usable() {
    "$venv/bin/python" -c 'import pip' >/dev/null 2>&1 && grep -qF "$PWD/$venv/" "$venv/bin/pip" 2>/dev/null
}

if usable && [ "$(cat "$stamp.locked" 2>/dev/null)" = "$locked" ] && [ "$(cat "$stamp.projects" 2>/dev/null)" = "$listed" ]; then
    exit 0
fi

if ! usable; then
    found=""
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            found=$candidate
            break
        fi
    done
    if [ -z "$found" ]; then
        echo "Entente needs Python 3.11 or newer with its venv module (on Debian: apt install python3-venv)." >&2
        echo "Install one, or name it: make PYTHON=/path/to/python3 ..." >&2
        exit 1
    fi
    echo "Making $venv with $("$found" --version) ..."
    rm -rf "$venv"
    "$found" -m venv "$venv"
fi

if [ "$(cat "$stamp.locked" 2>/dev/null)" != "$locked" ]; then
    echo "Installing what requirements.lock names (about a minute the first time) ..."
    rm -f "$stamp.locked" "$stamp.projects"
    if ! "$venv/bin/python" -m pip install --quiet --require-hashes --no-deps -r requirements.lock; then
        echo "The packages could not be installed; what pip says above is why. Running make again goes on from here." >&2
        exit 1
    fi
    printf '%s' "$locked" >"$stamp.locked"
fi

set --
for project in $projects; do set -- "$@" -e "$project"; done
"$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation "$@"
printf '%s' "$listed" >"$stamp.projects"
