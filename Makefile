# The one front door. `make run` needs Python 3.11 or newer, git and make; every other target installs the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
PORT ?= 8787
DATA ?= .data
SOAK ?= 60
KILLS ?= 200
VALUES ?= 2000
PROGRAMS ?= 10000
SEEDS ?= 100
STAGE ?= dev
# Python and pytest keep what they compile: without, every process of the tests compiles all that it imports anew.
export PYTHONDONTWRITEBYTECODE :=

PIP := $(PY) -m pip install --quiet --disable-pip-version-check

LOCKED := --quiet --universal --python-version 3.11 --generate-hashes --no-annotate
LOCK := $(VENV)/bin/uv pip compile $(LOCKED) --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade-package $(UPGRADE))
TEMPLATE := durable/templates/project

.PHONY: help run test test-deployed torture check compile openapi lock docs screenshots wheel bench bench-quick coldstart rehearse deploy verify-aws \
	destroy clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# pip is put into an environment last: one without it was interrupted, and is made anew.
$(VENV)/bin/pip:
	@python3 -m venv --clear $(VENV)

$(VENV)/run.stamp: requirements-local.txt pyproject.toml | $(VENV)/bin/pip
	@echo "installing what a run needs into $(VENV)"
	@$(PIP) --no-compile --no-deps --require-hashes -r requirements-local.txt
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/all.stamp: requirements.txt $(VENV)/run.stamp
	@echo "installing what tests and deployment need into $(VENV)"
	@$(PIP) --no-deps --require-hashes -r requirements.txt
	@touch $@

run: $(VENV)/run.stamp ## the project on this machine: http://127.0.0.1:8787 (PORT=, DATA=)
	@exec $(PY) -m durable dev --port $(PORT) --data $(DATA)

test: $(VENV)/all.stamp ## the tests that need no deployment, but for the slow ones
	@$(PY) -m pytest -n 2 --dist worksteal -m "not ministack and not slow"

test-deployed: $(VENV)/all.stamp ## those that need one, on an AWS on this machine; and the wheel, in an environment of its own
	@$(PY) -m pytest -m ministack

torture: $(VENV)/all.stamp ## kill the server two hundred times, play seeds of the simulated AWS, and run programs and send values that were drawn
	@TORTURE=$(KILLS) SOAK=$(SOAK) $(PY) -m pytest tests/e2e/test_torture.py -n 2 --timeout 7200
	@DURABLE_VALUES=$(VALUES) $(PY) -m pytest tests/contract/test_values.py tests/unit/testing/test_drawn_values.py --timeout 3600
	@DURABLE_SEEDS=$(SEEDS) $(PY) -m pytest tests/simulation/test_stories.py -n 2 --timeout 7200
	@DURABLE_PROGRAMS=$(PROGRAMS) $(PY) -m pytest tests/unit/compiler/test_generated.py -n 2 --timeout 3600

check: $(VENV)/all.stamp ## what CI runs: lint, types, layers, compiled workflows, all tests
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports
	@$(PY) -m durable compile --check
	@$(PY) -m durable openapi --check
	@$(PY) -m pytest -n 2 --dist worksteal -m "not ministack"
	@$(MAKE) --no-print-directory test-deployed

compile: $(VENV)/run.stamp ## write statemachines/*.asl.json anew
	@$(PY) -m durable compile

openapi: $(VENV)/run.stamp ## write docs/openapi.json anew
	@$(PY) -m durable openapi

lock: $(VENV)/all.stamp ## lock what pyproject.toml and functions/requirements.in name (UPGRADE=<package> takes its newest)
	@$(LOCK) pyproject.toml functions/requirements.in --all-extras --group dev --output-file requirements.txt
	@$(LOCK) pyproject.toml functions/requirements.in --extra local --group build -c requirements.txt --output-file requirements-local.txt
	@$(LOCK) functions/requirements.in -c requirements.txt --output-file functions/requirements.txt
	@cd $(TEMPLATE) && $(abspath $(VENV))/bin/uv pip compile $(LOCKED) --no-header functions/requirements.in \
	  -c $(CURDIR)/requirements.txt --output-file functions/requirements.txt

docs: $(VENV)/all.stamp ## the documentation as a site, in site/
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet
	@echo "site/index.html"

screenshots: $(VENV)/all.stamp ## take the pictures of the console in docs/images (needs Chromium)
	@$(PY) -m tests.e2e.screenshots

wheel: $(VENV)/bin/pip ## the library as a wheel, in dist/
	@$(PY) -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .
	@ls dist/*.whl

rehearse: $(VENV)/all.stamp ## the real cdk deploy to an AWS on this machine, and a sign-up through its API
	@$(PY) -m durable rehearse

deploy: $(VENV)/all.stamp ## cdk deploy with your credentials (STAGE=prod for another stage than dev)
	@$(PY) -m durable deploy --stage $(STAGE)

destroy: $(VENV)/all.stamp ## cdk destroy (STAGE=); prod keeps its data
	@$(PY) -m durable destroy --stage $(STAGE)

verify-aws: $(VENV)/all.stamp ## deploy a stage to your account, verify it and take it down: 15 minutes, under a dollar (MAIL_SENDER=)
	@$(PY) -m tests.account.verify

bench: $(VENV)/all.stamp ## peers side by side, about 15 minutes (BENCH=--write puts the table into docs/performance.md)
	@exec $(PY) -m bench $(BENCH)

bench-quick: $(VENV)/all.stamp ## ours alone, in two minutes
	@exec $(PY) -m bench --quick $(BENCH)

coldstart: $(VENV)/all.stamp ## what each Lambda imports, and how long it takes to start
	@exec $(PY) -m bench.coldstart

clean: ## remove what was installed and built, not the data
	@rm -rf $(VENV) .cache cdk.out dist
