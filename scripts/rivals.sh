#!/usr/bin/env bash
# Makes build/rivals: an environment with what `make bench` compares with (the dependency group "bench"), apart from .venv.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t wanted < <(.venv/bin/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["bench"], sep="\n")')
.venv/bin/python -m venv --clear build/rivals
if ! build/rivals/bin/python -m pip install --quiet --disable-pip-version-check "${wanted[@]}"; then
    echo "What the bench compares with could not be installed: ${wanted[*]}" >&2
    exit 1
fi
touch build/rivals/.ready
