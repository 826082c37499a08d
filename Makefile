# Needs only make and Python 3.11-3.13; everything else goes into .venv.
# PYTHON=/path/to/python3.12 chooses the interpreter; T='-m slow' passes arguments to pytest.
PYTHON ?=
export PYTHON
BASE := .venv/.openau-base
DEV := .venv/.openau-dev

.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help demo test check bench default-model clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-20s %s\n", $$1, $$2}'

demo: $(BASE) ## analyse the bundled clip, show found against true
	@.venv/bin/openau demo

test: $(DEV) ## run the tests
	@scripts/test $(T)

check: $(DEV) ## style, types and walls
	@scripts/check

bench: $(DEV) ## measure speed, memory, installation and real faces, in short
	@scripts/bench --quick

default-model: $(DEV) ## build the default model from its recipe (needs the face rig)
	@scripts/default-model

clean: ## remove .venv, caches and build products; results stay
	rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(BASE): pyproject.toml scripts/install
	@scripts/install base

$(DEV): pyproject.toml scripts/install
	@scripts/install dev
