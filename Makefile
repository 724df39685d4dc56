# Needs make and Python 3.11 or later. Everything else goes into .venv, of this folder alone.
# A relative path stands everywhere: the folder's own may hold spaces, which make can't.

PROFILE ?= quick
ARGS ?=
DIR ?=
COMPARE ?=
PYTHON ?=

# Into the environment of what is run, as it is: never into a command, where it would be seen.
ifdef DATABASE_URL
override DATABASE_URL := $(value DATABASE_URL)
export DATABASE_URL
endif

BENCH := .venv/bin/bench
READY := .venv/.ready
READY_DEV := .venv/.ready-dev

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup install bench microbench test test-all versions check charts docs docs-site db-up db-down clean

help: ## list the targets
	@echo "gatherbench: what does it cost, under concurrency, to reach PostgreSQL from Python?"
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## make the environment .venv, to measure: bench is in .venv/bin

install: $(READY_DEV) ## make the environment .venv, with the tools of development

bench: $(READY) ## measure: PROFILE=smoke|quick|full DATABASE_URL=... ARGS="--backend asyncpg"
	@$(BENCH) run --profile '$(PROFILE)' $(ARGS)

# A name of twelve characters: of more, pytest-benchmark's table shows no more.
microbench: $(READY_DEV) ## the functions under pytest-benchmark: ARGS="-k asyncpg" COMPARE=261122180000
	@mkdir -p results/microbench
	@.venv/bin/python -m pytest bench/studies/microbench -q --benchmark-enable --benchmark-only \
	    --benchmark-storage=results/microbench \
	    --benchmark-json="results/microbench/$$(date -u +%y%m%d%H%M%S).json" \
	    --benchmark-sort=mean --benchmark-columns=mean,stddev,median,iqr,ops,rounds \
	    $(if $(COMPARE),--benchmark-compare='$(COMPARE)') $(ARGS)

# With PYTHONDONTWRITEBYTECODE, each of several hundred processes would compile all modules anew.
PYTEST := env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

test: $(READY_DEV) ## run the tests: ARGS="-k streams"
	@$(PYTEST) -m 'not long' $(ARGS)

test-all: $(READY_DEV) ## run all tests, with those of faults and of other versions
	@$(PYTEST) $(ARGS)

versions: $(READY_DEV) ## run the tests with other Pythons, libraries, servers: ARGS="-s lowest"
	@env -u PYTHONDONTWRITEBYTECODE .venv/bin/nox $(ARGS)

check: $(READY_DEV) ## lint, formatting, types, spelling, documents, architecture
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/codespell
	@env NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict
	@.venv/bin/python -m pytest -q tests/test_layers.py tests/accessors/test_twins.py

charts: $(READY) ## draw a result again: DIR=results/... (default: the newest)
	@dir='$(DIR)'; \
	if [ -z "$$dir" ]; then \
	    newest=$$(ls -t results/*/run.jsonl 2>/dev/null | head -n 1); dir=$${newest%/run.jsonl}; \
	fi; \
	if [ -z "$$dir" ]; then echo "error: no results yet. Try: make bench" >&2; exit 1; fi; \
	$(BENCH) charts "$$dir"

docs: $(READY_DEV) ## write the figures, findings and help texts of the documents again
	@.venv/bin/python -m bench.cli.documents
	@.venv/bin/python -m tests.faults.document docs/faults.md

docs-site: $(READY_DEV) ## build the documents as a site
	@env NO_MKDOCS_2_WARNING=1 .venv/bin/mkdocs build --strict
	@echo "The site is in build/site: open build/site/index.html."

db-up: ## start another PostgreSQL, in Docker
	$(need_docker)
	@docker compose up --detach --wait
	@echo "It is up. Its DATABASE_URL for make bench is at the top of docker-compose.yml."

db-down: ## stop the one in Docker (its rows stay)
	$(need_docker)
	@docker compose down

clean: ## remove .venv and caches; results/ and the database's files stay
	@# The embedded server runs from .venv: it has to end first.
	@if [ -x $(BENCH) ]; then $(BENCH) db stop >/dev/null || exit 1; fi
	@rm -rf .venv .nox .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks build *.egg-info packages/*/src/*.egg-info packages/*/build
	@find accessors bench packages tests -type d -name __pycache__ -prune -exec rm -rf {} +
	@echo "removed  .venv, .nox and caches"
	@echo "kept     results/ and .gatherbench/ (the embedded database, stopped): yours to delete"

$(READY): pyproject.toml constraints.txt packages/*/pyproject.toml
	$(call install,.)
	@touch $@

$(READY_DEV): pyproject.toml constraints.txt packages/*/pyproject.toml
	$(call install,.[dev])
	@touch $(READY) $@

define need_docker
@command -v docker >/dev/null || { \
    echo "error: docker is not installed, and this target needs it." >&2; \
    echo "Without it, make bench brings a PostgreSQL of its own." >&2; exit 1; }
@docker compose version >/dev/null 2>&1 || { \
    echo "error: this docker has no compose: https://docs.docker.com/compose/install/" >&2; \
    exit 1; }
endef

# An environment that works is kept. A broken one, or one of another Python than the named, is made
# anew: two Pythons in one folder are worse than none.
define install
@fits() { "$$1" -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }; \
if [ -n '$(PYTHON)' ] || ! fits .venv/bin/python || ! .venv/bin/python -m pip >/dev/null 2>&1; then \
    for each in $(if $(PYTHON),'$(PYTHON)',python3 python3.14 python3.13 python3.12 python3.11 python); do \
        if fits "$$each"; then python=$$each; break; fi; \
    done; \
    if [ -z "$$python" ]; then \
        echo "error: $(if $(PYTHON),$(PYTHON) is,there is) no Python 3.11 or later." >&2; \
        echo "Install one, or name it: make $(or $(MAKECMDGOALS),install) PYTHON=/path/to/python3" \
            >&2; \
        exit 1; \
    fi; \
    "$$python" -m venv --clear .venv || exit 1; \
fi; \
echo "Installing into .venv (once; it takes a minute) ..."; \
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
    --constraint constraints.txt --editable packages/session-guard \
    --editable packages/pytest-async-benchmark --editable '$(1)'
endef
