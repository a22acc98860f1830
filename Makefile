# Everything a person or CI does here is one of these. `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt

# Made when the packages were installed, so that it's done again only after one of these changed.
PACKAGES := $(VENV)/packages-installed
TEST_PACKAGES := $(VENV)/test-packages-installed
WANTED := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help setup play run check test chaos bench constraints clean

help: ## Show what there is
	@echo "Socialdesk"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

setup: $(PACKAGES) ## Install what Socialdesk needs into .venv

play: $(PACKAGES) ## Try it in the browser: no Slack, no account needed
	@$(BIN)/python -m bot play

run: $(PACKAGES) ## Run it in your Slack workspace (settings in .env)
	@$(BIN)/python -m bot run

check: $(TEST_PACKAGES) ## Check format, style and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# Each worker starts servers and a browser of its own; more than the cores make these slow. In the
# folders' order, the few long files come first and don't hold up the end.
WORKERS ?= 2

test: check ## Run the checks and all tests
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

N ?= 500
KILLS ?= 12
SEED ?=

chaos: $(TEST_PACKAGES) ## Kill and stop bots while servers fail (N=5000 KILLS=200 SEED=...)
	@$(BIN)/python -m tests.chaos -n $(N) --kills $(KILLS) --seed "$(SEED)"

bench: $(TEST_PACKAGES) ## Measure start time, memory and more
	@$(BIN)/python -m bench

constraints: ## Pin the newest versions that pyproject.toml allows
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && $(PYTHON) -m venv "$$folder" && \
		"$$folder/bin/pip" install -qq --disable-pip-version-check '.[dev]' && \
		"$$folder/bin/pip" freeze --exclude socialdesk >"$$folder/constraints.txt" && \
		cp "$$folder/constraints.txt" constraints.txt

clean: ## Remove what was installed and cached here (not your data)
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis screenshots *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(PACKAGES): $(WANTED) | $(BIN)/python
	@echo "Installing packages into $(VENV) (once; a minute or so)"
	@$(PIP) --editable .
	@$(BIN)/python -m compileall -qq bot handlers storage # else the first start does it, for a second
	@touch $@

$(TEST_PACKAGES): $(WANTED) | $(BIN)/python
	@echo "Installing packages for tests into $(VENV) (once; a minute or so)"
	@$(PIP) --editable '.[dev]'
	@touch $(PACKAGES) $@

# Debian keeps part of venv in a package of its own; without it venv leaves half an environment.
$(BIN)/python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "Python 3.11 or later is needed, and there is no $(PYTHON) here. Install it (Debian: apt install python3 python3-venv), or name another: make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or later is needed; $(PYTHON) is $$($(PYTHON) --version). Name another: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		version=$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])'); \
		echo "$(PYTHON) can't make a virtual environment: a package is missing. Install it and try again: apt install python$$version-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)
