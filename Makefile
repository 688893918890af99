# Everything a person needs; `make help` lists it.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
READY := .venv/ready

.PHONY: help run dev test bench stop pictures
.DEFAULT_GOAL := help

help:  ## what each target does
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11)' || (echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11" && exit 1)
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

run: $(READY)  ## documents to live endpoint, for every twin; then ask one question
	$(BIN)/llm-twin run

dev: $(READY)  ## Dagster in the browser: lineage, runs, sensors
	$(BIN)/llm-twin dev

test: $(READY)  ## lint, types, import contracts, tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder

bench: $(READY)  ## the numbers of docs/benchmarks.md
	$(BIN)/python -m tests.bench

pictures: $(READY)  ## the pictures of the README, taken from a finished `make run`
	$(BIN)/python docs/pictures.py

stop:  ## stop the local server
	@test ! -x $(BIN)/llm-twin || $(BIN)/llm-twin stop
