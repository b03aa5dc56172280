# make demo   train attention_lstm on real data and show its predictions       make test   run every test
# make env    make .venv (PYTHON=... chooses the interpreter)                    make clean  remove what these made
# make gallery  train and compare models on the examples made for it; re-run to resume
# make soak   long tests: killed processes, lost hosts, full disks, hostile input
# make bench  measure speed and memory beside fairseq's own lstm, some 40 minutes; re-run to resume
# make docs   build the documentation into site/, to be opened at site/index.html
# make lint   check the code: ruff, formatting, types
.PHONY: demo gallery test soak bench env clean docs lint lint-ruff lint-format lint-mypy
.DEFAULT_GOAL := help

VENV := .venv
DEMO := demo
BENCH := bench
GALLERY := gallery
PYTHON :=

help:
	@sed -n 's/^# //p' Makefile

env:
	@scripts/make_env.sh $(VENV) $(PYTHON)

demo: env
	@$(VENV)/bin/python examples/g2p/run.py --demo --out $(DEMO)

test: lint
	@started=$$(date +%s); $(VENV)/bin/python -m pytest -n 2; code=$$?; \
	echo "make test: $$(($$(date +%s) - started)) s"; exit $$code

soak: env
	@$(VENV)/bin/python -m pytest -n 2 -m soak tests/abuse

gallery: env
	@$(VENV)/bin/python scripts/gallery.py --out $(GALLERY)

bench: env
	@$(VENV)/bin/python -m benchmarks.run --out $(BENCH)

docs: env
	@$(VENV)/bin/python scripts/document_flags.py
	@$(VENV)/bin/python -m sphinx --quiet --fresh-env --fail-on-warning --keep-going -b html -c docs -d build/docs . site
	@echo "make docs: open site/index.html"

lint: $(addprefix lint-,ruff format mypy)

lint-ruff: env
	@$(VENV)/bin/ruff check --quiet .

lint-format: env
	@$(VENV)/bin/ruff format --check --quiet .

lint-mypy: env
	@$(VENV)/bin/mypy

clean:
	rm -rf $(VENV) $(DEMO) $(BENCH) $(GALLERY) site build
