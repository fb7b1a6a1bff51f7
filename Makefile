# Every command of the project. `make` alone lists them; ARGS is passed on, as in `make demo ARGS=--once`.

PYTHON ?= python3
BIN := .venv/bin
LAUNCHER := $(BIN)/python -m onecard.dev
# Checkers read the settings but connect to nothing.
CHECKER := DEBUG=on ONECARD_STACK_FILE= DATABASE_URL=postgres://localhost/unused

.DEFAULT_GOAL := help
.PHONY: help german setup demo run purchase manage test bench bench-routing scale cards desk purchases chaos invariants kills books crawl contract proofs client stories screenshots lint types layers check format clean
MAKEFLAGS += --no-print-directory

help:  ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup:  ## make or complete the virtual environment (every command below does it by itself)
	@$(PYTHON) -m onecard.dev.bootstrap

demo: setup  ## start everything, make one purchase and stay; ARGS=--once ends after the purchase
	@$(LAUNCHER) demo $(ARGS)

run: setup  ## start everything and stay until Ctrl-C
	@$(LAUNCHER) run $(ARGS)

purchase: setup  ## one simulated purchase; ARGS='--mcc 5411 --amount 120.00 --merchant "Whole Foods"'
	@$(LAUNCHER) purchase $(ARGS)

manage: setup  ## any management command, with its database; ARGS='shell'
	@$(LAUNCHER) manage $(ARGS)

test: setup  ## run the test suite, on all cores; ARGS are pytest's
	@SUITE=$(if $(ARGS),,1) $(LAUNCHER) test $(or $(ARGS),-n auto)

bench: setup  ## measure the decision path
	@$(LAUNCHER) bench $(ARGS)

bench-routing: setup  ## percentage of the optimum that each strategy earns for made-up households; ARGS='--households 4 --seed ci'
	@$(LAUNCHER) manage bench_routing $(ARGS)

scale: setup  ## the decision path over 10 000 000 purchases, beside an empty database; ARGS='--authorizations 200000 --cards 200000'
	@$(LAUNCHER) manage scale $(ARGS)

cards: setup  ## the proof of 10 000 cards at the issuer's rate limit; ARGS='--count 500'
	@$(LAUNCHER) manage prove_cards $(ARGS)

books: setup  ## the proof of reconciliation: 1 000 000 rows a side, 300 planted differences; ARGS='--rows 100000'
	@$(LAUNCHER) manage prove_reconcile $(ARGS)

desk: setup  ## every page of the back office over 1 000 000 purchases, measured (10 minutes); ARGS='--purchases 20000'
	@$(LAUNCHER) manage prove_desk $(ARGS)

purchases: setup  ## the proof of 100 000 purchases while 5 % of everything fails (hours on 2 cores); ARGS='--count 300'
	@$(LAUNCHER) manage prove_purchases $(ARGS)

chaos: setup  ## every part of the system stopped, killed, silenced, slowed and cut off under load (25 minutes); ARGS=--short
	@$(LAUNCHER) manage prove_chaos $(ARGS)

invariants: setup  ## 10 000 random lives of purchases, checked after each step (more than an hour); INVARIANT_EXAMPLES=500
	@INVARIANT_EXAMPLES=$(or $(INVARIANT_EXAMPLES),10000) INVARIANT_SHARES=10 \
		$(LAUNCHER) test -n auto -rP tests/invariants/test_purchases.py $(ARGS)

kills: setup  ## every step of every flow killed with SIGKILL and restarted (about 40 minutes); KILL_SEED=1, ARGS='-k refund'
	@KILL_EVERY=$(or $(KILL_EVERY),1) $(LAUNCHER) test -n auto -rP tests/faults/test_process_kills.py $(ARGS)

crawl: setup  ## every page, filter, form and route asked with hostile values (about 5 minutes); CRAWL_SEED=1
	@CRAWL_EVERY=1 $(LAUNCHER) test -n auto -rP tests/onecard/test_no_server_errors.py tests/onecard/person/test_hostile.py $(ARGS)

contract: setup  ## schemathesis sends 200 requests of each kind to each operation of the API (about 6 minutes); CONTRACT_SEED=1
	@CONTRACT_EVERY=1 CONTRACT_SHARES=8 CONTRACT_EXAMPLES=$(or $(CONTRACT_EXAMPLES),200) \
		$(LAUNCHER) test -n auto -rP tests/onecard/api/test_contract.py $(ARGS)

client: setup  ## the TypeScript client: is it that of the routes? does it compile? ARGS=--write generates it
	@$(LAUNCHER) client $(ARGS)

# What the suite tries in short, and what it leaves out: tests marked only_in_proofs or some_in_suite.
PROOFS := tests/invariants tests/faults tests/query_plans tests/onecard/dev tests/onecard/test_no_server_errors.py \
	tests/onecard/test_admin_filters.py tests/issuing/legacy/test_proof.py tests/wallet/charges/test_cascade_ends.py \
	tests/issuing/disputes/test_lifecycle.py tests/issuing/handlers/test_marqeta_disputes.py \
	tests/issuing/authorizations/test_close_out.py tests/issuing/authorizations/test_partial_approval.py \
	tests/issuing/clearing/test_foreign_currency.py tests/issuing/clearing/test_refund_matching.py \
	tests/issuing/clearing/test_refunds_by_two_messages.py tests/issuing/billing/test_stored_balance.py \
	tests/issuing/webhooks/test_marqeta.py tests/issuing/webhooks/test_hostile_events.py \
	tests/issuing/webhooks/test_hostile_marqeta.py tests/issuing/disputes/test_hostile_disputes.py \
	tests/issuing/clearing/test_posting.py tests/proofs/tests/test_purchases.py \
	tests/proofs/tests/test_chaos.py tests/proofs/tests/test_chaos_invariants.py tests/races/test_match_correction.py

# In short what the suite has tried is not tried again.
ifdef SHORT
proofs: setup
	@PROOFS=1 $(LAUNCHER) test -n auto -m 'only_in_proofs or some_in_suite' $(ARGS)
else
proofs: setup  ## what takes too long for the suite: kills, crashes, faults, hostile values, plans, stories (20 minutes); SHORT=1 as CI runs it
	@PROOFS=1 $(LAUNCHER) test -n auto $(PROOFS) $(ARGS)
	@PROOFS=1 $(LAUNCHER) test -n auto -m 'only_in_proofs or some_in_suite or hypothesis' $(addprefix --ignore=,$(PROOFS)) $(ARGS)
endif

stories: setup  ## what staff do, from the login on, in a real browser; ARGS='-k freeze'
	@PROOFS=1 $(LAUNCHER) test -n auto tests/browser $(ARGS)

screenshots: setup  ## the stories again, which write docs/screenshots/
	@PROOFS=1 SCREENSHOTS=1 $(LAUNCHER) test -n auto tests/browser $(ARGS)

lint: setup  ## ruff: rules and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: setup  ## mypy, strict
	@$(CHECKER) $(BIN)/mypy .

layers: setup  ## the import contracts
	@$(BIN)/lint-imports

check: lint types layers client test  ## all of the checks

german: setup  ## the German catalog compiled, with what it lacks; ARGS=--write finds the texts of the code first
	@$(BIN)/python -m onecard.dev.german $(ARGS)

format: setup  ## ruff: mend what it can
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

clean:  ## remove the virtual environment, the private servers' data and caches
	@rm -rf .venv .onecard clients/typescript/node_modules clients/typescript/dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis staticfiles
