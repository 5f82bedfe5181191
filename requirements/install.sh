#!/bin/sh
# Installs locked dependencies and this project into a virtual environment: PYTHON VENV LOCK.
# pip installs uv, and uv the rest. Nothing but the lock decides on versions.
set -eu
python=$1 venv=$2 lock=$3

if [ -z "$python" ]; then
    echo "No Python 3.10 to 3.13 was found: install one, or name it with make PYTHON=..." >&2
    exit 1
fi
echo "Installing what $lock lists into $venv: about 1.3 GB, one to three minutes, once." >&2
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv" 2>/dev/null || uv venv --quiet --seed --python "$python" "$venv"

# Source distributions are built with the locked setuptools, so it comes first.
awk '/^[a-z]/ { keep = /^(setuptools|uv|wheel|packaging)==/ } keep' "$lock" > "$venv/build.txt"

# The lock is complete, so dependencies of dependencies are not looked at.
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$venv/build.txt"
# A mirror of packages that only pip is told about, as in pip.conf, is no mistake: pip installs the rest then.
install() {
    "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --compile-bytecode "$@" ||
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
}
install --require-hashes --no-deps --no-build-isolation -r "$lock"
install --no-deps --no-build-isolation -e .
