#!/bin/sh
# Install what packaging/debian-packages.txt lists and this machine lacks.
# Needs Debian or Ubuntu and root (or sudo without a password); elsewhere it says what is missing and goes on,
# because much of it may be there under another name.
set -eu
list=$(dirname "$0")/debian-packages.txt
wanted=$(sed -e 's/#.*//' "$list")

if ! command -v dpkg-query >/dev/null 2>&1 || ! command -v apt-get >/dev/null 2>&1; then
    if [ "$(uname -s)" = Linux ]; then
        echo "secateur: not Debian or Ubuntu, so no system packages were installed." >&2
        echo "secateur: if the window does not start, install what your system calls these:" >&2
        echo "  $(echo $wanted)" >&2
    fi
    exit 0
fi

# Ubuntu 24.04 renamed some packages with the ending t64; they "provide" the old name
installed=" $(dpkg-query -W -f '${db:Status-Abbrev}${Package} ${Provides}\n' 2>/dev/null |
    sed -n 's/^ii //p' | sed -e 's/([^)]*)//g' -e 's/,//g' | tr '\n' ' ') "
missing=
for package in $wanted; do
    case "$package" in
        # any Python that can make an environment will do
        python3-venv) "${PYTHON:-python3}" -c 'import ensurepip' >/dev/null 2>&1 && continue ;;
    esac
    case "$installed" in
        *" $package "*) ;;
        *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root="sudo -n"
else
    echo "secateur: these system packages are missing, and installing them needs an administrator:" >&2
    echo "  sudo apt-get install$missing" >&2
    exit 0
fi

echo "secateur: installing system packages:$missing"
export DEBIAN_FRONTEND=noninteractive
if ! { $as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends $missing; } \
        </dev/null >/dev/null; then
    echo "secateur: apt-get failed; going on without:$missing" >&2
fi
