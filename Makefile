SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PYTHONDONTWRITEBYTECODE :=# the suite is many short processes: compiled modules halve how long each takes to start
.PHONY: help setup demo up down check unit test bench protos fmt lock
PYTHON ?= python3
BIN := .venv/bin
WORKERS ?= 2# processes for tests that do not run the whole suite
READY := .venv/.ready
RIVALS := build/rivals/.ready
MEMBERS := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml services/connectors/*/pyproject.toml services/sources/*/pyproject.toml)

help: ## show these words
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(READY): requirements.lock $(MEMBERS) scripts/setup.sh
	@PYTHON=$(PYTHON) scripts/setup.sh

setup: $(READY) ## make .venv with everything that Cairn needs

demo: setup ## a year of retail customers through the whole suite (DEMO=small: one month)
	@$(BIN)/journeyctl demo $(if $(DEMO),--size $(DEMO))

up: setup ## start PostgreSQL, NATS, all services and connectors; Ctrl-C stops them
	@$(BIN)/journeyctl up

down: setup ## stop what `make up` started in another terminal
	@$(BIN)/journeyctl down

check: setup ## format, ruff, types, imports, protos, generated code, Dockerfile, compose file
	$(BIN)/ruff format --check --quiet
	$(BIN)/ruff check --quiet
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/buf lint protos
	$(BIN)/buf breaking protos --against protos/image.binpb
	scripts/protos.sh --check
	$(BIN)/hadolint deploy/Dockerfile
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

unit: setup ## the tests that need no server
	$(BIN)/pytest -q -n $(WORKERS) --dist loadfile -m "not needs_postgres and not needs_nats and not slow"

test: setup ## all tests, on embedded servers
	$(BIN)/pytest -q --durations=10 -n $(WORKERS) --dist loadfile --ignore=tests/e2e --ignore=tests/faults
	$(BIN)/pytest -q --durations=10 tests/e2e tests/faults

$(RIVALS): pyproject.toml scripts/rivals.sh
	@scripts/rivals.sh

bench: setup $(RIVALS) ## measure each figure beside its rival (AREA=pipeline: only those)
	$(BIN)/python -m tests.bench $(if $(AREA),--area $(AREA))

protos: setup ## generate libs/contracts from protos/
	scripts/protos.sh

fmt: setup ## format the code
	$(BIN)/ruff check --quiet --fix-only
	$(BIN)/ruff format --quiet

lock: setup ## write requirements.lock anew after a change of dependencies (UPGRADE=1: newest versions)
	$(BIN)/python scripts/lock.py $(if $(UPGRADE),--upgrade)
