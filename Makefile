# Everything a newcomer needs; `make` alone lists it.
# The first interpreter that can make an environment for vae_lab.
CAN_RUN := import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$each -c '$(CAN_RUN)' 2> /dev/null && echo $$each && break; done)
BIN := .venv/bin
RUN ?= outputs/runs/quickstart

# The real data sets, where they stand beside the checkout.
ifneq ($(wildcard ../shared/data/MNIST/raw),)
export VAE_LAB_DATA ?= $(abspath ../shared/data)
endif

.DEFAULT_GOAL := help
.PHONY: help setup quickstart check test lint torture docs docs-links lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/.ready ## create .venv with the pinned packages

.venv/.ready: pyproject.toml requirements.lock
	@$(or $(PYTHON),false) -c '$(CAN_RUN)' || { echo 'vae_lab needs Python 3.11 or later with its venv module (on Debian and Ubuntu: apt install python3-venv); name one with make PYTHON=/path/to/python3'; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	@touch $@

quickstart: setup ## train a VAE on the embedded digits (under a minute, no download)
	@rm -rf $(RUN)
	$(BIN)/python -m vae_lab.train experiment=quickstart hydra.run.dir=$(RUN)

lint: setup ## ruff, the type checker and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# A thread for each of pytest's processes: with more they wait for each other.
check: lint ## ruff, the type checker and the quick tests (about a minute)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m 'not slow and not gpu'

test: lint ## ruff, the type checker and all tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest

# Hours; less with KILLS=30, or SECTION=kills. With LOG=FILE the same command goes on after an interruption.
KILLS ?= 500
SEED ?= 0
SECTION ?=
LOG ?=

torture: setup ## kill, signal, starve and deceive the commands (hours; some minutes with KILLS=30)
	PYTHONPATH=tests $(BIN)/python -m torture --kills $(KILLS) --seed $(SEED) --only '$(SECTION)' $(if $(LOG),--log $(LOG))

# Warnings are errors, and every local link and anchor is checked; -n also checks the names in docstrings.
SPHINX = $(BIN)/python -m sphinx --fail-on-warning --keep-going --nitpicky --quiet

docs: .venv/.docs ## the documentation, into docs/_build/html; warnings are errors, local links are checked
	$(SPHINX) docs docs/_build/html
	@echo 'docs/_build/html/index.html'

docs-links: .venv/.docs ## look up the external links of the documentation
	$(SPHINX) --builder linkcheck docs docs/_build/linkcheck

.venv/.docs: .venv/.ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[docs]'
	@touch $@

# All extras but ray, which would hold others back.
lock: setup ## pin the newest versions that pyproject.toml allows
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra docs --universal --python-version 3.11 --upgrade --quiet --output-file requirements.lock

clean: ## remove the environment and caches, but no results
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache dist docs/_build
