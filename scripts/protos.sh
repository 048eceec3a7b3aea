#!/usr/bin/env bash
# Generates libs/contracts from protos/. With --check it changes nothing and fails if the committed code is not what
# would be generated. With --image it renews protos/image.binpb, against which `buf breaking` compares.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH=$PWD/.venv/bin:$PATH
target=libs/contracts/src

if [ "${1:-}" = --image ]; then
    exec buf build protos --exclude-source-info --output protos/image.binpb
fi

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
files=$(cd protos && find cairn -name '*.proto' | LC_ALL=C sort)
python -m grpc_tools.protoc --proto_path=protos --python_out="$out" --pyi_out="$out" --grpc_python_out="$out" \
    --mypy_grpc_out=quiet:"$out" $files
touch "$out/cairn/py.typed"

if [ "${1:-}" = --check ]; then
    if ! diff --recursive --brief --exclude=__pycache__ "$out/cairn" "$target/cairn"; then
        echo "libs/contracts is not what protos/ gives; run: make protos" >&2
        exit 1
    fi
else
    rm -rf "$target/cairn"
    cp -r "$out/cairn" "$target/cairn"
fi
