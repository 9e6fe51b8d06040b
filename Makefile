SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help build day daily dashboard receive test test-athena lint lint-changed parse build-changed pr-report docs pictures bench bench-athena bench-landing bench-serving deploy upload maintain undeploy athena-local locks clean

PYTHON ?= python3
LAKE ?= lake
TARGET ?= duckdb
STACK ?= ticketlake
BASE ?= origin/main
ENV := .venv
BIN := $(ENV)/bin
TARGET_ENV = $(ENV)/$(if $(filter athena,$(TARGET)),athena,build)
UPLOAD = $(if $(filter athena,$(TARGET)),python -m infra.upload "$(LAKE)/raw")
PUBLISH = python -m curated publish $(TARGET) && python -m lookup load $(TARGET)
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

$(ENV)/athena: $(ENV)/build locks/athena.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/athena.txt
	@touch $@

$(ENV)/serving: $(ENV)/build locks/serving.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/serving.txt
	@touch $@

$(ENV)/landing: $(ENV)/build locks/landing.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/landing.txt
	@touch $@

$(ENV)/athena-local: $(ENV)/athena locks/athena-local.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/athena-local.txt
	@touch $@

$(ENV)/dashboard: $(ENV)/build locks/dashboard.txt
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "The dashboard needs Python 3.11 to 3.13, $(ENV) has $$($(BIN)/python -V). Remove $(ENV), then name one: make dashboard PYTHON=python3.12"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r locks/dashboard.txt
	@touch $@

build: $(TARGET_ENV)  ## environment, 5,000 generated tickets if LAKE is empty, dbt build, summary; TARGET=athena for Athena
	@python -m generator generate --count 5000 --if-empty --output "$(LAKE)/raw"
	@$(UPLOAD)
	dbt build --target $(TARGET)
	@$(PUBLISH)
	@python -m scripts.summary $(TARGET)

day: $(TARGET_ENV)  ## the next day arrives and is built; TARGET=athena for Athena
	python -m generator simulate --days 1 --output "$(LAKE)/raw"
	@$(UPLOAD)
	dbt build --target $(TARGET)
	@$(PUBLISH)
	@python -m scripts.summary $(TARGET)

days_ago = $$(python -c 'import datetime as d; print((d.datetime.now(d.timezone.utc) - d.timedelta($(1))).date())')

# Generated landings go on up to yesterday; landings of one's own are built as they are.
daily: $(ENV)/build  ## what the daily workflow runs: yesterday arrives; freshness, dbt build
	@python -m generator generate --if-empty --per-day 20 --start $(call days_ago,36) --end $(call days_ago,2) --output "$(LAKE)/raw"
	@[ ! -e "$(LAKE)/raw/_generator.json" ] || python -m generator simulate --date $(call days_ago,1) --output "$(LAKE)/raw"
	dbt source freshness
	dbt build $(if $(FULL_REFRESH),--full-refresh)
	@$(PUBLISH)
	@python -m scripts.summary

dashboard: $(ENV)/dashboard  ## what is published, to look at in a browser; follows each new publication
	@python -m streamlit run dashboard/app.py

receive: $(ENV)/serving  ## receives service records over HTTP and lands them in LAKE; docs/receiving.md
	@python -m receiver

test: $(ENV)/test lint  ## lint, and the project on DuckDB; CI runs this and test-athena
	python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder

test-athena: $(ENV)/test $(ENV)/athena-local  ## the same project on a real Trino that stands in for Athena: the same rows, faults, limits
	python -m pytest -q -n 2 --dist loadfile tests/athena

lint: $(ENV)/test  ## SQL, Python, YAML; workflows, if actionlint is there
	ruff check --quiet .
	ruff format --quiet --check .
	yamllint --strict .
	@mkdir -p target/empty-lake
	LAKE=target/empty-lake sqlfluff lint --processes 2 --disable-progress-bar models tests analyses
	@if command -v actionlint > /dev/null; then actionlint; else echo "actionlint is not on the PATH: .github/workflows is not checked"; fi

# Each linter runs, whatever the others find. On GitHub each finding stands at its line.
lint-changed: $(ENV)/test  ## the same for the files that differ from BASE
	@mkdir -p target/empty-lake
	@base=$$(git merge-base "$(BASE)" HEAD) || { echo "git knows no commit that $(BASE) and this branch share. Name another: make lint-changed BASE=main"; exit 1; }; \
	changed() { git diff -z --name-only --diff-filter=d $$base -- "$$@"; git ls-files -z --others --exclude-standard -- "$$@"; }; \
	failed=0; \
	changed models/*.sql tests/*.sql analyses/*.sql | LAKE=target/empty-lake xargs -0 -r sqlfluff lint --disable-progress-bar \
		$(if $(GITHUB_ACTIONS),--format github-annotation-native --annotation-level failure) || failed=1; \
	changed '*.py' | xargs -0 -r ruff check --quiet $(if $(GITHUB_ACTIONS),--output-format github) || failed=1; \
	changed '*.py' | xargs -0 -r ruff format --quiet --check $(if $(GITHUB_ACTIONS),--output-format github) || failed=1; \
	changed '*.yml' '*.yaml' | xargs -0 -r yamllint --strict $(if $(GITHUB_ACTIONS),--format github) || failed=1; \
	exit $$failed

parse: $(ENV)/athena  ## the project, for DuckDB and for Athena
	@mkdir -p target/empty-lake
	LAKE=target/empty-lake dbt parse --no-partial-parse --target-path target/parse_duckdb
	AWS_REGION=eu-central-1 TICKETLAKE_WORK_GROUP=none TICKETLAKE_RESULTS=s3://none TICKETLAKE_CURATED=s3://none \
		dbt parse --no-partial-parse --target athena --target-path target/parse_athena

build-changed: $(ENV)/build  ## what differs from BASE, on top of what BASE has built, on a generated lake
	python -m scripts.build_changed "$(BASE)"

pr-report: $(ENV)/build  ## after build-changed, as Markdown: public columns, full refreshes, rows
	@python -m scripts.pr_report

docs: $(ENV)/build  ## static documentation, target/static_index.html
	dbt docs generate --static
	@echo "Open target/static_index.html, or run: dbt docs serve"

pictures: $(ENV)/test $(ENV)/dashboard docs  ## those of README.md and docs/, anew, of the pages of LAKE as built and published; needs Chromium
	@python -m scripts.pictures

bench: $(ENV)/build  ## measure builds and the floor, docs/performance.md; SIZES="10000 100000" for some sizes only
	@python -m bench $(SIZES)

bench-athena: $(ENV)/athena-local  ## bytes that a day's run scans on Athena, by the length of the history; docs/athena.md
	@python -m bench.athena

bench-landing: $(ENV)/landing  ## how fast a million rows of CSV land, and in how much memory; docs/bring-your-own-tickets.md
	@python -m bench.landing

bench-serving: $(ENV)/test  ## readers beside kills, receiving beside kills, look-ups of a million records, the dashboard of a million tickets
	@python -m bench.curated
	@python -m bench.receiver
	@python -m bench.lookup
	@python -m bench.dashboard

deploy: $(ENV)/athena  ## the AWS side of target athena, made or brought up to date; prints what to set (docs/athena.md)
	@python -m infra.stack deploy --name "$(STACK)" $(PARAMETERS)

upload: $(ENV)/athena  ## what has landed in LAKE, to S3
	@python -m infra.upload "$(LAKE)/raw"

maintain: $(ENV)/athena  ## joins small files and removes old snapshots of the tables on Athena; once a week will do
	@python -m infra.maintain

undeploy: $(ENV)/athena  ## removes the AWS side but for what has landed; RAW=delete removes that, too
	@python -m infra.stack undeploy --name "$(STACK)" $(if $(filter delete,$(RAW)),--with-raw)

athena-local: $(ENV)/athena-local  ## a stand-in for Athena on this machine, until Ctrl-C; prints what to set
	@python -m infra.local

locks:  ## pin what pyproject.toml asks for, hashes and no addresses; needs uv
	@for lock in build: "test:--extra=test --extra=serving --extra=dashboard --extra=landing" "dashboard:--extra=dashboard --constraints=locks/test.txt" "serving:--extra=serving --constraints=locks/test.txt" "landing:--extra=landing --constraints=locks/test.txt" "athena:--extra=athena --constraints=locks/test.txt" "athena-local:--extra=athena --extra=athena-local --constraints=locks/test.txt"; do \
		uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-strip-extras --no-header --no-annotate \
			--no-emit-index-url $${lock#*:} pyproject.toml -o locks/$${lock%%:*}.txt || exit 1; \
	done

clean:  ## all that was made, LAKE too if it is the project's own
	rm -rf $(ENV) target logs lake
