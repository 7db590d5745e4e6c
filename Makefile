# Convolutions to Chirps. `make help` lists the commands; the README has them for systems without make.

PY ?= python3
EXTRA ?= $(or $(shell cat .venv/.extra 2>/dev/null),cpu)
TRAINING ?= released
JOBS ?= 2
BACKEND ?= tensorflow
PROFILE ?= local
PORT ?= 8000
UV_VERSION = 0.13.9

UV = .boot/bin/uv
BIN = .venv/bin
SETUP = .venv/.synced-$(EXTRA)
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export UV_PYTHON_DOWNLOADS = never
export UV_COMPILE_BYTECODE = 1
export PYTHONUNBUFFERED = 1
# What writes results into buckets is installed where STORE names one. It is not in the lock: it would
# hold back packages of everybody.
STORE_EXTRA = $(if $(filter s3://%,$(STORE)),s3)$(if $(filter gs://%,$(STORE)),gcs)
SNAKEMAKE = $(BIN)/snakemake --profile profiles/$(PROFILE) --cores $(JOBS) \
  --config training=$(TRAINING) backend=$(BACKEND) $(if $(PAGES),pages=$(PAGES)) $(if $(STORE),store=$(STORE))

# What is chosen by name is refused here, before anything is installed or run.
refuse = $(if $(filter $($1),$2),,$(error $1=$($1): expected one of $2))
$(call refuse,EXTRA,cpu gpu jax-cuda)
$(call refuse,PROFILE,$(notdir $(patsubst %/,%,$(wildcard profiles/*/))))
$(call refuse,TRAINING,released quick full)
$(call refuse,BACKEND,tensorflow jax torch)

.DEFAULT_GOAL = help
.PHONY: help site pdf test test-all test-release run record drift lab student grade model sweep bench serve lock clean

help:      ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "%-13s %s\n", $$1, $$2 }' Makefile

site: $(SETUP)      ## build the site from the recorded notebooks into _build/html
	@$(BIN)/python -m course site

pdf: $(SETUP)      ## build the site with a PDF of every chapter; needs Chromium or Chrome
	@$(BIN)/python -m course pdf

test: $(SETUP)      ## the fast test suite (no network, no real data needed)
	@$(BIN)/python -m course test fast

test-all: test      ## also the slow tests: mutations, killed runs, quick runs, the built site
	@$(BIN)/python -m course test slow

test-release: $(SETUP)      ## by hand and weekly: the course on a real Slurm of two nodes
	@$(BIN)/python -m course test release

run: $(SETUP) $(if $(STORE),store-packages)      ## execute every stale page: make run TRAINING=released|quick|full BACKEND=jax PROFILE=slurm
	@$(if $(STORE_EXTRA),$(UV) pip install --quiet --python .venv "papermill[$(STORE_EXTRA)]==2.7.0")
	@$(SNAKEMAKE); status=$$?; [ $$status = 2 ] || $(BIN)/python -m course report $(TRAINING); exit $$status

record: $(SETUP)      ## execute pages and replace their records: make record, or make record PAGE=first_cnn
	@$(BIN)/python -m course record "$(PAGE)" --jobs $(JOBS)

drift: $(SETUP)      ## execute pages again and say which numbers moved: make drift PAGES=first_cnn
	@$(BIN)/python -m course drift $(PAGES) --training $(TRAINING) --backend $(BACKEND) --jobs $(JOBS)

lab: $(SETUP)      ## open the pages in JupyterLab, exercises to be filled in, as copies in lab/
	@$(BIN)/python -m course lab && $(BIN)/jupyter lab lab

student: $(SETUP)      ## make what students receive, and the instructor's key, in _build
	@$(BIN)/python -m course student

grade: $(SETUP)      ## grade a class in a sandbox: make grade SUBMISSIONS=folder-or-zip
	@$(BIN)/python -m course collect "$(SUBMISSIONS)"
	@$(SNAKEMAKE) -- _build/grading/gradebook.sqlite
	@cat _build/grading/summary.txt

model: $(SETUP)      ## train what is missing of a released network: make model NAME=first_cnn
	@$(BIN)/python -m course known model "$(NAME)"
	@$(SNAKEMAKE) -- _build/release/$(NAME)/run.json && $(BIN)/python -m course train publish $(NAME)

sweep: $(SETUP)      ## run a sweep of sweeps.yml: make sweep NAME=toy10_learning_rate PROFILE=slurm
	@$(BIN)/python -m course known sweep "$(NAME)"
	@$(SNAKEMAKE) -- _build/sweep/$(NAME)/card.json && $(BIN)/python -m course sweep publish $(NAME)

bench: $(SETUP)      ## measure side by side, also with tf-keras-vis and gwpy; write _build/bench.json
	@$(UV) sync --frozen --quiet --inexact --python $(PY) --extra $(EXTRA) --group bench
	@$(BIN)/python -m course bench

serve: $(SETUP)      ## serve the site that was built, on http://localhost:8000
	@test -f _build/html/index.html || $(MAKE) --no-print-directory site
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

lock: $(UV)      ## resolve the dependencies anew: uv.lock, requirements.txt, requirements-student.txt
	$(UV) lock
	$(UV) export --frozen --quiet --extra cpu --no-emit-project --no-header -o requirements.txt
	$(UV) export --frozen --quiet --no-default-groups --group lab --extra cpu --no-emit-project --no-header \
	  -o requirements-student.txt

clean:      ## remove what was built; installed packages stay
	rm -rf _build .snakemake

$(SETUP): pyproject.toml uv.lock | $(UV)
	@echo "installing the locked packages into .venv"
	@$(UV) sync --frozen --quiet --python $(PY) --extra $(EXTRA)
	@rm -f .venv/.synced-* && echo $(EXTRA) > .venv/.extra && touch $@

$(UV):
	@echo "installing uv into .boot"
	@rm -rf .boot.part
	@$(PY) -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
	  --target .boot.part uv==$(UV_VERSION) && rm -rf .boot && mv .boot.part .boot
