# The commands of the project. Each sets up what it needs; the second time nothing is installed.

PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.10 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' \
	2>/dev/null && echo $$p && break; done)
VENV := .venv
BIN := $(VENV)/bin
# Tests in two processes, as a query alone leaves a core idle; each has an engine and servers of its own.
TWO := -n 2 --dist loadfile
PORT ?= 3000

.PHONY: run dev test test-all test-nightly check s3 fault-test spark-test spark-s3-test benchmark lock clean

run: $(VENV)/run.installed  ## Refresh the lake from data/
	$(BIN)/stedi run

dev: $(VENV)/run.installed  ## The Dagster UI on http://127.0.0.1:3000, or PORT=…
	$(BIN)/stedi dev --port $(PORT)

test: $(VENV)/dev.installed  ## What every change must pass
	$(BIN)/pytest $(TWO) -m "not slow and not nightly and not maven"

test-all: test  ## The slow tests too: Spark, a browser, faults
	$(BIN)/pytest $(TWO) -m "slow and not nightly and not maven"

test-nightly: $(VENV)/dev.installed  ## The whole of what the other two sample; hours
	$(BIN)/pytest $(TWO) -m "nightly and not maven"

check: $(VENV)/dev.installed  ## Lint, format, types, who may import whom, words
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(BIN)/python -m scripts.check_words

s3: $(VENV)/dev.installed  ## A local S3 with Glue and a REST catalog to play with; prints the settings to use
	@$(BIN)/python -m scripts.local_s3

fault-test: $(VENV)/dev.installed  ## Of the slow tests: kills at every step, other faults, random sequences
	$(BIN)/pytest -m faults

spark-test: $(VENV)/dev.installed  ## The public data on a standalone Spark cluster; needs Java 17
	$(BIN)/pytest -m slow stedi_assets_tests/engines/test_spark.py

spark-s3-test: $(VENV)/dev.installed  ## The same with landing files and lake in S3; fetches 700 MB from Maven
	$(BIN)/pytest -m maven

benchmark: $(VENV)/dev.installed
	$(BIN)/python benchmarks/compare.py

# Exact versions with hashes, for every supported Python.
lock: $(VENV)/dev.installed
	$(BIN)/uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-header \
		--no-emit-index-url --no-annotate setup.py requirements/build.in -o requirements/run.txt
	$(BIN)/uv pip compile -q --universal --python-version 3.10 --generate-hashes --no-header \
		--no-emit-index-url --no-annotate --extra dev -c requirements/run.txt setup.py requirements/build.in \
		-o requirements/dev.txt

clean:
	rm -rf $(VENV) .stedi

$(VENV)/%.installed: requirements/%.txt setup.py
	@sh requirements/install.sh "$(PYTHON)" $(VENV) $<
	@touch $@
