# Every target sets up what it needs; nothing but python3 (3.11+, with venv), make and git is assumed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .bench/peers
# Evidently needs an older pandas than the other peers.
DRIFT_PEERS := .bench/drift_peers
# The examples in the docstrings are tests; Alembic's own file runs under Alembic only.
EXAMPLES := -p no:randomly --doctest-modules src --ignore=src/tradeworthy/store/migrations/env.py \
	--ignore=src/tradeworthy/demo/strategies --ignore=src/tradeworthy/cli/__main__.py \
	--ignore=src/tradeworthy/evaluation/fork_server_process.py
PIP := -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps

# Tests start hundreds of processes: they share what is compiled, and do not each take every core.
unexport PYTHONDONTWRITEBYTECODE
test test-fast: export OPENBLAS_NUM_THREADS := 1

# Two at a time, each one's output in one piece where this make knows how.
BESIDE := --no-print-directory -j 2 $(if $(filter output-sync,$(.FEATURES)),-O)

.PHONY: demo test test-fast acceptance bench serve lock clean

demo: $(VENV)/demo.stamp
	@$(BIN)/tradeworthy demo $(if $(DATA),--data "$(patsubst ~/%,$(HOME)/%,$(DATA))")

test: $(VENV)/test.stamp
	@$(MAKE) $(BESIDE) types lints examples
	$(BIN)/python -m pytest -m "not acceptance" -n 2 --dist worksteal

# For every few minutes of work: no process or server is started, few examples are drawn.
test-fast: $(VENV)/test.stamp
	@$(MAKE) $(BESIDE) types lints
	$(BIN)/python -m pytest tests/unit tests/contract tests/migration -q -n 2 --dist worksteal \
		-m "not acceptance and not postgres and not slow" --hypothesis-profile=quick

.PHONY: types lints examples
types: $(VENV)/test.stamp
	$(BIN)/mypy

lints: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

examples: $(VENV)/test.stamp
	$(BIN)/python -m pytest $(EXAMPLES)

acceptance: $(VENV)/test.stamp
	$(BIN)/python -m pytest -m acceptance

bench: $(VENV)/test.stamp $(PEERS)/stamp $(DRIFT_PEERS)/stamp
	@TRADEWORTHY_PEER_PYTHON=$(PEERS)/bin/python:$(DRIFT_PEERS)/bin/python \
		$(BIN)/python benchmarks/run_all.py

serve: $(VENV)/demo.stamp
	@$(BIN)/tradeworthy init && $(BIN)/tradeworthy serve

# Locks name no host. Needs uv; writes what `demo`, `test` and `bench` install.
lock:
	uv lock --quiet
	uv export --quiet --format requirements-txt --no-emit-project --extra demo \
		--no-default-groups --group build -o requirements/demo.txt
	uv export --quiet --format requirements-txt --no-emit-project --extra demo --extra postgres \
		--no-default-groups --group dev -o requirements/test.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
		benchmarks/peers.in -o requirements/peers.txt
	uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 \
		benchmarks/drift_peers.in -o requirements/drift_peers.txt

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo.stamp: $(BIN)/python requirements/demo.txt pyproject.toml
	@echo "Installing what requirements/demo.txt locks, which takes about a minute"
	$(BIN)/python $(PIP) -r requirements/demo.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/test.stamp: $(BIN)/python requirements/test.txt pyproject.toml
	@echo "Installing what requirements/test.txt locks, which takes some minutes"
	$(BIN)/python $(PIP) -r requirements/test.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.bench/%/stamp: requirements/%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python $(PIP) -r $<
	@touch $@

clean:
	rm -rf $(VENV) .bench build dist
