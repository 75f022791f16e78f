# Everything runs in a virtual environment of its own; Python 3.11+, git and make are all it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Clients of others whose dependencies clash with those in $(VENV).
APART := $(VENV)-apart
# A rival in `make bench` that would change how the others resolve names.
FEEDS := $(VENV)-feeds
DISTRIBUTIONS := pyproject.toml contrib/fast/pyproject.toml contrib/bitstamp/pyproject.toml $(wildcard plugins/*/pyproject.toml)
EDITABLE := -e . $(patsubst %/pyproject.toml,-e %,$(wildcard plugins/*/pyproject.toml))

.PHONY: demo test check format docs bench simulate weather stream-days fills fuzz replays nonces budgets mutate clean

demo: $(VENV)/.installed  ## the whole main job, against a simulator on loopback
	@$(BIN)/venuekit demo

test: $(VENV)/.installed-tests $(APART)/.installed  ## everything, the demo included
	$(BIN)/python -m pytest -n 2 --dist worksteal
	$(APART)/bin/python -m pytest -o addopts=--import-mode=importlib -p no:cacheprovider tests/rivals/apart
	$(BIN)/venuekit demo

check: $(VENV)/.installed-tests  ## formatting, lint, strict types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy framework $(wildcard plugins/*/src) $(wildcard plugins/*/tests) $(wildcard contrib/*/src) $(wildcard contrib/*/tests) tests

format: $(VENV)/.installed-tests
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

simulate: $(VENV)/.installed-tests  ## SEEDS=10000 histories; killed processes, lost power, broken disks, POINTS=1000 of each
	$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),10000) --first $(or $(FIRST),0)
	$(BIN)/python -m tests.disk --points $(or $(POINTS),1000)

weather: $(VENV)/.installed-tests  ## SEEDS=200 storms on each exchange, judged by the exchange's books
	$(BIN)/python -m tests.weather --seeds $(or $(SEEDS),200) --first $(or $(FIRST),0)

stream-days: $(VENV)/.installed-tests  ## HOURS=24 of streams whose connections break, on each exchange
	$(BIN)/python -m tests.stream_days --hours $(or $(HOURS),24)

fills: $(VENV)/.installed-tests  ## FILLS=1000000 of our orders while private streams break; planted faults
	$(BIN)/python -m tests.fills --fills $(or $(FILLS),1000000)
	$(BIN)/python -m tests.fills --planted

fuzz: $(VENV)/.installed-tests  ## SECONDS=600 of hostile frames and answers for each plugin
	$(BIN)/python -m tests.fuzz --seconds $(or $(SECONDS),600)

replays: $(VENV)/.installed-tests  ## recordings with each fault at every place, through every layer
	$(BIN)/python -m tests.replays

nonces: $(VENV)/.installed-tests  ## eight processes, one key, TOTAL=1000000 nonces, killed all the time
	$(BIN)/python -m tests.nonces --total $(or $(TOTAL),1000000)

budgets: $(VENV)/.installed-tests  ## HOURS=24 of use at 95 % of what each exchange allows; outages
	$(BIN)/python -m tests.budgets --hours $(or $(HOURS),24) --programs $(or $(PROGRAMS),1)
	$(BIN)/python -m tests.budgets --outage --share 0.9

mutate: $(VENV)/.installed-tests  ## planted faults, one by one: which of them the tests notice
	$(BIN)/python -m tests.mutations

bench: $(VENV)/.installed-tests $(FEEDS)/.installed  ## ratios against a floor and against rivals, in one run
	$(BIN)/python -m tests.bench

docs: $(VENV)/.installed-docs  ## the guide and the reference, into build/site; a warning is an error
	@# The theme's word about its own future: docs/explanation/dependencies.md.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "venuekit needs Python 3.11 or later; call make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	@# Dependency groups need pip 25.1, newer than what most Pythons bring.
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.installed: $(VENV)/bin/python $(DISTRIBUTIONS)
	$(BIN)/python -m pip install --quiet $(EDITABLE)
	@touch $@

$(VENV)/.installed-tests: $(VENV)/.installed
	@# Without a C compiler it installs empty, and everything goes on in Python.
	$(BIN)/python -m pip install --quiet -e contrib/fast -e contrib/bitstamp --group test --group rivals
	@touch $@

$(VENV)/.installed-docs: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --group docs
	@touch $@

$(APART)/.installed: $(DISTRIBUTIONS)
	$(PYTHON) -m venv $(APART)
	$(APART)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(APART)/bin/python -m pip install --quiet -e . -e plugins/coinbase --group rivals-apart
	@touch $@

$(FEEDS)/.installed: pyproject.toml
	$(PYTHON) -m venv $(FEEDS)
	$(FEEDS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	@# It is compiled here; where that fails the bench says so and goes on.
	-$(FEEDS)/bin/python -m pip install --quiet --group rivals-feeds
	@touch $@

clean:
	rm -rf $(VENV) $(APART) $(FEEDS) .mypy_cache .ruff_cache .pytest_cache .hypothesis
