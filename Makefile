# Every target prepares what it needs first: .venv and, for the page, web/node_modules. See infra/bootstrap.
#
#   make up FEED=sim:rate=50000 PORT=9000 DATA=/some/folder
#   make test ARGS='tests/unit -x'
#   make … PYTHON=/usr/bin/python3.13

.DEFAULT_GOAL := help
.PHONY: help up test lint fmt bench bench-fanout bench-candles bench-portfolios bench-alerts web lock clean
.DELETE_ON_ERROR:

# The first of these that is 3.11 or newer; PYTHON= names another.
CANDIDATES := python3.11 python3.12 python3.13 python3
IS_NEW := import sys; sys.exit(sys.version_info < (3, 11))
FOUND = $(shell for p in $(CANDIDATES); do "$$p" -c '$(IS_NEW)' >/dev/null 2>&1 && echo "$$p" && break; done)
PYTHON ?= $(or $(FOUND),$(error Python 3.11 or newer is needed, and none of $(CANDIDATES) is. \
  Install it (Debian 12: apt install python3 python3-venv) or name one: make PYTHON=/path/to/python))
BOOTSTRAP = $(PYTHON) -m infra.bootstrap
IN_VENV := .venv/bin/python -m
UV ?= $(or $(wildcard .venv/bin/uv),uv)

# How many processes run the tests: most of them wait for servers, so two cores carry three.
JOBS ?= 3

# Recorded market data, for the tests that replay it.
export TICKMESH_DATA ?= $(abspath ../shared/data)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | while IFS='|' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

up: ## run the whole platform here until Ctrl-C; FEED=iex:FILE replays a recording, PORT= DATA=
	@exec $(BOOTSTRAP) up $(if $(FEED),--feed '$(FEED)') $(if $(PORT),--http-port '$(PORT)') $(if $(DATA),--data '$(DATA)')

test: ## all tests, with the coverage of market, which is all of it; ARGS= goes to pytest
	@$(BOOTSTRAP) env dev
	@$(BOOTSTRAP) web
	$(IN_VENV) pytest -p tests.shares -n $(JOBS) --cov --cov-report= $(ARGS)
	$(if $(ARGS),,$(IN_VENV) coverage report --fail-under=100)
	@$(BOOTSTRAP) npm test

lint: ## formatting, style, types and layers, in Python and in the page
	@$(BOOTSTRAP) env dev
	$(IN_VENV) ruff check .
	$(IN_VENV) ruff format --check .
	$(IN_VENV) mypy
	.venv/bin/lint-imports
	@$(BOOTSTRAP) npm run lint
	@$(BOOTSTRAP) npm exec -- tsc --noEmit

fmt: ## format the Python code and mend what can be mended
	@$(BOOTSTRAP) env dev
	$(IN_VENV) ruff format .
	$(IN_VENV) ruff check --fix .

bench: ## measure and print one table; ARGS= goes to it
	@$(BOOTSTRAP) env dev
	$(IN_VENV) bench $(ARGS)

bench-fanout: ## measure what an update costs on its way to many clients, beside its peers; about five minutes
	@$(BOOTSTRAP) env dev
	$(IN_VENV) bench fanout $(ARGS)

bench-candles: ## measure candles from the tape to the page, each part beside its peer; about ten minutes
	@$(BOOTSTRAP) env dev
	$(IN_VENV) bench candles $(ARGS)

bench-portfolios: ## measure commands to portfolios and what they are worth
	@$(BOOTSTRAP) env dev
	$(IN_VENV) bench portfolios $(ARGS)

bench-alerts: ## measure what ticks touch of ten million alerts, and what comes of it
	@$(BOOTSTRAP) env dev
	$(IN_VENV) bench alerts $(ARGS)

web: ## build the page into gateway/static
	@$(BOOTSTRAP) web

LOCK = $(UV) pip compile pyproject.toml --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

lock: ## make the locks in requirements/ anew (needs uv); ARGS=--upgrade takes new versions
	$(LOCK) $(ARGS) --quiet --extra local --output-file requirements/local.txt
	$(LOCK) $(ARGS) --quiet --extra local --extra dev --output-file requirements/dev.txt

clean: ## remove what was built and installed; a stack's data in .tickmesh stays
	rm -rf .venv web/node_modules web/dist gateway/static dist .coverage .coverage.* htmlcov test-results
	rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
