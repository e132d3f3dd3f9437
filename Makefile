# Needs Python 3.11 or newer. `make install test` is all that a newcomer has to know.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: install test slow lint types docs examples bench ci clean

install: $(BIN)/modelwright

$(BIN)/modelwright: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -c constraints.txt -e ".[all,dev]"
	touch $@

test: install
	$(BIN)/python -m pytest

slow: install
	$(BIN)/python -m pytest -m slow

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: install
	$(BIN)/mypy

docs: install
	$(BIN)/python docs/make_reference.py

examples: install
	$(BIN)/python docs/run_examples.py

# Needs the folder of public data sets named in MODELWRIGHT_DATA.
bench: install
	$(BIN)/python benchmarks/quality.py

ci:
	.ci/run

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
