# The commands people type. Each makes what it needs first: `make demo` on a bare machine just works.

VENV ?= .venv
BIN := $(VENV)/bin

# The newest Python that suits, pyenv's included; override with `make PYTHON=/path/to/python …`.
PYTHON ?= $(shell for minor in 14 13 12 11; do \
	for python in $$(ls -d $${PYENV_ROOT:-$$HOME/.pyenv}/versions/3.$$minor.*/bin/python3.$$minor 2>/dev/null | sort -rV) \
		python3.$$minor; do \
		if $$python -c "import ensurepip, sqlite3, ssl, venv" 2>/dev/null; then echo $$python; exit; fi; \
	done; done)

# Tests of real processes wait more than they compute, and the slow ones, for heartbeats and leases to run out,
# hardly do anything else.
QUICK := -m "not slow and not busy" -n 5 --dist worksteal
SLOW := -m slow -n 6

# Which versions an environment gets: together, newest or lower, see there.
PINS ?= together
CONSTRAINTS := $(wildcard constraints/*.txt)

export PIP_DISABLE_PIP_VERSION_CHECK = 1
# The tests start thousands of processes, each of which would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: help
help: ## This list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

.PHONY: demo
demo: $(VENV)/.demo $(if $(ENGINE),$(VENV)/.engines) ## The shop's main job from nothing; ENGINE=celery (…) has that engine carry it
	$(if $(ENGINE),SHOP_ENGINE=$(ENGINE)) $(BIN)/python project/manage.py demo

.PHONY: stack
stack: $(VENV)/.stack ## The whole platform of compose/ as processes on this machine, without Docker; PROFILES=celery (…) for one engine
	$(BIN)/python -m compose.stack up $(if $(PROFILES),--profiles $(PROFILES))

.PHONY: load
load: $(VENV)/.stack ## Five minutes of jobs on every engine of that stack, each accounted for; MINUTES=1, KILL=1 kills workers
	$(BIN)/python -m compose.stack load --minutes $(or $(MINUTES),5) $(if $(KILL),--kill)

.PHONY: run
run: $(VENV)/.demo ## The shop with a worker, for the browser
	$(BIN)/python project/manage.py devsite

ON_POSTGRESQL = $(BIN)/python -m tests.with_database postgresql $(BIN)/python
OF_THE_DATABASE := tests/tasks tests/workers tests/adapters/embedded tests/adapters/django_q2 \
	tests/monitoring/history tests/monitoring/snapshot tests/monitoring/live tests/monitoring/metrics \
	tests/monitoring/api

# What each run has shown, for the page on conformance.
RESULTS := build/results

.PHONY: test
test: test-sqlite test-postgresql test-mysql test-project $(if $(QUICK_ONLY),,test-slow test-busy) ## The whole suite, on every database; QUICK_ONLY=1 waits for no heartbeats

.PHONY: test-sqlite
test-sqlite: $(VENV)/.develop
	$(BIN)/python -m pytest tests --ignore=tests/project $(QUICK) --junitxml=$(RESULTS)/sqlite-quick.xml $(PYTEST)

.PHONY: test-postgresql
test-postgresql: $(VENV)/.develop
	$(ON_POSTGRESQL) -m pytest $(OF_THE_DATABASE) $(QUICK) --junitxml=$(RESULTS)/postgresql-quick.xml $(PYTEST)

.PHONY: test-mysql
test-mysql: $(VENV)/.develop $(VENV)/.mysql
	$(BIN)/python -m tests.with_database mysql $(BIN)/python -m pytest tests/tasks tests/workers tests/monitoring/history \
		-m "not slow" $(PYTEST)

# Both at once: they hardly do anything but wait.
.PHONY: test-slow
test-slow: $(VENV)/.develop
	$(MAKE) --no-print-directory --jobs=2 --output-sync test-slow-sqlite test-slow-postgresql

.PHONY: test-slow-sqlite
test-slow-sqlite: $(VENV)/.develop
	$(BIN)/python -m pytest tests --ignore=tests/project $(SLOW) --junitxml=$(RESULTS)/sqlite-slow.xml $(PYTEST)

.PHONY: test-slow-postgresql
test-slow-postgresql: $(VENV)/.develop
	$(ON_POSTGRESQL) -m pytest $(OF_THE_DATABASE) $(SLOW) --junitxml=$(RESULTS)/postgresql-slow.xml $(PYTEST)

.PHONY: test-busy
test-busy: $(VENV)/.develop
	$(BIN)/python -m pytest tests --ignore=tests/project -m busy $(PYTEST)
	$(ON_POSTGRESQL) -m pytest tests/adapters/embedded -m busy $(PYTEST)

.PHONY: test-project
test-project: $(VENV)/.develop
	$(BIN)/python -m pytest tests/project --ds=config.settings -n 3 $(if $(QUICK_ONLY),-m "not slow") $(PYTEST)

# The nine combinations, and the page in the docs that says how they did.
.PHONY: conformance
conformance: $(VENV)/.develop ## Every engine on every broker through the conformance suite; writes docs/reference/conformance.md
	rm -rf build/conformance
	$(BIN)/python -m pytest tests/adapters/*/test_conformance.py $(QUICK) --junitxml=build/conformance/sqlite-quick.xml
	$(BIN)/python -m pytest tests/adapters/*/test_conformance.py $(SLOW) --junitxml=build/conformance/sqlite-slow.xml
	$(ON_POSTGRESQL) -m pytest $(IN_THE_DATABASE) $(QUICK) --junitxml=build/conformance/postgresql-quick.xml
	$(ON_POSTGRESQL) -m pytest $(IN_THE_DATABASE) $(SLOW) --junitxml=build/conformance/postgresql-slow.xml
	$(BIN)/python -m tests.matrix docs/reference/conformance.md build/conformance/*.xml

.PHONY: conformance-check
conformance-check: $(VENV)/.develop ## Whether that page says what `make test` has just shown
	$(BIN)/python -m tests.matrix docs/reference/conformance.md $(RESULTS)/*.xml --check

IN_THE_DATABASE := tests/adapters/embedded/test_conformance.py tests/adapters/django_q2/test_conformance.py

# What depends on an engine's library; what the database does for every engine alike need not be seen again.
OF_THE_LIBRARY := -k "TestExecution or TestDuplicates or TestBadMessages or TestShutdown or TestBrokerFaults or test_settings"

# Each engine in an environment of its own, on the newest redis that it allows.
.PHONY: test-alone
test-alone: test-alone-celery test-alone-dramatiq test-alone-arq test-alone-django_q2 ## Each engine without the others

test-alone-celery: EXTRA := celery-redis
test-alone-dramatiq: EXTRA := dramatiq
test-alone-arq: EXTRA := arq
test-alone-arq: PINS := together
test-alone-django_q2: EXTRA := django-q2-redis
test-alone-%: PINS := newest
test-alone-%: FORCE
	$(MAKE) --no-print-directory $(VENV)-$*/.made VENV=$(VENV)-$* PYTHON="$(PYTHON)"
	$(VENV)-$*/bin/python -m pip install --quiet -c constraints/$(PINS).txt --group test-engine -e ".[$(EXTRA)]"
	$(VENV)-$*/bin/python -m pip check
	$(VENV)-$*/bin/python -m pytest tests/adapters/$*/test_conformance.py tests/adapters/$*/test_settings.py \
		$(QUICK) $(OF_THE_LIBRARY) $(PYTEST)

# For the other end of the ranges: make test-engines VENV=.venv-lower PINS=lower
.PHONY: test-engines
test-engines: $(VENV)/.develop
	$(BIN)/python -m pytest tests/adapters/*/test_conformance.py tests/adapters/*/test_settings.py $(QUICK) $(OF_THE_LIBRARY)

.PHONY: FORCE
FORCE:

.PHONY: lint
lint: $(VENV)/.lint ## Style, types, import contracts, migrations, and whether what is installed goes together
	$(BIN)/python -m pip check
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	DJANGO_SETTINGS_MODULE=tests.settings PYTHONPATH=. $(BIN)/python -m django makemigrations --check --dry-run
	$(BIN)/python project/manage.py makemigrations --check --dry-run

.PHONY: format
format: $(VENV)/.lint ## Lay out the code as `make lint` wants it
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(VENV)/.develop ## Measure the embedded engine: jobs drained, enqueued and picked up, on SQLite and PostgreSQL
	$(BIN)/python -m benchmarks

.PHONY: bench-engines
bench-engines: $(VENV)/.develop ## Measure the other engines with our records against the bare engines; ten minutes
	$(BIN)/python -m benchmarks engines

.PHONY: bench-async
bench-async: $(VENV)/.develop ## Measure threads against async servers, thousands of watchers, and the event loop while it enqueues
	$(BIN)/python -m benchmarks.serving
	$(BIN)/python -m benchmarks.live
	$(BIN)/python -m benchmarks.loop_lag

.PHONY: dashboards
dashboards: $(VENV)/.develop ## Write Grafana's dashboards anew from their source
	$(BIN)/python -m monitoring.grafana.source

.PHONY: release-check
release-check: $(VENV)/.develop ## Build the distribution and use it in outside projects, on each Python and Django here
	$(BIN)/python -m tests.release
	$(BIN)/python -m tests.learn.walk

.PHONY: kubernetes-check
kubernetes-check: ## Kubernetes' manifests against the schemas of Kubernetes, KEDA and the Prometheus operator
	$(MAKE) --no-print-directory $(VENV)-kubernetes/.made VENV=$(VENV)-kubernetes
	$(VENV)-kubernetes/bin/python -m pip install --quiet -c constraints/base.txt --group kubernetes
	$(VENV)-kubernetes/bin/python -m tests.kubernetes.schemas

.PHONY: docs
docs: $(VENV)/.develop ## The documents as a site, in build/docs
	$(BIN)/python -m sphinx -E -W --keep-going -n -q -b html docs build/docs

.PHONY: clean
clean: ## Remove what the other commands made
	rm -rf .venv .venv-* build dist project/var .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# --- environments ---

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer with venv was found. Install one, or name it: make PYTHON=…"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints/$(PINS).txt pip
	@touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml $(CONSTRAINTS)
	$(BIN)/python -m pip install --quiet -c constraints/$(PINS).txt --group demo -e .
	@touch $@

$(VENV)/.engines: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet -c constraints/$(PINS).txt -e ".[all]"
	@touch $@

$(VENV)/.stack: $(VENV)/.demo
	$(BIN)/python -m pip install --quiet -c constraints/$(PINS).txt --group stack -e .
	@touch $@

$(VENV)/.develop: $(VENV)/.made pyproject.toml $(CONSTRAINTS)
	$(BIN)/python -m pip install --quiet -c constraints/$(PINS).txt --group demo --group test --group release --group docs -e .
	@touch $@ $(VENV)/.demo $(VENV)/.stack

$(VENV)/.lint: $(VENV)/.develop
	$(BIN)/python -m pip install --quiet -c constraints/$(PINS).txt --group lint
	@touch $@

# The driver is compiled against MariaDB's headers; where they are missing, with_database says what to install.
$(VENV)/.mysql: $(VENV)/.develop
	@if pkg-config --exists libmariadb 2>/dev/null; then \
		$(BIN)/python -m pip install --quiet -c constraints/$(PINS).txt --group mysql && touch $@; fi
