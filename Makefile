# `make bench` and `make test` are all the set-up there is; each installs what it needs first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Idle OpenMP threads sleep instead of spinning: on a shared machine that is 3 to 4 times faster.
export OMP_WAIT_POLICY ?= PASSIVE
# Processes that share the tests; each takes up to 1.5 GiB of memory
WORKERS ?= 2

.PHONY: bench test lint types study wheel clean
.DELETE_ON_ERROR:

bench: $(VENV)/.bench
	$(BIN)/python -m bench.run --suite face8x

study: $(VENV)/.study
	$(BIN)/python -m twoafc_server demo

# A file's tests share what they set up, so a file stays with one process; one thread each.
test: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

wheel: $(VENV)/.dev
	$(BIN)/python -m build --wheel --no-isolation

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "found Python %d.%d, wanted 3.11 or newer: set PYTHON=python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)

# Installing [dev] also covers the other two, so their stamps follow it.
$(VENV)/.bench: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[bench]'
	@touch $@

$(VENV)/.study: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[server]'
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install -q -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.bench $(VENV)/.study

clean:
	rm -rf $(VENV) dist build
