# make demo    set up .venv, then run the main job
# make test    set up .venv, then run the tests
# Other targets: test-slow, check (lint and types), format, build, clean.
# Another interpreter: make test PYTHON=python3.11

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip --disable-pip-version-check install -c constraints.txt

.PHONY: demo test test-slow check lint types format build clean
.DEFAULT_GOAL := demo

demo: $(VENV)/.installed-view
	$(BIN)/python -m hyperdyn demo

# A file's tests stay together: they share what is slow to make.
test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

test-slow: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m slow

check: lint types

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# In an installed copy, where the mapped folders are ordinary packages.
types: $(VENV)/.installed-dev
	rm -rf build/typed build/lib
	$(INSTALL) --quiet --no-deps --no-build-isolation --target build/typed .
	MYPYPATH=build/typed $(BIN)/mypy -p hyperdyn

format: $(VENV)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

build: $(VENV)/.installed-dev
	rm -rf dist
	$(BIN)/python -m build --no-isolation

clean:
	rm -rf $(VENV) build dist *.egg-info

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "hyperdyn needs Python 3.11 or newer; name one: make PYTHON=python3.11 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	    { rm -rf $(VENV); echo "No virtual environment: on Debian, apt-get install python3-venv."; exit 1; }

# A second run does not install again, unless what there is to install has changed.
$(VENV)/.installed-%: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing into $(VENV): a few minutes and about 2 GB the first time."
	$(INSTALL) --quiet --editable '.[$(EXTRAS)]'
	@touch $@

$(VENV)/.installed-view: EXTRAS := view
$(VENV)/.installed-dev: EXTRAS := cluster,dev,experts,push,view
