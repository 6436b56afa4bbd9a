# Two commands do everything, set-up included: `make demo` and `make test`.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := workers models infra load
# One process more than cores: tests of real brokers wait for half of their time. A file stays in one process, for its
# fixtures' sake.
PYTEST := $(BIN)/python -m pytest --numprocesses $$(( $$(nproc) + 1 )) --dist loadfile

.DEFAULT_GOAL := help
# Tests and fault runs start hundreds of processes: where this is set, each would compile all modules again.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help prometheus kcat faketime setup demo prove test test-long lint check lock clean format bench-speed bench-loading \\
	bench-index bench-compression bench-contract bench-faults bench-soak bench-backlog bench-scale

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tastestream needs Python 3.11 or newer, this is %s: set PYTHON=..." % sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@echo "Compiling kernels, once."
	@$(BIN)/python -c 'from models.state.pair_warm import warm; warm()'
	@touch $@

setup: $(VENV)/.ready ## make the virtual environment from the lock file

demo: setup ## Kafka, worker, MovieLens as a stream, recommendations back, and what was measured
	$(BIN)/tastestream demo $(ARGS)

test: lint prometheus kcat ## what a change needs: all checks, doctests, tests (real Kafka, real Qdrant Edge)
	$(PYTEST) $(ARGS)

test-long: setup prometheus kcat ## what takes minutes each: long kills, large data, many clients
	$(PYTEST) -m long $(ARGS)

prometheus: # Debian's, unpacked beside the environment where it is not installed: tests of dashboard and alerts use it
	@command -v promtool >/dev/null || test -x .cache/prometheus/usr/bin/promtool || { \
		mkdir -p .cache/prometheus && cd .cache/prometheus \
		&& { apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }; } \
		&& dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb; \
	} || echo "Prometheus can't be had here: the tests of alerts and dashboard will be reported as NOT RUN"

kcat: # Debian's with its libraries, unpacked likewise: a test runs the page's example
	@command -v kcat >/dev/null || test -x .cache/kcat/usr/bin/kcat || { \
		mkdir -p .cache/kcat && cd .cache/kcat && packages="kcat librdkafka1 libyajl2" \
		&& { apt-get download -qq $$packages || { apt-get update -qq && apt-get download -qq $$packages; }; } \
		&& for package in *.deb; do dpkg-deb -x $$package . || exit 1; done && rm *.deb; \
	} || echo "kcat can't be had here: its tests will be reported as NOT RUN"

faketime: # likewise: one of the fault runs moves a worker's clock
	@command -v faketime >/dev/null || ls .cache/faketime/usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || { \
		mkdir -p .cache/faketime && cd .cache/faketime \
		&& { apt-get download -qq libfaketime || { apt-get update -qq && apt-get download -qq libfaketime; }; } \
		&& dpkg-deb -x libfaketime_*.deb . && rm libfaketime_*.deb; \
	} || echo "libfaketime can't be had here: the run with a worker's clock that jumps will be reported as not run"

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint ## ruff, mypy --strict, import contracts, doctests
	$(BIN)/python -m pytest --doctest-modules -q $(PACKAGES)

prove: setup ## MovieLens folded twice, once with 20 kills and two rebalances: every row must be equal
	$(BIN)/tastestream prove $(ARGS)

bench-speed: setup ## speed of ingest and answers, each beside a floor of the same run
	$(BIN)/python -m load.bench.speed $(ARGS)

bench-contract: setup ## every kind of request, every shape of record, 200,000 hostile records
	$(BIN)/python -m load.bench.contract $(ARGS)

bench-compression: setup ## bytes and CPU of each codec on state and evidence of MovieLens
	$(BIN)/python -m load.bench.compression $(ARGS)

bench-loading: setup ## MovieLens readers in ratings/s, beside plain reads
	$(BIN)/python -m load.bench.loading $(ARGS)

bench-index: setup ## index searches and writes, beside plain numpy
	$(BIN)/python -m load.bench.index $(ARGS)

bench-faults: setup faketime ## kill, stop, rebalance and cut off for real; what each fault costs in events, answers, seconds
	$(BIN)/python -m load.faults.bench_faults $(ARGS)

bench-soak: setup ## half an hour of traffic: memory over time, and whether it grows
	$(BIN)/python -m load.faults.soak $(ARGS)

bench-backlog: setup ## 100,000 items and users published flat out, worked off to the end without a restart
	$(BIN)/python -m load.faults.backlog $(ARGS)

bench-scale: setup ## ingest, answers, memory, restart at several sizes of data; ARGS="--only deep", "--quick", ...
	$(BIN)/python -m load.bench.scale $(ARGS)

format: setup ## format and fix what ruff can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: ## resolve pyproject.toml into requirements.lock again
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --output-file requirements.lock

clean: ## remove the environment, caches and local state
	rm -rf $(VENV) .state .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
