# Everything runs in .venv inside this folder; the first call makes it, later calls find it ready.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help install demo test check format clean

help:
	@echo "make demo     trade the bundled day on the paper exchange; no account, no network"
	@echo "make test     run the tests with branch coverage"
	@echo "make check    run all that the build runs: tests, lint, format, types, import contracts"
	@echo "make install  make .venv and install the bot and its tools into it"
	@echo "make format   format the source and apply the safe lint fixes"
	@echo "make clean    remove .venv and every cache; logs and state stay"

install: $(READY)

# A Python counts when it is new enough and can make an environment that has pip.
$(READY): pyproject.toml tests/constraints.txt
	@found=; \
	for python in python3 python3.13 python3.12 python3.11; do \
		if $$python -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
			found=$$python; break; \
		fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "trading-bot needs Python 3.11 or newer with venv; install it (python.org, or apt install python3-venv) and run make again" >&2; \
		exit 1; \
	fi; \
	echo "making $(VENV) with $$($$found --version)"; \
	$$found -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c tests/constraints.txt -e '.[dev]'
	@touch $(READY)

demo: $(READY)
	@$(BIN)/trading-bot demo

test: $(READY)
	@$(BIN)/python -m pytest --cov --cov-report=term:skip-covered --numprocesses=auto --dist=loadfile

check: test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
