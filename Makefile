# Copyright (c) 2026, vdsg.jupyterhub contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

PYTHON ?= python3
VDSG_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/vdsg-jupyterhub
TARGET ?= docker_compose
INVENTORY ?= inventories/$(if $(filter docker_compose,$(TARGET)),local,$(TARGET))
# Where inventories/local and inventories/swarm keep their hubs.
export LOCAL_HUB ?= $(if $(filter 0,$(shell id -u)),/srv/jupyterhub,$(HOME)/.local/share/vdsg-jupyterhub)/$(notdir $(INVENTORY))
SCENARIOS := $(sort $(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml)))
IMAGES := $(if $(wildcard playbooks/images.yml),images)
# Those that want a Kubernetes.
CLUSTERED := $(filter k8s openshift,$(SCENARIOS))
# Two lanes, for two processors: what has its hubs on this machine's engine; and what needs none, or machines and a cluster of its own.
# Not `remote` beside `k8s`: both have 10.213.8.2.
ELSEWHERE := $(filter quickstart remote swarm,$(SCENARIOS))
HERE := $(filter-out $(CLUSTERED) $(ELSEWHERE),$(SCENARIOS))
STEPS := engine images integration $(HERE:%=test-%) -- \
  lint unit sanity build after:images test-cluster $(CLUSTERED:%=test-%) cluster-down $(ELSEWHERE:%=test-%)

VERSION := $(shell sed -n 's/^version: //p' galaxy.yml)
TARBALL := .cache/build/vdsg-jupyterhub-$(VERSION).tar.gz
STAGE = .cache/stage/$@/ansible_collections/vdsg/jupyterhub

# Ansible wants UTF-8, and a bare machine has no locale set; molecule would rather have its scenarios in extensions/.
export LC_ALL := C.UTF-8
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export ANSIBLE_COLLECTIONS_PATH := $(CURDIR)/.cache/collections
export MOLECULE_GLOB := molecule/*/molecule.yml
export MOLECULE_COMMAND_BORDERS := false
export PYTHONUNBUFFERED := 1
# The image that tests start as a hub; playbooks/images.yml makes it. Not `?=`: the make above began before there was one.
export VDSG_TEST_IMAGE = $(shell cat .cache/test-image 2>/dev/null)

.PHONY: help venv quickstart remove test lint unit sanity build engine images integration cluster cluster-images cluster-down test-cluster bench specs traits clean

help: ## this list
	@sed -nE 's/^([a-z%-]+):.*## (.*)/  make \1\t\2/p' $(firstword $(MAKEFILE_LIST)) | expand -t 24
	@printf '  make test-NAME    one scenario: %s\n' '$(or $(SCENARIOS),none yet)'

venv: ## the pinned tools, in .venv (a link into $VDSG_CACHE)
	@command -v $(PYTHON) >/dev/null || { echo 'Python 3.11 to 3.13 is needed: install python3, or say `make PYTHON=…`.' >&2; exit 1; }
	@$(PYTHON) scripts/venv.py --cache '$(VDSG_CACHE)'

quickstart: venv engine ## a hub on this machine [TARGET=docker_compose|swarm]
	@test -d $(INVENTORY) || { echo 'There is no $(INVENTORY): TARGET=$(TARGET) is not one of the targets.' >&2; exit 1; }
	@echo '==> the hub'
	@ansible-playbook -i $(INVENTORY) site.yml
	@python scripts/login.py '$(LOCAL_HUB)'

remove: venv ## take it away again [TARGET=…] [REMOVE_DATA=true]
	@ansible-playbook -i $(INVENTORY) remove.yml $(if $(filter true,$(REMOVE_DATA)),-e jupyterhub_remove_data=true)

test: venv ## everything that CI runs
	@$(PYTHON) scripts/steps.py $(STEPS)

test-%: venv engine $(IMAGES)
	@test -d molecule/$* || { echo 'There is no scenario $*; there are: $(SCENARIOS)' >&2; exit 1; }
	@molecule test --scenario-name $*

lint: venv ## yamllint, ruff, mypy, ansible-lint, documentation, changelog, licences
	@yamllint --strict .
	@ruff check --quiet --output-format concise . && ruff format --check .
	@mypy -p ansible_collections.vdsg.jupyterhub
	@ansible-lint --offline -q
	@antsibull-docs lint-collection-docs --plugin-docs --skip-rstcheck --validate-collection-refs dependent .
	@antsibull-changelog lint
	@reuse lint --quiet || reuse lint

unit: venv ## the core and the roles, in seconds
	@pytest tests/unit

sanity: venv ## ansible-test sanity, on a copy
	@scripts/stage.sh $(STAGE)
	@python scripts/sanity.py $(STAGE) '$(VDSG_CACHE)/ansible-test'

build: venv ## the tarball, as Galaxy would take it
	@scripts/stage.sh $(STAGE)
	@ansible-galaxy collection build --force --output-path .cache/build $(STAGE)
	@# ansible-lint has its own step; the importer would give it three minutes, which are not enough on a busy machine.
	@cd .cache/build && GALAXY_IMPORTER_RUN_ANSIBLE_LINT=no python -m galaxy_importer.main $(notdir $(TARBALL)) 2>&1 | tee importer.log
	@! grep -E '^(ERROR|WARNING)' .cache/build/importer.log
	@ansible-galaxy collection install --offline --force --no-deps --collections-path .cache/installed $(TARBALL) >/dev/null
	@cd .cache/installed && ANSIBLE_COLLECTIONS_PATH=. ansible-playbook --inventory localhost, --syntax-check \
	  $(patsubst playbooks/%.yml,vdsg.jupyterhub.%,$(wildcard playbooks/*.yml))

engine: venv ## a Docker Engine with compose, if there is none
	@docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1 || { echo '==> a Docker Engine'; ansible-playbook playbooks/engine.yml; }

images: venv engine ## the images that tests start
	@ansible-playbook -i inventories/local playbooks/images.yml

integration: venv engine $(IMAGES) ## programs against a real engine
	@pytest tests/integration

CLUSTER = PYTHONPATH=.cache/collections python tests/cluster/cluster.py

cluster: venv ## a Kubernetes of one node for the tests; with K8S_CONTEXT=… see that yours answers
	@$(CLUSTER) up

cluster-images: venv ## bring images of the engine into it: NAMES='image …'
	@$(CLUSTER) images $(NAMES)

cluster-down: venv ## leave nothing of it
	@$(CLUSTER) down

test-cluster: engine cluster ## the Kubernetes of the tests itself, and that it goes without a trace
	@pytest tests/cluster

$(CLUSTERED:%=test-%): cluster

bench: venv engine ## measure on this machine, write docs/benchmarks.md
	@PYTHONPATH=.cache/collections python tests/bench/bench.py

specs: venv ## the argument specs and defaults of the roles, from the description
	@PYTHONPATH=.cache/collections python scripts/argument_specs.py

traits: venv ## which traits the classes of the pinned packages have, for checking descriptions
	@PYTHONPATH=.cache/collections python scripts/traits.py --cache '$(VDSG_CACHE)'

clean: ## forget what tests left in .cache; the tools stay
	@rm -rf .cache/build .cache/installed .cache/logs .cache/mypy .cache/pytest .cache/stage .hypothesis .ruff_cache
