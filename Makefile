SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help build day test lint docs athena-local locks clean

PYTHON ?= python3
LAKE ?= lake
ENV := .venv
BIN := $(ENV)/bin
export LAKE
export PATH := $(CURDIR)/$(BIN):$(PATH)

help:  ## what there is to make
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 15

$(ENV)/build: locks/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' \
		|| { echo "Python 3.10 to 3.13 is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1). Name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(ENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/build.txt
	@touch $@

$(ENV)/test: $(ENV)/build locks/test.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/test.txt
	@touch $@

$(ENV)/athena-local: $(ENV)/build locks/athena-local.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/athena-local.txt
	@touch $@

build: $(ENV)/build  ## environment, 5,000 generated tickets if LAKE is empty, dbt build, summary
	@python -m generator generate --count 5000 --if-empty --output "$(LAKE)/raw"
	dbt build
	@python scripts/summary.py "$(LAKE)"

day: $(ENV)/build  ## the next day arrives and is built
	python -m generator simulate --days 1 --output "$(LAKE)/raw"
	dbt build
	@python scripts/summary.py "$(LAKE)"

test: $(ENV)/test lint  ## all that CI runs
	python -m pytest -q -n 2

lint: $(ENV)/test  ## SQL and Python
	ruff check --quiet .
	ruff format --quiet --check .
	@mkdir -p target/empty-lake
	LAKE=target/empty-lake sqlfluff lint --processes 2 --disable-progress-bar models tests analyses

docs: $(ENV)/build  ## static documentation, target/static_index.html
	dbt docs generate --static
	@echo "Open target/static_index.html, or run: dbt docs serve"

athena-local: $(ENV)/athena-local  ## a stand-in for Athena on this machine, until Ctrl-C; prints what to set
	@python -m infra.local

locks:  ## pin what pyproject.toml asks for, hashes and no addresses; needs uv
	@for lock in build: test:--extra=test athena:--extra=athena "athena-local:--extra=athena --extra=athena-local --constraints=locks/test.txt"; do \
		uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-strip-extras --no-header --no-annotate \
			--no-emit-index-url $${lock#*:} pyproject.toml -o locks/$${lock%%:*}.txt || exit 1; \
	done

clean:  ## all that was made, LAKE too if it is the project's own
	rm -rf $(ENV) target logs lake
