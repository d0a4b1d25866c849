# make demo    show the program on the sample fragments (DATA=folder for others)
# make test    run the tests, windows on a display of their own
# Both set up what they need: system libraries (tools/system_libraries.sh), .venv, dependencies.
# With QT=pyside6 both run under PySide6, in an environment of its own.

PYTHON ?= python3
QT     ?= pyqt6
ifeq ($(QT),pyqt6)
VENV   := .venv
EXTRAS := all,dev
else ifeq ($(QT),pyside6)
VENV   := .venv-pyside6
EXTRAS := pyside6,checks
else
$(error QT is '$(QT)'; it can be pyqt6 or pyside6)
endif
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
LOWEST := .venv-lowest
NEWEST := .venv-newest
PACKAGING := .venv-packaging
OUT    ?= demo-output
DATA   ?=
SHARE  ?= 0.25

# Each of the processes has a display of its own, by pytest-xvfb, and runs whole files in the order
# of tests/conftest.py. PYTEST_ARGS='-n 0' runs all in one process.
IN_PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder --max-worker-restart 1

# qtpy and pytest-qt would choose by what is installed, napari by qtpy.
export QT_API := $(QT)
export PYTEST_QT_API := $(QT)

# Compiled kernels are kept beside their sources, where every command finds them. What napari and pip
# keep is in the checkout when the user's home cannot be written.
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export HOME := $(CURDIR)/.cache/home
$(shell mkdir -p "$(HOME)")
endif

.PHONY: help demo test test-slow test-lowest test-newest lint format docs package benchmark benchmark-baseline pictures \
	sample-data system-libraries clean distclean

help:
	@echo "make demo         show the program on the sample fragments; DATA=folder, OUT=folder"
	@echo "make test         run the tests; PYTEST_ARGS='-k name' to choose"
	@echo "                  QT=pyside6 chooses the Qt binding of demo and test; pyqt6 by default"
	@echo "make test-slow    the tests that take a minute or longer each"
	@echo "make test-lowest  tests without windows on the lowest versions that pyproject.toml allows"
	@echo "make test-newest  every test on the newest versions that are released today"
	@echo "make lint         style, types and the contracts between the packages"
	@echo "make docs         build the manual into build/site; warnings are errors"
	@echo "make package      build dist/, check it, and use the wheel in a new environment"
	@echo "make format       put the style right"
	@echo "make benchmark    the timings of benchmarks/, and which got worse than the stored baseline;"
	@echo "                  BENCHMARKS='core live' to choose, SHARE=0.1 to be stricter"
	@echo "make benchmark-baseline  store the timings as the baseline"
	@echo "make pictures     take the pictures of README and manual again"
	@echo "make sample-data  make the sample fragments again"
	@echo "make clean        remove caches and output; distclean: the environments too"

demo: system-libraries $(READY)
	$(BIN)/nx46 demo $(DATA) --out $(OUT)

test: system-libraries $(READY)
	$(BIN)/python -m tests.warm_up
	sh tools/under_xvfb.sh $(BIN)/python -m pytest $(IN_PARALLEL) $(PYTEST_ARGS)

# What takes a minute or longer: events and docks by the hundred, a kit installed without a network.
test-slow: system-libraries $(READY)
	sh tools/under_xvfb.sh $(BIN)/python -m pytest $(IN_PARALLEL) -m slow $(PYTEST_ARGS)

# Lowest are the versions of what pyproject.toml names; what these need in turn is new. The folder
# of compiled kernels is not shared: numba's versions do not read each other's. Warnings are no errors
# there: old versions warn of what their successors mended.
test-lowest: system-libraries $(LOWEST)/.ready
	NUMBA_CACHE_DIR=$(CURDIR)/.cache/numba-lowest sh tools/under_xvfb.sh \
		$(LOWEST)/bin/python -m pytest -n 2 --ignore=tests/viewer -W default $(PYTEST_ARGS)

# Newest are the versions of all packages, whatever constraints.txt says; looked up at each run.
test-newest: system-libraries $(NEWEST)/.made
	$(NEWEST)/bin/uv pip install --python $(NEWEST)/bin/python --upgrade -e ".[all,checks]"
	NUMBA_CACHE_DIR=$(CURDIR)/.cache/numba-newest $(NEWEST)/bin/python -m tests.warm_up
	NUMBA_CACHE_DIR=$(CURDIR)/.cache/numba-newest sh tools/under_xvfb.sh \
		$(NEWEST)/bin/python -m pytest $(IN_PARALLEL) $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

package: $(PACKAGING)/.made
	rm -rf dist
	$(PACKAGING)/bin/python -m build
	$(PACKAGING)/bin/twine check --strict dist/*
	$(PACKAGING)/bin/check-wheel-contents dist/*.whl
	$(PACKAGING)/bin/cffconvert --validate
	$(PACKAGING)/bin/python tools/try_wheel.py dist/*.whl

benchmark: system-libraries $(READY)
	sh tools/under_xvfb.sh $(BIN)/python benchmarks/baseline.py --share $(SHARE) $(BENCHMARKS)

benchmark-baseline: system-libraries $(READY)
	sh tools/under_xvfb.sh $(BIN)/python benchmarks/baseline.py --store $(BENCHMARKS)

pictures: system-libraries $(READY)
	sh tools/under_xvfb.sh $(BIN)/python docs/take_pictures.py

sample-data: $(READY)
	$(BIN)/python sample_data/make_sample_data.py

system-libraries:
	@sh tools/system_libraries.sh

$(READY): pyproject.toml constraints.txt
	@sh tools/make_venv.sh "$(PYTHON)" $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt -e ".[$(EXTRAS)]"
	@touch $@

$(LOWEST)/.ready: pyproject.toml constraints.txt
	@sh tools/make_venv.sh "$(PYTHON)" $(LOWEST)
	$(LOWEST)/bin/python -m pip install --disable-pip-version-check -c constraints.txt uv
	$(LOWEST)/bin/uv pip install --python $(LOWEST)/bin/python --upgrade \
		--resolution lowest-direct -e ".[all,checks]"
	@touch $@

$(NEWEST)/.made:
	@sh tools/make_venv.sh "$(PYTHON)" $(NEWEST)
	$(NEWEST)/bin/python -m pip install --disable-pip-version-check uv
	@touch $@

# cffconvert needs other versions than the program.
$(PACKAGING)/.made: Makefile
	@sh tools/make_venv.sh "$(PYTHON)" $(PACKAGING)
	$(PACKAGING)/bin/python -m pip install --disable-pip-version-check \
		build==1.6.1 check-wheel-contents==0.6.3 cffconvert==2.0.0 twine==7.0.0
	@touch $@

clean:
	rm -rf .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache \
		build dist *.egg-info $(OUT)
	find napari_nx46 tests benchmarks sample_data -name __pycache__ -prune -exec rm -rf {} + \
		2>/dev/null || true

distclean: clean
	rm -rf .venv .venv-pyside6 $(LOWEST) $(NEWEST) $(PACKAGING)
