# Everything from nothing: `make test` alone makes the environment, fetches the models and checks.
#   make PYTHON=python3.12 …    another interpreter (3.11 or newer) for a new environment
#   make bench DATA=folder      also what is measured on public data, in folders of it: scifact,
#                               xquad, endoflife, poisonedrag, probes; the benchmarks say whence
PYTHON ?= python3

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help demo demo-full test bench lint docs wheel models clean

BIN := .venv/bin
READY := .venv/.ready

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 16

demo: models  ## ingest the sample handbook, ask, learn, edit, ask again
	@$(BIN)/python -m benchmarks.demo

demo-full: models  ## the same with every fact of the handbook, which takes longer
	@$(BIN)/python -m benchmarks.demo --full

test: lint models  ## lint, then every test, those with the real models too
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

bench: models  ## measure, for some hours, and write the results to benchmarks/
	@$(BIN)/python -m benchmarks.answers $(if $(DATA),--data $(DATA))
	@$(BIN)/python -m benchmarks.learning
	@$(BIN)/python -m benchmarks.learning alike
	@$(BIN)/python -m benchmarks.rounds
	@$(BIN)/python -m benchmarks.growth
	@$(BIN)/python -m benchmarks.cost
	@$(BIN)/python -m benchmarks.forgetting
	@$(BIN)/python -m benchmarks.meta_learning
	@$(BIN)/python -m benchmarks.faults
	@$(BIN)/python -m benchmarks.index
	@$(BIN)/python -m benchmarks.similarity
	@$(BIN)/python -m benchmarks.switching
ifdef DATA
	@$(BIN)/python -m benchmarks.drift $(DATA)/probes
	@$(BIN)/python -m benchmarks.reader ability $(DATA)/probes
	@$(BIN)/python -m benchmarks.paragraphs $(DATA)/xquad
	@$(BIN)/python -m benchmarks.releases $(DATA)/endoflife
	@$(BIN)/python -m benchmarks.freshness $(DATA)/endoflife
	@$(BIN)/python -m benchmarks.poison $(DATA)/poisonedrag
	@$(BIN)/python -m benchmarks.retrieval --scifact $(DATA)/scifact --xquad $(DATA)/xquad
endif
	@$(BIN)/python -m benchmarks.plots

lint: $(READY)  ## formatting, style, types, and which module may import which
	@echo "==> lint"
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

docs: $(READY)  ## the documentation site, in site/
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

wheel: $(READY)  ## the package, in dist/
	@$(BIN)/python -m build --wheel --outdir dist .

models: $(READY)  ## fetch the default models, once
	@echo "==> models"
	@$(BIN)/ragcl models pull

clean:  ## remove what was made here, except the environment and the models
	rm -rf .demo build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt | $(BIN)/python
	@echo "==> packages (the first time takes some minutes: torch is large)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off \
	    -c constraints.txt -e ".[dev]" 2> >(grep -v '^WARNING' >&2) \
	    | awk '/^Collecting/ { print "    " $$2; fflush() } /^Installing c/ { print "    installing …"; fflush() }'
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "ragcl needs Python 3.11 or newer; name one: make PYTHON=python3.12 …" >&2; exit 1; }
	@echo "==> environment in .venv"
	@$(PYTHON) -m venv .venv
