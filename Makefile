# Everything a person needs to try, test and change the program. Needs Python 3.11+ and make, nothing else.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# One more than there are cores: tests wait as well (for leases, servers, processes that end). Each takes 0.7 GB.
WORKERS ?= $(shell $(BIN)/python -c 'import os; print((os.cpu_count() or 1) + 1)')

# Programs that tests start read the program from its source each time otherwise, which takes them five times as long.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo test test-long lint style format messages bench wheel clean

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-9s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $(STAMP)

demo: $(STAMP) ## The main job from tag to inbox, offline, in ./demo
	$(BIN)/mailer demo demo

# Types are looked at beside the tests; what is wrong with them is told at the end, and fails as the tests would.
test: $(STAMP) style ## Lint, types and the whole test suite
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	nice -n 5 $(BIN)/mypy >"$$log" 2>&1 & types=$$!; \
	code=0; $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal || code=$$?; \
	wait $$types || { cat "$$log" >&2; code=1; }; \
	exit $$code

test-long: export MAILER_TESTS = long
test-long: test ## The same with sizes and made-up examples several times as large, for a night

lint: $(STAMP) style ## Style and types
	$(BIN)/mypy

style: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP) ## Put the code into its standard form
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

messages: $(STAMP) ## Collect what pages and mails say into every language's catalog
	$(BIN)/python docs/make_messages.py

bench: $(STAMP) ## Every benchmark, each beside a peer or a limit
	@for file in $(filter-out bench/newsletters.py,$(wildcard bench/[a-z]*.py)); do echo "== $$file"; $(BIN)/python $$file || exit 1; done

wheel: $(STAMP) ## Build the wheel into dist/
	$(BIN)/python -m build --wheel --sdist

clean: ## Remove everything that make made
	rm -rf $(VENV) build dist demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
