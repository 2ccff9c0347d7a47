# Everything one does with Entente. The first target makes the virtual environment (tools/bootstrap.sh); it needs Python
# 3.11 or newer and the package index that pip is configured for, and nothing else.

BIN := .venv/bin
PYTHON_IN := $(BIN)/python
ENTENTE := $(BIN)/entente

.DEFAULT_GOAL := help
.PHONY: dashboards metrics alerts help venv demo up down status test check unit contract integration system proto proto-baseline asyncapi configuration bench-campaign bench-messaging notifications campaign-reference campaign-agreements fmt lock clean bench-analytics check-deploy kubernetes bench-matching generated

help: ## Show what can be made
	@echo "Entente: make TARGET"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-16s %s\n", $$1, $$2 }'

venv: ## Make the virtual environment, or bring it up to date (each target does this first)
	@sh tools/bootstrap.sh

demo: venv ## Run a whole campaign through the five services (KEEP=1 leaves them running)
	@$(ENTENTE) demo $(if $(KEEP),--keep)

up: venv ## Start Kafka, the database and the five services
	@$(ENTENTE) up

down: venv ## Stop what `make up` started
	@$(ENTENTE) down

status: venv ## Show what runs, where, and how it is
	@$(ENTENTE) status

test: venv ## Check, then run every level of tests (under 15 minutes on 2 cores)
	@$(PYTHON_IN) -m tools.levels check unit contract integration system

check: venv ## Lint, format, types, layers, protos: everything that needs no running service
	@$(PYTHON_IN) -m tools.levels check

unit: venv ## Run the tests of single modules
	@$(PYTHON_IN) -m tools.levels unit

contract: venv ## Run the tests between producers and consumers, clients and servers
	@$(PYTHON_IN) -m tools.levels contract

integration: venv ## Run the tests against real Kafka and a real database
	@$(PYTHON_IN) -m tools.levels integration

system: venv ## Run the tests of the five services together
	@$(PYTHON_IN) -m tools.levels system

check-deploy: venv ## Check what deploys and watches the services (needs kubectl, promtool, amtool)
	@$(PYTHON_IN) -m tools.levels deploy

kubernetes: venv ## Write the topics, rights and scaling of deploy/k8s from the services
	@$(PYTHON_IN) -m tools.kafka_resources

.PHONY: metrics alerts dashboards
dashboards: venv ## Write the dashboards of Grafana from what the services count
	@$(PYTHON_IN) -m tools.dashboards

metrics: venv ## Write docs/metrics.md from what the services count
	@$(PYTHON_IN) -m tools.metrics

alerts: venv ## Write the rules of Prometheus from deploy/observability/slos.toml
	@$(PYTHON_IN) -m tools.alerts

proto: venv ## Generate libs/contracts from proto/
	@$(PYTHON_IN) -m tools.generate_protos

proto-baseline: venv ## Take the protos of today as what later ones must stay compatible with
	@$(PYTHON_IN) -m tools.generate_protos --baseline

asyncapi: venv ## Write docs/events/asyncapi.yaml from the services and their protos
	@$(PYTHON_IN) -m tools.asyncapi

configuration: venv ## Write docs/configuration.md from the settings of the services
	@$(PYTHON_IN) -m tools.configuration

notifications: venv ## Write docs/notifications.md from messaging's table of notifications
	@$(PYTHON_IN) -m entente_messaging.notifications_page

bench-messaging: venv ## Measure messaging: bulk e-mail against bare aiosmtplib, inbox latency, streams
	@.venv/bin/python -m bench.messaging

bench-analytics: venv ## Measure clicks into figures, the redirect and reports against bare peers
	@.venv/bin/python -m bench.analytics
bench-matching: venv ## Measure the search against DuckDB and Polars, its growth, its memory and how it is built
	@.venv/bin/python -m bench.matching

bench-campaign: venv ## Measure campaign's commands, latency and timers against a bare driver loop
	@.venv/bin/python -m bench.campaign

campaign-reference: venv ## Write the page of the collaboration's machine and clocks from their tables
	@.venv/bin/python -m entente_campaign.reference docs/architecture/collaboration.md

campaign-agreements: venv ## Write the page of what campaigns agree on from its tables
	@.venv/bin/python -m entente_campaign.agreements_reference docs/architecture/agreements.md

generated: proto asyncapi configuration notifications campaign-reference campaign-agreements metrics dashboards alerts kubernetes ## Write all that is generated

fmt: venv ## Format the code and mend what the linter can
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .
	@$(BIN)/buf format --write proto

lock: ## Choose versions anew from requirements/requirements.in (needs uv)
	@command -v uv >/dev/null || { echo "make lock needs uv (https://docs.astral.sh/uv); nothing else does." >&2; exit 1; }
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--prerelease=if-necessary-or-explicit --no-header -o requirements.lock requirements/requirements.in

clean: ## Stop the stack and delete what was made, but for the virtual environment and downloaded jars
	@if [ -x $(ENTENTE) ]; then $(ENTENTE) down; fi
	rm -rf build .mypy_cache .pytest_cache .ruff_cache .hypothesis
	if [ -d .entente ]; then find .entente -mindepth 1 -maxdepth 1 ! -name jars -exec rm -rf {} +; fi
	find libs services stack cli tools tests -name __pycache__ -type d -prune -exec rm -rf {} +
