# Everything a person or CI runs. `make` alone lists the targets.
#
#   PYTHON   interpreter that makes the virtual environment (python3; 3.11 or newer)
#   VENV     where the virtual environment is (.venv)
#   HOST     address that the dashboard listens on (127.0.0.1; 0.0.0.0 for every host, without log-in)
#   PORT     port of the dashboard (8501)
#   WORKERS  test files that run at a time (2)
#   ARGS     more arguments for streamlit (run) or pytest (test, check)

PYTHON ?= python3
VENV ?= .venv
HOST ?= 127.0.0.1
PORT ?= 8501
WORKERS ?= 2
ARGS ?=

BIN := $(VENV)/bin
INSTALLED := $(VENV)/.isoline-installed
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile
BENCHMARKS := $(filter-out benchmarks/_%,$(wildcard benchmarks/*.py))

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install run test check fix js js-check bench clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

install: $(INSTALLED) ## make .venv and install what is pinned (again when the pins change)

# No prerequisites, so an existing environment is used as it is.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) not found; install Python 3.11 or newer, or run make PYTHON=/path/to/python" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "error: $(PYTHON) is $$($(PYTHON) --version 2>&1); Isoline needs Python 3.11 or newer, run make PYTHON=/path/to/python" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "error: $(PYTHON) cannot make a virtual environment; on Debian install python3-venv" >&2; exit 2; }

$(INSTALLED): requirements.txt requirements-dev.txt | $(BIN)/python
	$(BIN)/python -m pip install -r requirements-dev.txt
	@touch $@

run: install ## start the dashboard
	$(BIN)/python -m streamlit run dashboard/app.py --server.address $(HOST) --server.port $(PORT) $(ARGS)

test: install js-check ## every test, the browser ones too (gets Chromium where it may)
	chromium=$$(PYTHON=$(BIN)/python scripts/chromium.sh) && \
	ISOLINE_CHROMIUM="$$chromium" $(PYTEST) --durations=25 $(ARGS)

check: install js-check ## format, lint, types and the quick tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(PYTEST) -m "not browser and not slow" $(ARGS)

fix: install ## format, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

js: ## make the bundles of dashboard/components (needs Node)
	scripts/js.sh bundle

js-check: ## lint, types and tests of the JavaScript (skipped without Node)
	scripts/js.sh check

bench: install ## run the benchmarks into benchmarks/results/
	@mkdir -p benchmarks/results
	@set -e; for script in $(BENCHMARKS); do \
		name=$$(basename $$script .py); echo "$$name" >&2; \
		PYTHONPATH=. $(BIN)/python $$script --json > benchmarks/results/$$name.json.part; \
		mv benchmarks/results/$$name.json.part benchmarks/results/$$name.json; \
	done

clean: ## remove caches (not .venv, not node_modules/, not workspace/)
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -path ./$(VENV) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +
