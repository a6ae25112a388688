# `make` is help. Each target that runs code makes .venv first, from the lock, if that is not up to date.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help setup up down env test test-real test-compose check lock pictures bench soak

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(STAMP) ## make .venv from the lock (no root, nothing outside this directory)

up: $(STAMP) ## start the stack and the services, send one order, show it followed; Ctrl-C stops
	@$(BIN)/clew up

down: $(STAMP) ## stop them, also detached ones
	@$(BIN)/clew down

env: ## .env for docker compose: images, ports, and random passwords
	@$(PYTHON) deploy/env.py

test: check ## lint, types, and every test
	$(BIN)/pytest -n 2 --dist loadfile

test-real: $(STAMP) ## the services on real Elasticsearch, Prometheus, Jaeger and Postgres (the first run installs them)
	$(BIN)/python -m tests.real

test-compose: $(STAMP) ## the image and docker-compose.yml with a Docker engine (fails where there is none)
	$(BIN)/python -m tests.compose_engine

check: $(STAMP) ## lint and types only
	$(BIN)/ruff check
	$(BIN)/mypy

bench: $(STAMP) ## what it costs: start-up, memory, a request
	@for script in $(filter-out %/soak.py,$(wildcard benchmarks/*.py)); do \
	  echo "== $$script"; $(BIN)/python $$script || exit 1; done

soak: $(STAMP) ## ten minutes of load, faults on, a service killed every minute: nothing fails without a trace
	$(BIN)/python benchmarks/soak.py

pictures: $(STAMP) ## take the screenshots of the README from a running stack (needs chromium)
	$(BIN)/python docs/pictures.py

lock: $(STAMP) ## write the lock files again from pyproject.toml (asks the package index)
	$(BIN)/uv pip compile $(LOCK_FLAGS) pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile $(LOCK_FLAGS) pyproject.toml --extra dev -o requirements-dev.lock

# Hashes, every platform, and no name of any host: the lock says what, not from where.
LOCK_FLAGS := --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url

# Remade only when the lock changes. --no-build-isolation: the lock has the build tool, so nothing else is downloaded.
$(STAMP): requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Clew needs Python 3.11 or later as $(PYTHON). Name another: make setup PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || \
	  { echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt install python3-venv"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@
