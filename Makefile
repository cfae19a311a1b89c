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

CDK := PATH="$(CURDIR)/$(VENV)/bin:$$PATH" NODE_NO_WARNINGS=1 STAGE=$(STAGE) $(VENV)/bin/npx cdk

.PHONY: help run test test-deployed torture check compile openapi bench bench-quick coldstart rehearse deploy destroy clean

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

test: $(VENV)/all.stamp ## all tests that need no deployment
	@$(PY) -m pytest -n 2 --dist worksteal -m "not ministack"

test-deployed: $(VENV)/all.stamp ## those that need one: the real CDK CLI deploys to an AWS on this machine
	@$(PY) -m pytest -m ministack

torture: $(VENV)/all.stamp ## kill the server two hundred times, and run ten thousand programs that were drawn at random
	@TORTURE=200 $(PY) -m pytest tests/e2e/test_torture.py -n 2
	@DURABLE_PROGRAMS=10000 $(PY) -m pytest tests/unit/compiler/test_generated.py -n 2 --timeout 3600

check: $(VENV)/all.stamp ## what CI runs: lint, types, layers, compiled workflows, tests
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports
	@$(PY) -m durable compile --check
	@$(PY) -m durable openapi --check
	@$(MAKE) --no-print-directory test test-deployed

compile: $(VENV)/run.stamp ## write statemachines/*.asl.json anew
	@$(PY) -m durable compile

openapi: $(VENV)/run.stamp ## write docs/openapi.json anew
	@$(PY) -m durable openapi

rehearse: $(VENV)/all.stamp ## the real cdk deploy to an AWS on this machine, and a sign-up through its API
	@$(PY) -m infra.rehearsal

deploy: $(VENV)/all.stamp node_modules/.package-lock.json ## cdk deploy with your credentials (STAGE=prod for another stage than dev)
	@$(CDK) deploy

destroy: $(VENV)/all.stamp node_modules/.package-lock.json ## cdk destroy (STAGE=); prod keeps its data
	@$(CDK) destroy

node_modules/.package-lock.json: package-lock.json $(VENV)/all.stamp
	@echo "installing the CDK CLI into node_modules"
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" $(VENV)/bin/npm ci --no-audit --no-fund --loglevel=error
	@touch $@

bench: $(VENV)/all.stamp ## peers side by side, about 25 minutes (BENCH="--only ours dbos --rounds 1")
	@exec $(PY) -m bench $(BENCH)

bench-quick: $(VENV)/all.stamp ## ours alone, in a minute or two
	@exec $(PY) -m bench --quick $(BENCH)

coldstart: $(VENV)/all.stamp ## what each Lambda imports, and how long it takes to start
	@exec $(PY) -m bench.coldstart

clean: ## remove what was installed and built, not the data
	@rm -rf $(VENV) .cache cdk.out node_modules
