# make demo and make test work on a fresh machine with Python 3.10+ and make. Without make: README.md, "Without make".
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# On Linux, PyPI's torch brings several GB of CUDA libraries. Without an NVIDIA driver take PyTorch's CPU build.
TORCH_INDEX ?= $(shell [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null && echo https://download.pytorch.org/whl/cpu)
SEEDS ?= 0

.DEFAULT_GOAL := help
help:     ## this list
	@grep -E '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(VENV)/.installed: requirements.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "error[old-python]: Python 3.10 or newer is needed; make PYTHON=python3.11 ...")'
	$(PYTHON) -m venv $(VENV)
	$(if $(TORCH_INDEX),$(PIP) install --no-deps --retries 1 -c requirements.txt --extra-index-url $(TORCH_INDEX) torch)
	$(PIP) install -r requirements.txt
	@touch $@

install: $(VENV)/.installed ## .venv with pinned dependencies

libraries: install ## the libraries that single tests need besides (0.9 GB more); without them those tests are skipped
	$(PIP) install -c requirements.txt -r requirements-libraries.txt

demo: install ## the whole chain on NSGF: plan to verdict, report in runs/nsgf/
	$(BIN)/python examples/nsgf/demo.py --seeds $(SEEDS)

test: install ## all tests that need no GPU, a file per process
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --maxprocesses 8 --dist loadfile

fix: install ## format and auto-fix
	$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

check: install ## lint, format, types, built copies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python helpers/install.py sync --check

sync: install ## rebuild the copies of helpers and templates inside the skill folders
	$(BIN)/python helpers/install.py sync

dist: install ## zips of the skills for upload, in dist/
	$(BIN)/python helpers/install.py zip --out dist

# Node 22.20 or newer comes with the packages; npm must be there. Nothing is written outside .clients.
clients:  ## real clients and validators, pinned, in .clients/ (about 2 GB)
	mkdir -p .clients && cp tests/clients/package.json .clients/
	cd .clients && npm install --no-audit --no-fund --no-package-lock
	$(PYTHON) -m venv .clients/venv && .clients/venv/bin/pip install -q -r tests/clients/requirements.txt
	$(PYTHON) -m venv .clients/scan && .clients/scan/bin/pip install -q -r tests/clients/requirements-scan.txt

test-clients: install ## install the skills into real clients, offline, and run every helper there
	$(BIN)/python -m pytest -q tests/clients

clean:    ## remove the demo's results (asks nothing)
	rm -rf runs

.PHONY: help install libraries demo test fix check sync dist clients test-clients clean
