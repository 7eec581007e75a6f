# make help lists what there is. Settings: ARGS="more arguments" for bench, demo, torture and pytest, WORKERS for how
# many tests make test runs at once.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
INSTALLED := .venv/.installed
VERSIONS := 3.10 4.0 4.3
SUITES := trixie forky
ARGS ?=
# Twice the cores of a small machine: a third of the time a test on RabbitMQ 3.10 waits. On 4.x three do: one of them
# has what takes minutes, and mostly waits.
WORKERS ?= 4

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help setup rabbitmq browser check test test-matrix torture bench demo versions clean

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(INSTALLED) rabbitmq ## Make .venv, and install RabbitMQ with apt if there is none

# As two rules, because a pyproject.toml that changed needs no new environment.
$(BIN)/python:
	@.ci/make-venv "$(PYTHON)" .venv

$(INSTALLED): pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing proca-topo and its tools into .venv"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

rabbitmq:
	@.ci/install-rabbitmq

browser:
	@.ci/install-browser

# Without ruff's cache: a new module changes how imports of it in unchanged files should be sorted.
check: $(INSTALLED) ## Linters and types, no broker
	$(BIN)/ruff check --no-cache
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: setup browser check ## Everything, on the machine's own RabbitMQ
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(ARGS)

test-matrix: setup ## The tests that talk to a broker, on RabbitMQ 3.10, 4.0 and 4.3 (needs Linux and root)
	@echo "Unpacking RabbitMQ of Debian $(SUITES)"
	@$(BIN)/python -m tests.brokers.debian $(SUITES)
	@failed=""; \
	for version in $(VERSIONS); do \
		echo "== RabbitMQ $$version"; \
		PROCA_TOPO_TEST_RABBITMQ=$$version PROCA_TOPO_TEST_KILLS=10 $(BIN)/pytest -n 3 --dist worksteal -q -m broker $(ARGS) || failed="$$failed $$version"; \
	done; \
	if [ -n "$$failed" ]; then echo "Failed on RabbitMQ$$failed"; exit 1; fi

# PROCA_TOPO_TEST_RABBITMQ=4.3 make torture ARGS="--minutes 30 --seed 7"
torture: setup ## Replace queues at random while all goes wrong, 5 minutes; fails if a message is lost
	$(BIN)/python -m tests.torture $(ARGS)

bench: setup ## Measure it on a private broker
	$(BIN)/python -m bench $(ARGS)

# A demo can do without a broker of this machine, so that RabbitMQ which cannot be installed does not stop it.
demo: $(INSTALLED) ## See it at work
	@.ci/install-rabbitmq || echo "Going on without RabbitMQ."
	@PATH="$(CURDIR)/$(BIN):$$PATH" scripts/demo.sh $(ARGS)

versions: $(INSTALLED) ## Take the newest versions of all libraries into constraints.txt; run make test then
	$(BIN)/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable '.[dev]'
	@{ sed -n '/^#/p' constraints.txt; $(BIN)/python -m pip freeze --exclude-editable; } > .venv/constraints.txt
	@mv .venv/constraints.txt constraints.txt

clean: ## Remove .venv, unpacked brokers and caches
	rm -rf .venv .cache .demo build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -prune -exec rm -rf {} +
