# Everything runs in .venv inside this folder; the first call makes it, later calls find it ready.
# `make check` is what the build runs. Its parts say how long they took; together they have 15 minutes on two cores.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOWEST := .venv-lowest
LOWEST_READY := $(LOWEST)/.ready
RELEASE := .venv-release
RELEASE_READY := $(RELEASE)/.ready
MUTATION_READY := $(VENV)/.mutation

# What one test process has compiled, the next one finds, whatever the environment says.
unexport PYTHONDONTWRITEBYTECODE

# More than there are cores: some tests wait, for a process, a lock or a deadline that has to pass.
CORES := $(shell getconf _NPROCESSORS_ONLN)
FEWER := $(shell expr $(CORES) + 1)
WORKERS := $(shell expr $(CORES) + 2)
PYTEST := $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile
# Each worker of a bare clone takes 16 s of a core to rewrite the asserts. Plain ones tell less: what fails runs again, explained.
CACHE = -o cache_dir=.pytest_cache/$@
PLAIN = $(PYTEST) --assert=plain $(CACHE)
EXPLAIN = { $(BIN)/python -m pytest --last-failed --last-failed-no-failures=none -q -n0 $(CACHE); exit 1; }
MEASURED := --cov --cov-append --cov-report= --cov-fail-under=0
SLOW := tests/simulation tests/faults tests/fuzz
# These rooms import no library themselves. Whatever they import of ours that does is tested with the lowest versions.
PURE := account audit error_handling kill protection results $(addprefix order_management/,book cancel decisions submit sync)
# Whole bots and sweeps again: each line in a module of ours that imports a library has a quick test besides.
BOTS := bot_reads execute_trade_live exit_position flat_orders kept_snapshot live_emergencies odd_accounts real_account replay \
	requests_of_an_order told_situations
WHOLE := canary contract/payloads/test_odd_*.py order_management/test_round_trips.py order_management/journal/test_import_v1.py \
	$(patsubst %,agent/test_%.py,account_on_server bot_life calls_at_the_stand_in order_faults) \
	risk/test_results_*.py risk/test_running_totals.py robinhood/test_classify_total.py \
	$(patsubst %,startup/test_%.py,carrier cold_start kill_deaths live rotation_deaths) $(patsubst %,trading_bot/test_%.py,$(BOTS))
WITH_PROCESSES = $(shell grep -rl --include='test_*.py' --exclude-dir=simulation 'mark\.subprocess' tests)
QUICK := -m 'not subprocess' $(addprefix --ignore=,$(SLOW) $(wildcard $(addprefix tests/,$(PURE) $(WHOLE) architecture benchmarks mutation release)))
PARTS := environments check-unit check-lives check-coverage check-lowest check-style
BUDGET_S := 900

.PHONY: help install demo test test-lowest check $(PARTS) check-processes check-schedules browser prove fuzz mutate bench lock \
	audit sbom package format clean

help:
	@echo "make demo     trade the bundled day on the paper exchange; no account, no network"
	@echo "make test     run the tests with branch coverage"
	@echo "make check    run all that the build runs: tests, lowest versions, lint, format, types, import contracts"
	@echo "make test-lowest  run the quick tests of what imports libraries, with the lowest versions that pyproject.toml allows"
	@echo "make prove    run many more simulated lives and deaths of the bot, and crashes of its database, than the build does; takes long"
	@echo "make mutate   break the lines that differ from main, or FILES=..., or ROOM=submit, and see that a test fails; docs/mutation.md"
	@echo "make fuzz     give a million hostile inputs to everything that reads what others wrote; part of make prove"
	@echo "make bench    measure speed beside bare loops, robin_stocks and version 0.1, and write docs/benchmarks.md; fails for no figure"
	@echo "make lock     write the locked versions with their hashes anew: requirements.lock, requirements-build.lock"
	@echo "make audit    look the locked versions up among the known vulnerabilities; says so if there was no data"
	@echo "make sbom     list what an application installs: dist/sbom.cdx.json, and docs/licences.md"
	@echo "make package  build the wheel and try it outside of the clone, with each Python from 3.11 to 3.13 that is here"
	@echo "make install  make .venv and install the bot and its tools into it"
	@echo "make format   format the source and apply the safe lint fixes"
	@echo "make clean    remove .venv and every cache; logs and state stay"

install: $(READY)

environments: $(READY) $(LOWEST_READY) browser

# A page is looked at in a real browser. The build gets one; on your machine install chromium, or that test is skipped.
browser:
	@if [ "$$BROWSER_TESTS" = required ] && ! command -v chromium >/dev/null && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive; get="apt-get install -qq -y --no-install-recommends chromium"; \
		timeout 200 sh -c "$$get || { apt-get update -qq && $$get; }" >/dev/null 2>&1 </dev/null \
			|| echo "chromium could not be installed: the test of the report's page will fail" >&2; \
	fi

# A Python counts when it is new enough and can make an environment that has pip.
define make_venv
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
	echo "making $(1) with $$($$found --version)"; \
	$$found -m venv $(1)
	@$(1)/bin/python -m pip install --quiet --disable-pip-version-check -c $(2) -e '.[$(3)]'
	@touch $(1)/.ready
endef

$(READY): pyproject.toml tests/constraints.txt
	$(call make_venv,$(VENV),tests/constraints.txt,dev)

$(LOWEST_READY): pyproject.toml tests/lowest.txt
	$(call make_venv,$(LOWEST),tests/lowest.txt,test)

$(RELEASE_READY): pyproject.toml tests/constraints.txt
	$(call make_venv,$(RELEASE),tests/constraints.txt,release)

demo: $(READY)
	@$(BIN)/trading-bot demo

test: $(READY)
	@$(PYTEST) --cov --cov-report=term:skip-covered

test-lowest: $(LOWEST_READY)
	@$(LOWEST)/bin/python -m pytest --numprocesses=$(WORKERS) --dist=loadfile -q -p no:cacheprovider --assert=plain $(QUICK)

check:
	@rm -f .coverage .coverage.*; total=0; \
	for part in $(PARTS); do \
		began=$$(date +%s); \
		$(MAKE) --no-print-directory --jobs=2 $$part || exit 1; \
		took=$$(($$(date +%s) - began)); total=$$((total + took)); \
		split="$$split$$(printf '%5d s  %s' $$took $$part)\n"; \
	done; \
	printf "$$split"; printf '%5d s  in all, of %d s\n' $$total $(BUDGET_S)

# Unit tests, and those with real processes: their coverage is judged together. Schedules, faults and crashes are not
# measured: that would make them twice as slow, and each line has a test of its own. They get what the processes leave idle.
check-unit: $(READY)
	@$(PLAIN) $(MEASURED) -m 'not subprocess' $(addprefix --ignore=,$(SLOW)) || $(EXPLAIN)

check-lives: $(READY)
	@$(MAKE) --no-print-directory --output-sync=target check-processes check-schedules

check-processes: $(READY)
	@$(PLAIN) --numprocesses=$(FEWER) $(MEASURED) -m subprocess $(WITH_PROCESSES) || $(EXPLAIN)

check-schedules: $(READY)
	@nice -n 19 $(PLAIN) --numprocesses=$(CORES) --timeout=600 $(SLOW) || $(EXPLAIN)

check-coverage: $(READY)
	@$(BIN)/coverage report

check-lowest: test-lowest

check-style: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

prove: $(READY)
	@$(BIN)/python -m tests.simulation --schedules $${SIMULATION_SCHEDULES:-100000} --workers $(CORES) \
		--figures tests/simulation/figures/schedules.json
	@$(BIN)/python -m tests.simulation.ambiguous --submits $${AMBIGUOUS_SUBMITS:-1000000} --workers $(CORES) \
		--figures tests/simulation/figures/ambiguous.json
	@$(BIN)/python -m tests.simulation.planted --figures tests/simulation/figures/planted.json
	@EFFECTS_APART=1 $(BIN)/python -m pytest tests/simulation --timeout=7200
	@EVERY_CELL=1 $(PYTEST) $(patsubst %,tests/faults/test_%_faults.py,agent machine timing socket)
	@EFFECTS_APART=1 $(PYTEST) tests/faults/test_agent_deaths.py $(wildcard tests/startup/test_*_deaths.py) --timeout=7200
	@$(MAKE) --no-print-directory fuzz
	@FAULT_DEPTH=$${FAULT_DEPTH:-10} $(PYTEST) tests/real/test_database_*.py tests/real/test_refused_intents.py --timeout=7200
	@$(MAKE) --no-print-directory package PACKAGE=--tests

$(MUTATION_READY): $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c tests/constraints.txt -e '.[mutation]'
	@$(BIN)/python -m pytest -q -n0 -p no:cacheprovider tests/mutation/test_mutants.py
	@touch $@

# A room draws 400 mutants and writes docs/mutation.md. MUTATE takes further arguments, such as '--survivors'.
mutate: $(MUTATION_READY)
	@$(BIN)/python -m tests.mutation $(or $(ROOM),--minutes 10 $(if $(FILES),--files $(FILES))) $(MUTATE)

# Hostile inputs at every door. FUZZ takes arguments, such as '--seed 7 --first 1000000 agent'.
fuzz: $(READY)
	@$(BIN)/python -m tests.fuzz --inputs $${FUZZ_INPUTS:-1000000} --workers $(CORES) \
		--figures tests/fuzz/figures/hostile-inputs.json $(FUZZ)

# One run writes docs/benchmarks.md, which says what the figures mean. BENCH takes arguments, such as '--long'.
bench: $(READY)
	@$(BIN)/python -m tests.benchmarks $(BENCH)

# What an application installs, and what the package is built with: the build's versions with the hash of every file.
COMPILE = $(RELEASE)/bin/uv pip compile --quiet --universal --python-version=3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command='make lock' -c tests/constraints.txt
BUILD_NEEDS = import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")
lock: $(RELEASE_READY)
	@$(COMPILE) $(addprefix --extra=,postgres report notify metrics) --output-file=requirements.lock pyproject.toml
	@$(RELEASE)/bin/python -c '$(BUILD_NEEDS)' | $(COMPILE) --output-file=requirements-build.lock -

audit: $(RELEASE_READY)
	@$(RELEASE)/bin/python -m release.audit

sbom: $(READY)
	@$(BIN)/python -m release.bill_of_materials

package: $(READY)
	@$(BIN)/python -m release.package $(PACKAGE)

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) $(LOWEST) $(RELEASE) .mutation build dist .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache \
		.pytest_cache .ruff_cache
	find src tests release -name __pycache__ -type d -prune -exec rm -rf {} +
