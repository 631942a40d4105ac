# Everything one can do here, one word each. `make` alone prints this list.
SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.DELETE_ON_ERROR:

BIN := .venv/bin
ENVIRONMENT := .venv/.synced
PACKAGES := models streams alerts deploy bench clients tests
# Tests that share servers run in one process (loadgroup). Two processes more than the two cores that are reckoned with: many tests
# wait for a process of their own.
PYTEST_OPTIONS ?= -n 4 --dist loadgroup
BROKER := .kafka/.fetched

# The board is an npm project; Node itself comes from a wheel, so that nobody has to install it.
BOARD := alerts/board
ifneq ($(wildcard $(BOARD)/package.json),)
BOARD_MODULES := $(BOARD)/node_modules/.installed
BOARD_BUILT := $(BOARD)/dist/index.html
BOARD_SOURCES := $(shell find $(BOARD) \( -name node_modules -o -name dist \) -prune -o -type f -print)
endif
NPM := cd $(BOARD) && PATH="$(CURDIR)/$(BIN):$$PATH" npm --no-audit --no-fund --no-update-notifier

##@ The two commands

.PHONY: demo
demo: setup ## Run an invented clinic of twelve chairs and open the board on it
	$(BIN)/chairside demo

.PHONY: test
test: setup $(BROKER) ## Run all tests
	@# Some environments forbid Python to keep bytecode: each of the some hundred processes would compile the tree anew.
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest $(PYTEST_OPTIONS)

##@ While developing

.PHONY: check
check: setup ## Everything that must pass before a change lands, tests included
	@# The type checkers need one core each; tests, whose patience is reckoned in seconds, run by themselves.
	$(MAKE) --jobs=2 --output-sync=target types board-check lint contracts audit $(BROKER)
	$(MAKE) test

.PHONY: format
format: $(ENVIRONMENT) ## Put all Python files into the one format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix-only --quiet .

.PHONY: lint
lint: $(ENVIRONMENT) ## Check format, lint and that the lock file fits pyproject.toml
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	UV_PYTHON_DOWNLOADS=never .uv/bin/uv lock --check --quiet

.PHONY: types
types: $(ENVIRONMENT) ## Check types (mypy, strict)
	$(BIN)/mypy $(PACKAGES)

.PHONY: contracts
contracts: $(ENVIRONMENT) ## Check that imports go one way and that the pure modules are pure
	$(BIN)/lint-imports

.PHONY: audit
audit: setup ## Ask the databases of PyPI and npm about vulnerabilities in what is locked, and say where they cannot be asked
	$(BIN)/python -m deploy.supply.audit

.PHONY: schema
schema: $(ENVIRONMENT) ## Write the JSON Schemas of everything on the wire, and the tables that boards need, the safety file's pages
	$(BIN)/python -m deploy.schema

.PHONY: board
board: $(BOARD_BUILT) ## Build the board (alerts/board/dist)

.PHONY: wheel
wheel: setup ## Build the wheel with the board in it (dist/), its bill of materials, and the versions that it was tested with
	rm -f dist/chairside-*.whl dist/constraints.txt dist/chairside.cdx.json
	$(BIN)/python -m hatchling build --target wheel --directory dist
	UV_PYTHON_DOWNLOADS=never .uv/bin/uv export --frozen --no-dev --all-extras --no-emit-project --no-hashes --no-annotate \
		--no-header --quiet --output-file dist/constraints.txt

.PHONY: docs
docs: $(ENVIRONMENT) ## Build the handbook for nurses, clinicians, IT and integrators (build/docs)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --config-file deploy/handbook/mkdocs.yml

##@ A network of clinics on this machine

.PHONY: cluster
cluster: setup $(BROKER) ## Start Kafka, PostgreSQL, two workers, pagers and edges, and an invented clinic with its board
	$(BIN)/python -m deploy.cluster up

.PHONY: cluster-down
cluster-down: $(ENVIRONMENT) ## End what `make cluster` started
	$(BIN)/python -m deploy.cluster down

##@ Measurements and long proofs, by hand

.PHONY: pictures
pictures: setup ## Draw the documentation's pictures from the demonstration (needs Chromium)
	$(BIN)/python -m bench.pictures

.PHONY: bench
bench: setup ## Measure samples per second of the ward, the edge and the whole path
	$(BIN)/python -m bench

.PHONY: prove-kill
prove-kill: setup ## Kill the service at random moments and compare with a replay of its journal
	$(BIN)/python -m bench.crash.kill

.PHONY: prove-page-kills
prove-page-kills: setup ## The same with people who are paged by HTTP and SMTP: no high alert is lost, ladders climb on (20 minutes)
	$(BIN)/python -m bench.crash.kill --pages

.PHONY: prove-intake-kills
prove-intake-kills: setup ## Kill the service under what comes over MLLP, as FHIR and by MQTT; nothing acknowledged may be lost (5 minutes)
	$(BIN)/python -m bench.crash.kill_intake

.PHONY: prove-fuzz
prove-fuzz: setup ## Fuzz MLLP bytes, HL7 segments, FHIR and CSV: nothing raises, all is accounted for, memory is bounded (10 minutes)
	$(BIN)/python -m bench.fuzz

.PHONY: prove-extremes
prove-extremes: setup ## Post every field of every kind at its extremes to a running service, and ask for every document (20 minutes)
	$(BIN)/pytest -q -p no:xdist --hypothesis-profile=prove tests/deploy/test_extremes.py

.PHONY: prove-api
prove-api: setup ## Hold the API's description against a running service with Schemathesis, as every role and as nobody (half an hour)
	$(BIN)/python -m bench.api

.PHONY: prove-plain
prove-plain: setup ## Run the ward's tests with the compiler off, all concerns and a clinic's day (10 minutes)
	$(BIN)/pytest -q -m prove --ignore tests/deploy/supply

.PHONY: prove-network
prove-network: setup $(BROKER) ## Kill workers, broker and database of a network under load for twenty minutes; compare with a replay
	$(BIN)/python -m bench.network.load --sessions 5000 --sites 100 --minutes 20 --kill

.PHONY: prove-network-load
prove-network-load: setup $(BROKER) ## Measure a network of 100,000 sessions on this machine for ten minutes
	$(BIN)/python -m bench.network.load --sessions 100000 --sites 200 --minutes 10

.PHONY: prove-network-flood
prove-network-flood: setup $(BROKER) ## Have one site of a network misbehave, and measure whether the others notice (4 minutes)
	$(BIN)/python -m bench.network.load --sessions 20000 --sites 200 --minutes 4 --flood

.PHONY: prove-network-limit
prove-network-limit: setup $(BROKER) ## Open more and more sessions in a network on this machine, until decisions are late (10 minutes)
	$(BIN)/python -m bench.network.load --sessions 50000 --sites 200 --find-limit

.PHONY: prove-network-http
prove-network-http: setup $(BROKER) ## The same over HTTP: a gateway for each clinic posts to two edges (10 minutes)
	$(BIN)/python -m bench.network.load --http --sessions 20000 --sites 200 --step 10000 --find-limit

.PHONY: prove-network-takeover
prove-network-takeover: setup $(BROKER) ## Kill a worker of a network of 100,000 sessions each minute; how long its clinics wait (5 minutes)
	$(BIN)/python -m bench.network.load --sessions 100000 --sites 200 --minutes 5 --takeover

.PHONY: prove-peers
prove-peers: setup $(BROKER) ## Measure Chairside beside Faust, Quix Streams, Bytewax and aiokafka, same rules, same broker (15 minutes)
	$(BIN)/python -m bench.network.peers

.PHONY: prove-latency
prove-latency: setup ## Measure the time from an accepted sample to the alert on the live feed
	$(BIN)/python -m bench.speed.latency

.PHONY: prove-flood
prove-flood: setup ## Measure an announced chair's alert beside 10,000 unknown devices and 1,000 half-open connections (3 minutes)
	$(BIN)/python -m bench.speed.flood

.PHONY: prove-pages
prove-pages: setup ## Run 10,000 schedules of crashes, failing phones, full disks and jumping clocks; no high alert may be lost (an hour)
	$(BIN)/python -m bench.paging

.PHONY: prove-pages-latency
prove-pages-latency: setup ## Measure the time from a durable page to its first try while other destinations hang, drip and refuse
	$(BIN)/python -m bench.speed.pages

.PHONY: prove-detection
prove-detection: setup ## Score the detectors on invented sessions and recordings, held-out families included
	$(BIN)/python -m bench.detection --held-out

.PHONY: prove-planted
prove-planted: setup ## Plant faults one at a time in a copy of the tree, and see which test notices (some half an hour)
	$(BIN)/python -m bench.planted

.PHONY: prove-wheel
prove-wheel: wheel ## Install the wheel with pipx and run it with uvx, each from nothing and the registry (3 minutes)
	$(BIN)/pytest -q -n 0 -m prove tests/deploy/supply

.PHONY: prove-year
prove-year: setup ## Live a year of a twelve-chair clinic; measure disk, start, backup, restore, memory (an hour; 8 GB of disk)
	$(BIN)/python -m bench.year --into build/year

.PHONY: train-forecast
train-forecast: setup ## Train the forecast's pooled model on invented cohorts (some 20 minutes; the same seeds, the same bytes)
	$(BIN)/python -m bench.forecast.train

.PHONY: prove-forecast
prove-forecast: setup ## Score the forecasts on patients whose truth is known: targets, controls, closed loop, real diaries
	$(BIN)/python -m bench.forecast --full

.PHONY: prove-night
prove-night: setup ## Measure a night of 100,000 patients, each re-forecast by the service from what is kept of them (12 GB of disk)
	$(BIN)/python -m bench.forecast.night

##@ The rest

.PHONY: setup
setup: $(ENVIRONMENT) $(BOARD_BUILT) ## Install what the lock files name and build the board (the others call this)

.PHONY: lock-broker
lock-broker: $(ENVIRONMENT) ## Resolve deploy/kafka/pom.xml anew and write its lock file
	$(BIN)/python -m deploy.cluster.jars lock

.PHONY: clean
clean: ## Remove everything that was built or installed here
	rm -rf .venv .uv .kafka .peers .setup.log build dist $(BOARD)/node_modules $(BOARD)/dist
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help
help: ## Print this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z][a-z-]*:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@echo

.PHONY: board-check
board-check: $(BOARD_BUILT)
	$(if $(BOARD_BUILT),$(NPM) run check)

$(ENVIRONMENT): uv.lock pyproject.toml .ci/setup
	@.ci/setup
	@touch $@

$(BROKER): deploy/kafka/jars.lock $(ENVIRONMENT)
	@$(BIN)/python -m deploy.cluster.jars
	@touch $@

$(BOARD)/node_modules/.installed: $(BOARD)/package.json $(BOARD)/package-lock.json $(ENVIRONMENT)
	@($(NPM) ci --loglevel=error) || { echo "Could not install the board's packages: is the npm registry reachable?" >&2; exit 1; }
	@touch $@

$(BOARD)/dist/index.html: $(BOARD_MODULES) $(BOARD_SOURCES)
	$(NPM) run build
	@touch $@
