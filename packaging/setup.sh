#!/bin/sh
# Make or refresh .venv in the checkout: setup.sh run | dev. Does nothing when nothing has changed.
set -eu
cd "$(dirname "$0")/.."
purpose=$1

# what is installed depends on these; the place counts, because an environment cannot be moved
state="$(pwd) $(cat pyproject.toml packaging/debian-packages.txt packaging/setup.sh | cksum)"
stamp=.venv/.secateur-$purpose
if [ -x .venv/bin/python ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ]; then
    exit 0
fi

python=$(sh packaging/find-python.sh)
PYTHON=$python sh packaging/install-system-packages.sh
if ! .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
    echo "secateur: making .venv with $python"
    "$python" -m venv --clear .venv || {
        echo "secateur: this Python cannot make an environment (Debian: apt-get install python3-venv)." >&2
        exit 1
    }
fi
case $purpose in
    run) what=. ;;
    dev) what='.[dev]' ;;
    *) echo "usage: setup.sh run|dev" >&2; exit 2 ;;
esac
echo "secateur: installing Python packages into .venv (the first time this takes a few minutes)"
.venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --editable "$what"
echo "$state" >"$stamp"
# the development set holds everything that running needs
[ "$purpose" = run ] || echo "$state" >.venv/.secateur-run
