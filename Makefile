# One task per target. `make check` is what CI runs; `make help` lists the rest.
# The environment is .venv; `make install` makes it with uv where uv is present, else with venv and pip.

SHELL := /bin/bash
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.tmp/bin:$(PATH)
export UV_PROJECT_ENVIRONMENT := .venv

# Test workers: one per core, at most four; `make test WORKERS=0` runs in one process.
WORKERS ?= auto
PYTEST := python -m pytest -n $(WORKERS) --maxprocesses 4 --dist worksteal
CODE := src tests examples benchmarks docs .ci policies
STAGES := lock lint types layers policies cover conformance docs wheel

.PHONY: help install demo test format lint types layers lock relock policies cover docs wheel check soak conformance bench clean

help:  ## List the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

install:  ## Make or update .venv with every extra and the tools
	@bash .ci/install

demo: install  ## Two organisations exchange a real dataset under a policy
	@trustspace demo

test: install  ## The whole test suite
	@bash .ci/opa wait
	$(PYTEST)

format: install  ## Rewrite the code in the house format
	ruff format $(wildcard $(CODE))
	ruff check --fix $(wildcard $(CODE))

lint: install  ## Format, lint, spelling, file lengths
	ruff format --check $(wildcard $(CODE))
	ruff check $(wildcard $(CODE))
	codespell
	python .ci/layout.py

types: install  ## mypy strict; how completely the public interface is typed
	mypy
	python .ci/typed_interface.py --at-least 99

layers: install  ## Imports point down only
	lint-imports --no-logo

lock: install  ## The lock and its export agree with pyproject.toml
	uv lock --check
	uv export --quiet --frozen --all-extras --no-emit-project --no-annotate --no-header \
	  --output-file .tmp/dev.txt
	diff -u requirements/dev.txt .tmp/dev.txt

relock: install  ## Renew the lock and its export after a change of pyproject.toml
	uv lock
	uv export --quiet --frozen --all-extras --no-emit-project --no-annotate --no-header \
	  --output-file requirements/dev.txt

policies: install  ## Rebuild the compiled policy and compare it byte for byte
	@bash .ci/policies

cover: install  ## The whole test suite with branch coverage and its thresholds
	@bash .ci/opa wait
	@bash .ci/cover $(PYTEST)

docs: install  ## Build the documentation, every warning an error
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict --quiet --site-dir .tmp/site

wheel: install  ## Build the wheel and use it in empty environments
	@bash .ci/wheel

check: install  ## Everything CI checks
	@bash .ci/check $(STAGES)

soak: install  ## The full numbers of the heavy checks (long)
	@bash .ci/opa wait
	HYPOTHESIS_PROFILE=soak python -m pytest -m soak --timeout 0

conformance: install  ## The protocol kit's cases; TCK=FOLDER plays them with the official kit
	python -m tests.conformance $(if $(TCK),--kit '$(TCK)')

bench: install  ## Every benchmark, one after the other; SIZE=full for the goals' sizes
	@bash .ci/bench

clean:  ## Remove what the tools left, but not .venv
	rm -rf .tmp .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist site
