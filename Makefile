# Every target makes what it needs, from Python 3.11 or newer and its pip.
# PYTHON=/path/to/python chooses the interpreter; ARGS=... goes to the program that a target runs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

NEW_ENOUGH := import sys, venv; sys.exit(sys.version_info < (3, 11))
ifndef PYTHON
PYTHON := $(shell for p in python3.11 python3 python3.12 python3.13 python3.14 python; do \
	"$$p" -c '$(NEW_ENOUGH)' >/dev/null 2>&1 && echo "$$p" && break; done)
endif
ARGS ?=
UV_VERSION := 0.13.9
# Every package is in the list with its hashes, so pip looks for no others; Python compiles what it imports.
PIP := '$(PYTHON)' -m pip --disable-pip-version-check -qq --python
LOCKED := install --require-hashes --no-deps --no-compile
LOCK := .venv-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --upgrade --custom-compile-command "make lock"

ON_POSTGRES := tests/state tests/company tests/crash tests/writes/test_ledger.py tests/writes/test_ledger_repeats.py tests/state/test_audit.py \
	tests/writes/test_recovery.py tests/prospects tests/matching/test_tool.py tests/writes/test_approvals.py \
	tests/tools/records/test_operations.py tests/tools/renovationfind/test_leads.py tests/tools/pipeline/test_hand_off.py

.PHONY: help
help: ## List the commands
	@grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1|\2/' | column -t -s '|' 2>/dev/null \
		|| grep -hE '^[a-z][a-z-]*:.*## ' $(MAKEFILE_LIST)

.PHONY: install
install: .venv/stamp-run ## Make the environment .venv with the command leadbridge, and nothing else
	@echo "Ready: .venv/bin/leadbridge --help"

.PHONY: demo
demo: .venv/stamp-run ## Follow a lead from its arrival to won, on simulated services (ARGS=--yes answers each question)
	@.venv/bin/leadbridge demo $(ARGS)

.PHONY: connect
connect: .venv/stamp-run ## Connect the assistants on this computer, on simulated services (ARGS=cursor for one of them)
	@.venv/bin/leadbridge install --sandbox $(ARGS)

.PHONY: test
test: .venv/stamp-dev ## The tests, without those that only make test-all runs (ARGS="-k name" runs any by name)
ifeq ($(strip $(ARGS)),)
	@.venv/bin/python -m pytest --numprocesses auto --dist worksteal -m "not exhaustive"
else
	@.venv/bin/python -m pytest $(ARGS)
endif

.PHONY: test-all
test-all: .venv/stamp-dev ## Every test: the shorter ones with branch coverage, then kills, races, faults, mixtures, and each version's twin
	@.venv/bin/python -m pytest --numprocesses auto --dist worksteal -m "not exhaustive" --cov --cov-report=term-missing:skip-covered --cov-fail-under=95
	@.venv/bin/python -m pytest --numprocesses auto --dist worksteal -m exhaustive

.PHONY: test-postgres
test-postgres: .venv/stamp-dev ## The tests of store, ledger, approvals, crashes, races and prospect index once more, on a real PostgreSQL
	@.venv/bin/python -m pytest $(ON_POSTGRES) --store postgresql --numprocesses auto --dist worksteal --quiet $(ARGS)

.PHONY: check
check: .venv/stamp-dev ## Style, types (on Windows too), import directions, dependencies, the table of tools
	.venv/bin/ruff check --quiet .
	.venv/bin/ruff format --check --quiet .
	.venv/bin/basedpyright
	.venv/bin/basedpyright --pythonplatform Windows server tools
	.venv/bin/lint-imports --no-logo
	.venv/bin/deptry .
	.venv/bin/leadbridge tools --check docs/tools.md
	.venv/bin/python -m scripts.schemas check

.PHONY: schemas
schemas: .venv/stamp-dev ## The tools' schemas, made from their types, into the package
	.venv/bin/python -m scripts.schemas

.PHONY: format
format: .venv/stamp-dev ## Format, and fix what ruff can fix
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

.PHONY: bench
bench: .venv/stamp-dev .venv-peer/stamp ## Measure against other servers and the budgets, and write docs/benchmarks.md (ARGS=--quick for a first look)
	@.venv/bin/python -m bench.run $(ARGS)

.PHONY: inspect
inspect: .venv/stamp-dev ## Open the MCP Inspector on the sandbox server
	@.venv/bin/python scripts/inspector.py open

.PHONY: inspect-ci
inspect-ci: .venv/stamp-dev ## The MCP Inspector's command line on the sandbox server, in both protocol versions
	@.venv/bin/python scripts/inspector.py check

.PHONY: lock
lock: .venv-lock/stamp ## Newest versions into requirements/*.txt, each with the hashes of all its files
	$(LOCK) pyproject.toml --output-file requirements/run.txt
	$(LOCK) --group build --constraint requirements/run.txt --output-file requirements/build.txt
	$(LOCK) pyproject.toml --group dev --constraint requirements/run.txt --constraint requirements/build.txt --output-file requirements/dev.txt
	$(LOCK) pyproject.toml --extra postgres --constraint requirements/run.txt --output-file requirements/image.txt
	$(LOCK) --group bench-peer --constraint requirements/run.txt --output-file requirements/bench-peer.txt

.PHONY: dist
dist: .venv/stamp-run ## The wheel, and what is made of it: bundle, plugin, registry entry, list of parts
	@.venv/bin/python -m scripts.artifacts

.PHONY: clean
clean: ## Remove the environments and everything else that was made
	rm -rf .venv .venv-peer .venv-lock .inspector .coverage .coverage.* .pytest_cache .ruff_cache .hypothesis .import_linter_cache dist build
	find server tools prompts tests bench scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# The environments. They are made without pip of their own (no ensurepip needed): the interpreter's pip fills them.

define make-venv
	@[ -n '$(PYTHON)' ] && '$(PYTHON)' -c '$(NEW_ENOUGH)' 2>/dev/null \
		|| { echo "LeadBridge needs Python 3.11 or newer: install it, or name it with make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@'$(PYTHON)' -m pip --version >/dev/null 2>&1 || { echo "LeadBridge needs pip: '$(PYTHON) -m pip' does not run" >&2; exit 1; }
	@$(1)/bin/python -c '' 2>/dev/null || { echo "Making $(1) ..." >&2; '$(PYTHON)' -m venv --clear --without-pip $(1); }
endef

.venv/stamp-run: requirements/run.txt requirements/build.txt pyproject.toml
	$(call make-venv,.venv)
	@$(PIP) .venv $(LOCKED) -r requirements/run.txt -r requirements/build.txt
	@$(PIP) .venv install --no-deps --no-build-isolation -e .
	@touch $@

.venv/stamp-dev: .venv/stamp-run requirements/dev.txt
	@echo "Installing the development tools into .venv ..." >&2
	@$(PIP) .venv $(LOCKED) -r requirements/dev.txt
	@touch $@

.venv-peer/stamp: requirements/bench-peer.txt
	$(call make-venv,.venv-peer)
	@$(PIP) .venv-peer $(LOCKED) -r requirements/bench-peer.txt
	@touch $@

.venv-lock/stamp: Makefile
	$(call make-venv,.venv-lock)
	@$(PIP) .venv-lock install uv==$(UV_VERSION)
	@touch $@
