# make demo   train attention_lstm on real data and show what it has learnt      make test   run every test
# make env    make .venv (PYTHON=... chooses the interpreter)                    make clean  remove what these made
# make gallery  train and compare models on the examples made for it; re-run to resume
# make soak   kill, fill disks, and attack on every road, some 10 minutes
# make bench  measure speed and memory beside fairseq's own lstm, some 40 minutes; re-run to resume
.PHONY: demo gallery test soak bench env clean lint
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

test: env
	@started=$$(date +%s); $(VENV)/bin/python -m pytest -n 2; code=$$?; \
	echo "make test: $$(($$(date +%s) - started)) s"; exit $$code

soak: env
	@$(VENV)/bin/python -m pytest -n 2 -m soak tests/abuse

gallery: env
	@$(VENV)/bin/python scripts/gallery.py --out $(GALLERY)

bench: env
	@$(VENV)/bin/python -m benchmarks.run --out $(BENCH)

lint: env
	@$(VENV)/bin/ruff check . && $(VENV)/bin/ruff format --check .

clean:
	rm -rf $(VENV) $(DEMO) $(BENCH) $(GALLERY)
