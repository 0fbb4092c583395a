# Everything a newcomer needs: `make demo`, then `make test`.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: demo test lint bench bench-fleet soak docs format clean
.DELETE_ON_ERROR:

demo: $(READY)
	@$(BIN)/spdm-emulator demo

# One process a processor, and a file's tests in one of them: they share ports and what they made.
# In their order: the slowest files are not the last.
test: $(READY)
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder --cov --cov-report=term

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)
	$(BIN)/python tests/bench/run.py
	$(BIN)/python tests/bench/sessions.py

# A thousand devices: start-up, memory, and as many requesters at once.
bench-fleet: $(READY)
	$(BIN)/python tests/bench/fleet.py

# 200,000 requests with faults, from clients that come and go: what is left of them. Some minutes.
soak: $(READY)
	$(BIN)/python tests/bench/soak.py

# Write the generated parts of the reference documentation anew.
docs: $(READY)
	$(BIN)/python docs/generate.py

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@echo "Setting up $(VENV) ..." >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
