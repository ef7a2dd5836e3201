# What one does with this repository; `make` alone lists it.

PYTHON ?= $(firstword $(foreach name,python3.11 python3.12 python3.10 python3,$(shell $(name) -c 'import sys; (3, 10) <= sys.version_info[:2] <= (3, 12) and print("$(name)")' 2>/dev/null)))
BIN := .venv/bin
READY := .venv/.ready

.DEFAULT_GOAL := help
.PHONY: help setup demo example-retraining test soak lint format docs bench bench-quality clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

setup: $(READY) ## everything that is needed, into .venv; nothing to do when it is up to date

# Pins are complete, so pip resolves nothing; warm compiles the kernels once for all processes and fetches jars.
$(READY): requirements/base.txt requirements/flink.txt requirements/estimate.txt requirements/store.txt requirements/dashboard.txt requirements/dev.txt pyproject.toml
	@$(or $(PYTHON),false) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1 || { echo "make setup needs Python 3.11 (3.10 to 3.12); install one, or say make setup PYTHON=..." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $(foreach file,$(filter %.txt,$^),-r $(file))
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	$(BIN)/python -m tidemark.warm
	@touch $@

demo: setup ## a broker, a stream that drifts, the job, and what it finds, in under three minutes
	$(BIN)/tidemark demo

example-retraining: setup ## a drift, a retrain request, a new version that takes over: examples/retraining, in two minutes
	$(BIN)/python examples/retraining/loop.py

# Two processes share the files: what one waits for, jobs that start and topics that fill, is time for the other.
test: setup ## all tests, end to end ones too
	$(BIN)/python -m pytest --doctest-modules -m "not soak" -q -n 2 --dist loadfile --no-loadscope-reorder

soak: setup ## what takes long: examples run to their end, the listener, broker and job killed again and again
	$(BIN)/python -m pytest -m soak -q

lint: setup ## style, types, and which room may import which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy tidemark config schemas operators jobs consumers store dashboard
	$(BIN)/lint-imports

format: setup ## bring the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/.docs ## the documentation as pages that need no network, into build/site; a wrong link is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@! grep -rlE '<(script|link|img)[^>]*(src|href)="(https?:)?//' build/site --include='*.html' || { echo "these pages load something from elsewhere" >&2; exit 1; }

.venv/.docs: requirements/docs.txt $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	@touch $@

bench: setup ## speed, side by side with others
	$(BIN)/python -m benchmarks.throughput

bench-quality: setup ## how well drifts are found, side by side with others; QUICK=1 for some minutes
	$(BIN)/python -m benchmarks.quality $(if $(QUICK),--quick)

clean: ## remove what setup and runs have made here
	rm -rf .venv .tidemark build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
