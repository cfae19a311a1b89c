# The one front door. `make run` needs Python 3.11 or newer, git and make; every other target installs the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
PORT ?= 8787
DATA ?= .data
STAGE ?= dev
PIP := $(PY) -m pip install --quiet --disable-pip-version-check

.PHONY: help run test check openapi bench bench-quick coldstart clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/run.stamp: functions/requirements.txt durable/local/requirements.txt
	@test -x $(PY) || python3 -m venv $(VENV)
	@echo "installing what a run needs into $(VENV)"
	@$(PIP) -r durable/local/requirements.txt
	@touch $@

$(VENV)/all.stamp: requirements.txt $(VENV)/run.stamp
	@echo "installing what tests and deployment need into $(VENV)"
	@$(PIP) -r requirements.txt
	@touch $@

run: $(VENV)/run.stamp ## the project on this machine: http://127.0.0.1:8787 (PORT=, DATA=)
	@exec $(PY) -m durable dev --port $(PORT) --data $(DATA)

test: $(VENV)/all.stamp ## all tests
	@$(PY) -m pytest -n 2

check: $(VENV)/all.stamp ## what CI runs: lint, types, layers, compiled workflows, tests
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports
	@$(PY) -m durable compile --check
	@$(MAKE) --no-print-directory test

compile: $(VENV)/run.stamp ## write statemachines/*.asl.json anew
	@$(PY) -m durable compile

bench: $(VENV)/all.stamp ## peers side by side, about 25 minutes (BENCH="--only ours dbos --rounds 1")
	@exec $(PY) -m bench $(BENCH)

bench-quick: $(VENV)/all.stamp ## ours alone, in a minute or two
	@exec $(PY) -m bench --quick $(BENCH)

coldstart: $(VENV)/all.stamp ## what each Lambda imports, and how long it takes to start
	@exec $(PY) -m bench.coldstart

clean: ## remove what was installed and built, not the data
	@rm -rf $(VENV) .cache cdk.out node_modules
