# Every target does its own set-up: Python 3.11 to 3.13, make and the package registries are enough.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
LOCKS  := requirements-dev.lock
PACKAGES := shared services/traffic-meter services/delivery-emissions services/offset-purchaser tools

# --name 'value' for a variable that is given; blanks, quotes and dollar signs of a file's name reach no shell.
option = $(if $(value $(2)),--$(1) '$(subst ','\'',$(value $(2)))')

.DEFAULT_GOAL := help
.PHONY: bench bench-api bench-settlement bench-processes bench-flat bench-window bench-latency bench-shipments chaos upgrade law help setup lock schemas lint types imports check test test-unit demo replay clean up down logs smoke test-containers audit-deps

help: ## Explain every target
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## Build .venv with the locked packages and the five commands (the other targets run it when needed)

$(STAMP): $(LOCKS) $(PACKAGES:%=%/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info < (3, 14)) and "Python 3.11, 3.12 or 3.13 is needed, this is " + sys.version.split()[0] + ". Name another one: make PYTHON=python3.13 setup")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv module is missing: install it (Debian: python3-venv) and run make again."; exit 1; }
	@echo "Installing the locked packages into $(VENV) (some 240 MB to download the first time, a few minutes) ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(PACKAGES:%=-e ./%)
	@touch $@

lock: ## Resolve the dependencies again (needs uv on the PATH); hashes, no index address
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --no-emit-package campaign-offsets-shared -o requirements.lock \
	  shared/pyproject.toml services/traffic-meter/pyproject.toml services/delivery-emissions/pyproject.toml services/offset-purchaser/pyproject.toml
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --no-emit-package campaign-offsets-shared -c requirements.lock -o requirements-dev.lock \
	  shared/pyproject.toml services/traffic-meter/pyproject.toml services/delivery-emissions/pyproject.toml services/offset-purchaser/pyproject.toml \
	  tools/pyproject.toml requirements-dev.in

lint: $(STAMP) ## Style: ruff check and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy strict over every package
	$(BIN)/mypy

imports: $(STAMP) ## Who may import whom (import-linter)
	$(BIN)/lint-imports

check: lint types imports ## Style, types and imports

schemas: $(STAMP) ## Write the JSON Schemas of the contract and its table of inputs into docs/contract
	$(BIN)/python -m tests.contract.generate

demo: $(STAMP) ## Run a seeded Black Friday end to end on a real Kafka and PostgreSQL (DEMO='--seed 7' for options)
	$(BIN)/demo run $(DEMO)

replay: $(STAMP) ## Run the main job on real files: make replay LOG=… SHIPMENTS=… EMAILS=… ADS=… (any of them; REPLAY='…' for options)
	$(BIN)/replay run $(call option,log,LOG) $(call option,shipments,SHIPMENTS) $(call option,emails,EMAILS) $(call option,ads,ADS) $(REPLAY)

test: check ## Style, types, imports and every test but the container suite (the law with one seed; make law looks further)
	$(BIN)/pytest --durations=15 --numprocesses logical tests/unit tests/contract
	$(BIN)/python -m tests.law --seed $(or $(LAW_SEED),3282717714) $(LAW)
	$(BIN)/pytest --durations=15 --numprocesses 2 --dist loadfile tests/integration tests/e2e

test-unit: $(STAMP) ## Only the tests that need no Kafka and no PostgreSQL
	$(BIN)/pytest --numprocesses logical tests/unit tests/contract

chaos-orders: $(STAMP) ## Buy under 1,000 seeded crashes and 20 histories of kill -9 (RUNS=… KILLS=… for other numbers)
	CHAOS_RUNS=$(or $(RUNS),1000) CHAOS_SECONDS=inf KILL_RUNS=$(or $(KILLS),20) $(BIN)/pytest --timeout=0 -s \
	  tests/integration/purchaser/test_chaos.py tests/integration/purchaser/test_kills.py

up: ## Start the whole system with docker compose and wait until it is ready (UP='--profile dashboards' adds Grafana, '--profile alerts' sends alerts)
	$(PYTHON) deploy/compose/prepare.py
	COMPOSE_PARALLEL_LIMIT=1 docker compose build
	docker compose $(UP) up --detach --wait

down: ## Stop what `make up` started; the volumes keep the data (DOWN=--volumes removes them)
	docker compose --profile dashboards --profile alerts down $(DOWN)

logs: ## Follow the logs of what `make up` started
	docker compose logs --follow --tail 50

smoke: $(STAMP) ## Send a small campaign through the system of `make up` and wait for its document
	$(BIN)/python -m tests.container.smoke

test-containers: $(STAMP) ## The container suite: compose file, images, integration tests on the official images, foreign judges (Java, Go)
	$(BIN)/pytest --durations=10 --numprocesses 2 --dist loadfile tests/container

audit-deps: ## Known vulnerabilities in the locked packages (asks the package index; a package it cannot judge is a failure)
	@test -x var/audit/bin/pip-audit || { $(PYTHON) -m venv var/audit && var/audit/bin/pip install --quiet pip-audit==2.10.1; }
	var/audit/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock

law: $(STAMP) ## The law of the meters alone, from another seed each time (LAW='--schedules 20000' for more, LAW_SEED=… to repeat)
	$(BIN)/python -m tests.law $(if $(LAW_SEED),--seed $(LAW_SEED)) $(LAW)

upgrade: $(STAMP) ## From an older version to this one and back under traffic, every total compared (FROM=commit; else before the newest migration)
	$(BIN)/python -m tests.chaos.upgrade $(call option,from,FROM)

chaos: $(STAMP) ## Random faults on real parts: make chaos FAULTS=200 SEED=7
	$(BIN)/python -m tests.chaos.run $(if $(FAULTS),--faults $(FAULTS)) $(if $(SEED),--seed $(SEED))


bench: $(STAMP) var/bench/peers/.ready ## This meter beside its peers (BENCH_EVENTS=… BENCH_ROUNDS=…); bench-window, -latency, -processes, -flat, -shipments
	BENCH_PEERS=var/bench/peers/bin/python $(BIN)/python -m benchmarks throughput

bench-processes bench-flat bench-window bench-latency bench-shipments: bench-%: $(STAMP) ## One figure each: scaling, cost by number, window, latency, shipments (BENCH='--help')
	$(BIN)/python -m benchmarks $* $(BENCH)

bench-api: $(STAMP) ## Live totals at 100 requests a second while readings come in (BENCH_REGISTERS=… in the environment)
	$(BIN)/python -m benchmarks.api

bench-settlement: $(STAMP) ## A day of 10^6 shipments in 10^5 registers from settlement to document; ten years bought once
	$(BIN)/python -m tests.integration.purchaser.measure_speed

var/bench/peers/.ready: benchmarks/requirements.lock
	$(PYTHON) -m venv var/bench/peers
	var/bench/peers/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.lock
	@touch $@

clean: ## Remove the virtual environment and everything the runs wrote, but not var/compose: passwords and campaigns.yaml of `make up`
	rm -rf $(VENV)
	@test ! -d var || find var -mindepth 1 -maxdepth 1 ! -name compose -exec rm -rf {} +
