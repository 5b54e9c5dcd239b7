PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_OUT ?= demo-output
SEED ?= 1

COHORT ?= build/cohort
RESULTS ?= build/evaluation
RUNS := $(if $(SINGLE),--run single="$(SINGLE)") $(if $(INCREMENTAL),--run incremental="$(INCREMENTAL)")
EXPERIMENTS ?= slices fig7 table1 $(if $(INCREMENTAL),fig8) fig9 fig10 fig11
WORDS ?= 12 synthetic patients, 88 scans, `longct phantom --cohort --seed 1 --size 256 --slices 100`.

.PHONY: demo test test-all soak audit lint bench evaluation bench-table package screenshots-registration screenshots-table clean

demo: $(STAMP)
	@$(BIN)/python Testing/Host/demo.py --out "$(DEMO_OUT)" --seed $(SEED) \
		$(if $(FIXED),--fixed "$(FIXED)") $(if $(MOVING),--moving "$(MOVING)") \
		$(if $(FIXED_LABELS),--fixed-labels "$(FIXED_LABELS)") \
		$(if $(MOVING_LABELS),--moving-labels "$(MOVING_LABELS)") \
		$(if $(METHOD),--method $(METHOD))

test: lint
	@$(BIN)/python Testing/Host/compile_kernels.py
	@$(BIN)/python -m pytest

test-all: lint
	@$(BIN)/python Testing/Host/compile_kernels.py
	@$(BIN)/python -m pytest -m "slow or not slow"

soak: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[soak]"
	@$(BIN)/python Testing/Host/compile_kernels.py
	@for program in $$(grep -l __main__ Testing/Soak/*.py); do echo "$$program"; $(BIN)/python "$$program" || exit $$?; done

audit: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[audit]"
	@mkdir -p build
	@$(BIN)/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml -o build/sbom.json $(BIN)/python
	@echo "What is installed, with licences: build/sbom.json"
	@$(BIN)/python -m pip freeze --exclude-editable > build/installed.txt
	@$(BIN)/pip-audit --strict --no-deps --disable-pip --progress-spinner off -r build/installed.txt

lint: $(STAMP)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy

bench: $(STAMP)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[bench]"
	@status=0; \
	$(BIN)/python Testing/Benchmarks/lesions.py $(if $(QUICK),--seeds 101) || status=$$?; \
	$(BIN)/python Testing/Benchmarks/registration.py $(if $(QUICK),--quick --runs 3) || status=$$?; \
	$(BIN)/python Testing/Benchmarks/click.py || status=$$?; \
	exit $$status

evaluation: $(STAMP)
	@test -e "$(COHORT)/manifest.csv" || $(BIN)/longct phantom --cohort --out "$(COHORT)" --seed 1 --size 256 --slices 100
	@$(foreach name,$(EXPERIMENTS),$(BIN)/longct evaluate --experiment $(name) --manifest "$(COHORT)/manifest.csv" \
		--out "$(RESULTS)" $(RUNS) $(REDUCED) $(REDUCED_$(name)) &&) true
	@$(BIN)/python -m LongitudinalRegistrationLib.experiments.paper.page "$(RESULTS)" docs/evaluation.md \
		--remarks docs/evaluation-remarks.json $(if $(WORDS),--cohort '$(WORDS)')

bench-table: $(STAMP)
	@$(BIN)/python Testing/Benchmarks/table_removal.py

package: $(STAMP)
	@$(BIN)/python Testing/package.py $(if $(SLICER),--slicer $(SLICER)) $(if $(REVISION),--revision $(REVISION)) \
		$(if $(SYSTEM),--system $(SYSTEM))

screenshots-registration: $(STAMP)
	@test -n "$(FIXED)" -a -n "$(MOVING)" || { echo "Give two scans: make $@ FIXED=baseline.nii.gz MOVING=followup.nii.gz" >&2; exit 2; }
	@$(BIN)/python Testing/Host/screenshots_registration.py "$(FIXED)" "$(MOVING)"

screenshots-table: $(STAMP)
	@test -n "$(SCAN)" || { echo "Give a scan: make $@ SCAN=scan.nii.gz" >&2; exit 2; }
	@$(BIN)/python Testing/Host/screenshots_table_removal.py "$(SCAN)"

$(STAMP): pyproject.toml Makefile Testing/Host/install.sh
	@PYTHON="$(PYTHON)" sh Testing/Host/install.sh "$(VENV)"
	@touch $@

clean:
	rm -rf $(VENV) demo-output build *.egg-info
