# make run    start Secateur with the sample (without a screen: compress the sample)
# make test   every check: style, types, import rules, tests
# Both set everything up first, in .venv. PYTHON=/path/to/python3 chooses the Python.
.PHONY: run test lint setup
export PYTHON

run:
	@sh packaging/setup.sh run
	@sh packaging/run.sh

setup:
	@sh packaging/setup.sh dev

lint: setup
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports

# Tests start a hundred engines, each of which would compile the program anew where bytecode may not be kept.
test: lint
	PYTHONDONTWRITEBYTECODE= .venv/bin/pytest -n 2 --dist worksteal $(ARGS)
