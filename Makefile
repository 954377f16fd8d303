# Everything one does with the project; `make` alone lists it.
# Only Python is needed: the virtual environment, its locked packages and PostgreSQL come by themselves.

PYTHON ?= python3
UV ?= uv
# More arguments for the command that a target runs, as in `make test ARGS="-k marks"`.
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
COMPILE := $(UV) pip compile --quiet --generate-hashes --no-header --python-version 3.11 --python-platform linux

# Compiled files halve the start, whatever the caller's environment says.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test check lint types imports format reset real-school bench openapi clients regulation lock clean

help: ## List these targets.
	@awk -F ':[^#]*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

run: $(VENV)/.runtime ## Start the API with a database and a demo school of its own.
	@$(BIN)/dnevnik serve $(ARGS)

test: check ## Check all that can be checked, as CI does.
	$(BIN)/python -m pytest -n 2 $(ARGS)

check: lint types imports ## Check without running the tests.

lint: $(VENV)/.development ## Check the form of the code.
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: $(VENV)/.development ## Check the types.
	$(BIN)/python -m mypy

imports: $(VENV)/.development ## Check which package may import which.
	$(BIN)/lint-imports

format: $(VENV)/.development ## Bring the code into form.
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

reset: $(VENV)/.runtime ## Remove the embedded database with all its data.
	@$(BIN)/dnevnik reset $(ARGS)

real-school: $(VENV)/.runtime ## Load a real school's data: make real-school DATA=folder
	@test -n "$(DATA)" || { echo "Say where the data is: make real-school DATA=folder" >&2; exit 1; }
	@$(BIN)/dnevnik real-school "$(DATA)" $(ARGS)

bench: $(VENV)/.development ## Measure the speed beside other ways of doing the same.
	@$(BIN)/python -m benchmarks $(ARGS)

openapi: $(VENV)/.development ## Write the contract anew: openapi/openapi.json
	@$(BIN)/dnevnik openapi > openapi/openapi.json.new
	@mv openapi/openapi.json.new openapi/openapi.json

clients: ## Lint the contract and make TypeScript types of it (needs Node).
	@command -v npm > /dev/null || { echo "make clients needs Node with npm." >&2; exit 1; }
	npm ci --silent --no-audit --no-fund --prefix openapi
	cd openapi && npx redocly lint --config redocly.yaml openapi.json
	cd openapi && npx openapi-typescript openapi.json --output build/api.ts
	cd openapi && npx tsc --noEmit --strict --target es2022 --module nodenext journal.ts

regulation: openapi ## Fill in the endpoints and tests of docs/regulation.md
	@$(BIN)/python tests/regulation.py

lock: ## Choose the versions of the packages anew (needs uv).
	@command -v $(UV) > /dev/null || { echo "make lock needs uv: $(PYTHON) -m pip install uv" >&2; exit 1; }
	$(COMPILE) $(ARGS) --output-file requirements.lock pyproject.toml
	$(COMPILE) $(ARGS) --extra dev --constraint requirements.lock --output-file requirements-dev.lock pyproject.toml

clean: ## Remove what these targets made, but no data.
	rm -rf $(VENV) openapi/node_modules openapi/build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist
	find src tests benchmarks migrations -name __pycache__ -prune -exec rm -rf {} +

# A changed lock gives a new environment, so that no package stays which the lock does not name.
# The project itself is not built: a path file and a script do the same with nothing to download.
$(VENV)/.runtime: requirements.lock requirements-dev.lock
	@command -v $(PYTHON) > /dev/null || { echo "There is no $(PYTHON): make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, and $(PYTHON) is %d.%d: make PYTHON=python3.12" % sys.version_info[:2])'
	@if test -e $@; then rm -rf $(VENV); fi
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null \
		|| $(PYTHON) -m venv --clear $(VENV)
	@echo "Installing the locked packages into $(VENV), once." >&2
	@$(PIP) install --require-hashes -r requirements.lock
	@echo ../../../../src > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/dnevnik-api.pth"
	@printf '%s\n' '#!/bin/sh' \
		'exec "$$(dirname "$$0")/python" -m dnevnik_api "$$@"' \
		> $(BIN)/dnevnik
	@chmod +x $(BIN)/dnevnik
	@touch $@

$(VENV)/.development: $(VENV)/.runtime
	@echo "Installing the locked tools into $(VENV), once." >&2
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@
