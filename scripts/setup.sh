#!/usr/bin/env bash
# Makes .venv: the locked third-party packages, then every member of the workspace, editable. Called by `make setup`.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}

if ! command -v "$python" >/dev/null; then
    echo "Cairn needs Python 3.11 or newer, and there is no $python on this machine." >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "Cairn needs Python 3.11 or newer, but $python is $("$python" -c 'import platform; print(platform.python_version())'); name a newer one with: make setup PYTHON=python3.12" >&2
    exit 1
fi
if ! .venv/bin/python -c '' 2>/dev/null; then
    if ! "$python" -m venv --clear .venv; then
        echo "Python's venv module does not work here; on Debian and Ubuntu: apt-get install python3-venv" >&2
        exit 1
    fi
fi

uv=$(grep -oE '^uv==[^ ;]+' requirements.lock)
if [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "${uv#uv==}" ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "$uv"
fi

# Where this machine keeps packages is told to pip (environment or pip.conf); uv does not read that, so pass it on.
settings=$(.venv/bin/python -m pip config list)
from_pip() { # from_pip UV_NAME PIP_KEY: unless uv is told already
    local value
    value=$(sed -nE "s/^(:env:|install|global)\.$2='(.*)'\$/\2/p" <<<"$settings" | head -n 1)
    if [ "$2" = find-links ]; then value=${value// /,}; fi # pip parts them by spaces, uv by commas
    if [ -z "${!1:-}" ] && [ -n "$value" ]; then export "$1=$value"; fi
}
from_pip UV_DEFAULT_INDEX index-url
from_pip UV_INDEX extra-index-url
from_pip UV_FIND_LINKS find-links
from_pip UV_HTTP_TIMEOUT default-timeout
from_pip SSL_CERT_FILE cert
export UV_INDEX_STRATEGY=${UV_INDEX_STRATEGY:-unsafe-best-match} # as pip does; safe here, since all hashes are locked

export VIRTUAL_ENV=$PWD/.venv UV_LINK_MODE=${UV_LINK_MODE:-copy}
.venv/bin/uv pip install --quiet --require-hashes --requirement requirements.lock

members=()
for project in libs/*/pyproject.toml services/*/pyproject.toml services/connectors/*/pyproject.toml services/sources/*/pyproject.toml; do
    if [ -f "$project" ]; then members+=(--editable "${project%/pyproject.toml}"); fi
done
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation "${members[@]}"
touch .venv/.ready
