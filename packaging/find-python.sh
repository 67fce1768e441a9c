#!/bin/sh
# Print a Python that Secateur runs on (3.11, 3.12 or 3.13). PYTHON=... chooses one.
for candidate in ${PYTHON:-} python3.11 python3.12 python3.13 python3 python; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
        command -v "$candidate"
        exit 0
    fi
done
echo "secateur: Python 3.11, 3.12 or 3.13 is needed and none was found." >&2
echo "secateur: install one (Debian 12: apt-get install python3 python3-venv) or say where it is: make PYTHON=/path/to/python3" >&2
exit 1
