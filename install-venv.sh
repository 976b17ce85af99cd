#!/bin/sh
# Makes the virtual environment $2 with the Python $1, on a machine that may have no venv module and no pip: Debian's python3 has neither.
set -eu
python=$1
venv=$2
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "radlearn needs Python 3.11 or newer; $python is $("$python" --version 2>&1). Say which one to take: make PYTHON=python3.11 …" >&2
    exit 2
fi
if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
    rm -rf "$venv"
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -q && apt-get install -q -y python3-venv
        "$python" -m venv "$venv"
    else
        echo "Python's venv module is missing. Install it and run make again: sudo apt-get install python3-venv" >&2
        exit 2
    fi
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check uv
