#!/bin/sh
# Installs locked dependencies and this project into a virtual environment: PYTHON VENV LOCK.
# Uses uv where it is present, pip otherwise. Nothing but the lock decides on versions.
set -eu
python=$1 venv=$2 lock=$3

if [ -z "$python" ]; then
    echo "No Python 3.10 to 3.13 was found: install one, or name it with make PYTHON=..." >&2
    exit 1
fi
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv" 2>/dev/null || uv venv --quiet --python "$python" "$venv"

# Source distributions are built with the locked setuptools, so it comes first.
awk '/^[a-z]/ { keep = /^(setuptools|wheel|packaging)==/ } keep' "$lock" > "$venv/build.txt"

if command -v uv >/dev/null 2>&1; then
    install() { uv pip install --quiet --python "$venv/bin/python" --compile-bytecode "$@"; }
else
    install() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"; }
fi
# The lock is complete, so dependencies of dependencies are not looked at.
install --require-hashes --no-deps -r "$venv/build.txt"
install --require-hashes --no-deps --no-build-isolation -r "$lock"
install --no-deps --no-build-isolation -e .
