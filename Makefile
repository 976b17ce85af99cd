# Two commands: `make demo` and `make test`. Each installs what it needs into .venv first, and does nothing twice.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed-$(shell cat pyproject.toml requirements.lock | cksum | cut -d' ' -f1)
# Idle threads that spin make two-thread torch stall when anything else runs; it must be set before Python starts.
export OMP_WAIT_POLICY ?= PASSIVE

.PHONY: demo test lessons knobs quality benchmarks faults fuzz mutants audit site notebooks install lint clean
demo: install
	$(BIN)/radlearn demo

test: install lint
	$(BIN)/python -m pytest -q --durations=10 -n logical --maxprocesses 4

lessons: install
	$(BIN)/python -m tools.lessons

knobs: install
	$(BIN)/python -m tools.knobs

quality: install
	$(BIN)/python -m tools.quality

faults: install
	RADLEARN_FAULT_MOMENTS=4 $(BIN)/python -m pytest -q tests/journeys/test_fault_matrix.py

fuzz: install
	$(BIN)/python -m tools.fuzz

mutants: install
	$(BIN)/python -m tools.mutants

benchmarks: install
	$(BIN)/python -m benchmarks

audit: install
	$(BIN)/python -m tools.audit

site: install
	$(BIN)/python -m tools.site

notebooks: install
	$(BIN)/python -m tools.notebooks

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

install: $(STAMP)

$(STAMP): pyproject.toml requirements.lock
	@echo "Installing into $(VENV) (about 6 GB, mostly PyTorch; once). Its last step, compiling, takes a minute and may say nothing …"
	@test -x $(BIN)/python || ./install-venv.sh $(PYTHON) $(VENV)
	$(BIN)/uv pip sync --python $(BIN)/python --compile-bytecode requirements.lock
	$(BIN)/uv pip install --python $(BIN)/python --no-deps --editable .
	@rm -f $(VENV)/.installed-*
	@touch $@

clean:
	rm -rf $(VENV)
