# make demo    show the program on the sample fragments (DATA=folder for others)
# make test    run every test, windows on a display of their own
# Both set up what they need: system libraries (tools/system_libraries.sh), .venv, dependencies.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
OUT    ?= demo-output
DATA   ?=

# Each of the processes has a display of its own, by pytest-xvfb, and runs whole files in the order
# of tests/conftest.py. PYTEST_ARGS='-n 0' runs all in one process.
IN_PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 1

# Compiled kernels are kept in the checkout, as is what napari and pip keep when the user's home
# cannot be written.
export NUMBA_CACHE_DIR ?= $(CURDIR)/.cache/numba
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export HOME := $(CURDIR)/.cache/home
$(shell mkdir -p "$(HOME)")
endif

.PHONY: help demo test lint format benchmark pictures sample-data system-libraries clean distclean

help:
	@echo "make demo         show the program on the sample fragments; DATA=folder, OUT=folder"
	@echo "make test         run every test; PYTEST_ARGS='-k name' to choose"
	@echo "make lint         style, types and the contracts between the packages"
	@echo "make format       put the style right"
	@echo "make benchmark    the timings of benchmarks/"
	@echo "make pictures     take the README's pictures anew"
	@echo "make sample-data  make the sample fragments anew"
	@echo "make clean        remove caches and output; distclean: .venv too"

demo: system-libraries $(READY)
	$(BIN)/nx46 demo $(DATA) --out $(OUT)

test: system-libraries $(READY)
	$(BIN)/python -m tests.warm_up
	sh tools/under_xvfb.sh $(BIN)/python -m pytest $(IN_PARALLEL) $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

benchmark: system-libraries $(READY)
	@for script in benchmarks/*.py; do \
		echo "== $$script"; sh tools/under_xvfb.sh $(BIN)/python "$$script" || exit 1; \
	done

pictures: system-libraries $(READY)
	sh tools/under_xvfb.sh $(BIN)/python docs/take_pictures.py

sample-data: $(READY)
	$(BIN)/python sample_data/make_sample_data.py

system-libraries:
	@sh tools/system_libraries.sh

$(READY): pyproject.toml constraints.txt
	@sh tools/make_venv.sh "$(PYTHON)" $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e ".[all,dev]"
	@touch $@

clean:
	rm -rf .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache \
		build dist *.egg-info $(OUT)
	find napari_nx46 tests benchmarks sample_data -name __pycache__ -prune -exec rm -rf {} + \
		2>/dev/null || true

distclean: clean
	rm -rf $(VENV)
