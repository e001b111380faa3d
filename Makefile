# The two commands are `make run` and `make test`. Each installs what is missing (scripts/setup.sh) and builds.
# ARGS is passed on: make run ARGS='train --stage bigram'

CARGO ?= cargo

# Finds or installs OpenBLAS; $$options are then what cargo needs.
SETUP = options=$$(sh scripts/setup.sh)
PROGRAM = $${CARGO_TARGET_DIR:-target}/release/gpt-lab

.PHONY: help run test lessons fuzz lint bench compare products profile screens

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

run: ## Open the lab
	@$(SETUP) && \
	$(CARGO) build --release $$options && \
	sh scripts/fetch.sh $(CARGO) run --release --quiet $$options -- && \
	$(CARGO) run --release --quiet $$options -- $(ARGS)

test: ## Run all tests, the gradient checks in f64 and the comparison with PyTorch
	@$(SETUP) && \
	$(CARGO) test $$options $(ARGS) && \
	$(CARGO) test $$options --features f64 --lib gradient && \
	$(CARGO) run --quiet $$options -- verify tests/golden

lessons: ## Prove the lessons, and run those of their claims that every change must keep
	@$(SETUP) && \
	$(CARGO) run --quiet $$options -- lessons check && \
	$(CARGO) run --quiet $$options -- lessons run-claims --ci

fuzz: ## Put thousands of damaged texts, points and checkpoints to the program
	@$(SETUP) && \
	GPT_LAB_FUZZ=1 $(CARGO) test --release $$options --test cli fuzz

lint: ## Check format, lints and licences
	@$(SETUP) && \
	$(CARGO) fmt --check && \
	$(CARGO) clippy --all-targets $$options -- -D warnings && \
	if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --log-level error check; \
	else echo "gpt-lab: cargo-deny is not installed: licences and advisories were not checked"; fi

bench: ## Time a training step of every stage, beside this processor's peak rate
	@$(SETUP) && \
	$(CARGO) run --release --quiet $$options -- bench $(ARGS)

compare: ## Time training steps of gpt-lab and of PyTorch (PYTHON=... names a Python that has it)
	@$(SETUP) && \
	$(CARGO) build --release --quiet $$options && \
	python=$$(sh scripts/torch.sh) && \
	corpus=$${GPT_LAB_DATA:-$$($(PROGRAM) data path)} && \
	{ [ -e "$$corpus" ] || corpus=data/play.txt; } && \
	{ "$$python" -c 'import jax' 2>/dev/null || [ -n "$${PYTHON:-}" ] || "$$python" -m pip install --quiet jax >&2 || true; } && \
	"$$python" benches/compare.py "$$corpus" $(ARGS)

products: ## Time matrix products at the stages' shapes: ours, OpenBLAS at its best and PyTorch's
	@$(SETUP) && \
	$(CARGO) build --release --quiet $$options && \
	python=$$(sh scripts/torch.sh) && \
	"$$python" benches/products.py $(ARGS)

profile: ## Measure anew where a step's time goes, and put the table into PERFORMANCE.md (Linux, with perf)
	@$(SETUP) && \
	$(CARGO) build --release --quiet $$options && \
	python3 benches/step_profile.py --write PERFORMANCE.md $(ARGS)

screens: ## Draw the README's pictures anew, from the lab's own runs
	@$(SETUP) && \
	$(CARGO) run --release --quiet $$options -- screens --out docs/screens $(ARGS)
