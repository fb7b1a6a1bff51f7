"""Real servers whose database stops, falls silent or is slow under load: every answer in time, folded in exactly once.

By itself each outage lasts a few seconds, and longer in `make proofs`.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from issuing import journal
from issuing.authorizations import stand_in_fold
from issuing.handlers import dispatch
from issuing.models import Authorization, Decision, Hold, IssuerEvent, SpendWindow, VirtualCard
from issuing.stand_in import files, snapshot
from tests.faults.connections import administrator
from tests.faults.kills import live
from tests.faults.slow_clients import ISSUER_LIMIT_MS
from tests.support import stripe_events
from tests.support.lengths import length
from tests.support.relays import Relay, database_relay
from tests.support.stand_ins import ask, fold, stand_in, take_snapshot
from tests.support.starts import ROOT
from tests.support.wallets import walkthrough_card
from tests.support.web_servers import Buyers, Purchases, web_server
from wallet.models import FundingObligation

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_in_proofs, pytest.mark.timeout(300)]

OUTAGE_S = length("STAND_IN_OUTAGE_S", short=3, whole=8)
RICH = {"daily_limit_minor": 10**9, "monthly_limit_minor": 10**9}
# Of one dollar each.
MOST_MINOR = 2_000
RACERS = 4
RACE = """
import json, sys, time, django
django.setup()
from issuing.issuers.messages import Envelope
from issuing.issuers.stripe.events import parse_authorization_request
from issuing.stand_in import answers
from onecard.kit.clock import Stopwatch
from tests.support import stripe_events
print("ready", flush=True)
sys.stdin.readline()
approved = 0
for _ in range(60):
    event = stripe_events.authorization_request(card=sys.argv[1], amount=100)
    asked = parse_authorization_request("stripe", Envelope(event["id"], event["type"], "", event["data"]["object"]))
    given = answers.answer(asked, b"{}", Stopwatch(), within_s=30, in_doubt=[])
    approved += json.loads(given)["approved"]
print(approved)
"""
# Dies at one step of what the writing thread does with files; says "given" once it has the answer.
DEATH = """
import json, os, sys, threading, time, django
django.setup()
from issuing.issuers.messages import Envelope
from issuing.issuers.stripe.events import parse_authorization_request
from issuing.stand_in import answers
from onecard.kit.clock import Stopwatch
event, kill_at, steps = json.loads(sys.argv[1]), int(sys.argv[2]), [0]
def step(name):
    steps[0] += 1
    if steps[0] == kill_at:
        time.sleep(0.3)  # whoever has the answer says so first
        print("died", name, flush=True)
        os._exit(9)
def dying(name, call):
    def called(*values):
        if threading.current_thread().name != "stand-in":
            return call(*values)
        step(f"before {name}")
        result = call(*values)
        step(f"after {name}")
        return result
    return called
os.write, os.fsync = dying("write", os.write), dying("fsync", os.fsync)
asked = parse_authorization_request("stripe", Envelope(event["id"], event["type"], "", event["data"]["object"]))
given = answers.answer(asked, b"{}", Stopwatch(), within_s=30, in_doubt=[])
print("given" if json.loads(given)["approved"] else "declined", flush=True)
time.sleep(1)
"""


@contextlib.contextmanager
def stopped(relay: Relay) -> Iterator[None]:
    """All sessions end and no new one is made, as when PostgreSQL is stopped."""
    with relay.gone():
        yield


@contextlib.contextmanager
def silent(relay: Relay) -> Iterator[None]:
    """The server is there and says nothing (SIGSTOP)."""
    with relay.silent():
        yield


@contextlib.contextmanager
def slow(relay: Relay) -> Iterator[None]:
    """Whoever writes a decision waits for its table until its own time is up."""
    with administrator() as admin, admin.transaction():
        admin.execute("LOCK TABLE issuing_journal IN ACCESS EXCLUSIVE MODE")
        yield


@pytest.mark.parametrize(
    ("outage", "policy"), [(stopped, "approve"), (silent, "approve"), (slow, "approve"), (silent, "decline")]
)
def test_an_outage_under_load_is_answered_in_time(tmp_path: Path, outage: Any, policy: str) -> None:
    cards = [walkthrough_card(**RICH)]
    place = tmp_path / "stand-in"
    environment = {"STAND_IN_DIR": str(place), "STAND_IN_POLICY": policy, "STAND_IN_CARD_AMOUNT": str(MOST_MINOR)}
    with database_relay() as relay, web_server(DATABASE_URL=relay.database_url, **environment) as port:
        wait_for(lambda: policy == "decline" or snapshot_is_there(place))
        with Buyers(port, cards[0].issuer_card_id, a_second=40) as buyers:
            time.sleep(1)
            with outage(relay):
                time.sleep(OUTAGE_S)
            time.sleep(1)
        print(buyers.purchases.summary(f"stand-in, {policy}, database {outage.__name__} for {OUTAGE_S} s"))
        assert_all_in_time(buyers.purchases)
        wait_for(lambda: place.exists() and not files.unfolded(place), within_s=90)
        # What was declined without a record is followed up by the process that declined it.
        assert_books_hold_what_was_answered(buyers.purchases)
    stood_in = Decision.objects.filter(approved=True, rule="stand_in", corrected_by=None)
    refused = refused_by_stand_in()
    print(f"{stood_in.count()} approved and {dict(refused)} declined by stand-in")
    assert refused
    assert stood_in.count() * 100 <= MOST_MINOR
    assert stood_in.exists() == (policy == "approve")


def snapshot_is_there(place: Path) -> bool:
    return (place / files.SNAPSHOT).exists() and snapshot.taken_at(place) > 0


def refused_by_stand_in() -> Counter[str]:
    refused = Decision.objects.filter(decline_reason__startswith="stand_in_")
    return Counter(refused.values_list("decline_reason", flat=True))


def wait_for(is_so: Any, *, within_s: float = 30) -> None:
    until = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.1)


def assert_all_in_time(purchases: Purchases) -> None:
    assert not purchases.failures
    assert max(purchases.answers_ms) < ISSUER_LIMIT_MS


def assert_books_hold_what_was_answered(purchases: Purchases) -> None:
    """Each approval that was given has its hold and its obligation, and no decline has one."""
    journal.write_all()
    wait_for(lambda: Hold.objects.filter(status="placed").count() == len(purchases.approved_ms))
    in_force = Decision.objects.filter(approved=True, corrected_by=None)
    assert in_force.count() == len(purchases.approved_ms)
    assert FundingObligation.objects.exclude(status="released").count() == len(purchases.approved_ms)
    assert SpendWindow.objects.get(kind="day").spent_minor == 100 * len(purchases.approved_ms)
    assert not Authorization.objects.filter(status="approved").exclude(approved_minor=100).exists()


def test_processes_share_one_amount_for_a_card(tmp_path: Path) -> None:
    card: VirtualCard = walkthrough_card(**RICH)
    with stand_in(tmp_path / "stand-in", STAND_IN_POLICY="approve", STAND_IN_CARD_AMOUNT=MOST_MINOR) as place:
        take_snapshot()
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "onecard.settings", "STAND_IN_DIR": str(place)}
    environment |= {"STAND_IN_POLICY": "approve", "STAND_IN_CARD_AMOUNT": str(MOST_MINOR)}
    command = [sys.executable, "-c", RACE, card.issuer_card_id]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    racers = [subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) for _ in range(RACERS)]
    for each in racers:
        assert each.stdout.readline() == "ready\n"
    for each in racers:
        each.stdin.write("\n")
        each.stdin.flush()
    approved = [int(each.communicate(timeout=120)[0]) for each in racers]

    print(f"{RACERS} processes approved {approved} of 60 each")
    assert sum(approved) * 100 == MOST_MINOR
    assert fold_given(place) == {"approved": sum(approved), "declined": RACERS * 60 - sum(approved)}


def fold_given(place: Path) -> dict[str, int]:
    with stand_in_at(place):
        return fold(place)


@contextlib.contextmanager
def stand_in_at(place: Path) -> Iterator[None]:
    place.rename(place.with_name("moved"))
    with stand_in(place):
        place.rmdir()
        place.with_name("moved").rename(place)
        yield


def test_a_fold_killed_at_any_step_ends_as_if_it_had_lived(tmp_path: Path) -> None:
    card = walkthrough_card(**RICH)
    with stand_in(tmp_path / "stand-in", STAND_IN_POLICY="approve", STAND_IN_CARD_AMOUNT=10**7) as place:
        take_snapshot()
        step, given = 0, 0
        while True:
            step += 1
            for _ in range(2):
                assert ask(stripe_events.authorization_request(card=card.issuer_card_id, amount=100))["approved"]
            given += 2
            # A child would inherit the lock of whoever has just written.
            with files.locked(place, files.JOURNAL_LOCK, until=time.monotonic() + 10):
                os.utime(place / files.ANSWERS, (time.time() - 60, time.time() - 60))
            death = live(lambda _say: stand_in_fold.fold(place), kill_at=step)
            fold(place)
            assert Decision.objects.filter(approved=True).count() == given, death.where
            assert Hold.objects.filter(status="placed").count() == given, death.where
            assert FundingObligation.objects.count() == given, death.where
            assert SpendWindow.objects.get(kind="day").spent_minor == 100 * given, death.where
            assert not files.unfolded(place)
            if not death.was_killed:
                break
    print(f"killed at {step - 1} steps")
    assert step > 20


def test_a_death_at_any_step_loses_and_invents_no_approval(tmp_path: Path, monkeypatch: Any) -> None:
    """What was given is charged once the issuer has reported it at the latest; what was not given never is."""
    monkeypatch.setattr(dispatch, "WAIT_FOR_DECISION", -dispatch.WAIT_FOR_DECISION)
    card: VirtualCard = walkthrough_card(**RICH)
    said: list[str] = []
    with stand_in(tmp_path / "stand-in", STAND_IN_POLICY="approve", STAND_IN_CARD_AMOUNT=MOST_MINOR) as place:
        take_snapshot()
        while not said or "died" in said[-1]:
            event = stripe_events.authorization_request(card=card.issuer_card_id, amount=100)
            said.append(one_that_dies(place, event, at=len(said) + 1))
            given = "given" in said[-1]
            fold(place)
            assert charged(event) <= given, said[-1]
            hear_of(event, approved=given)
            fold(place)
            assert charged(event) == given, said[-1]
            assert files.doubts(place) == files.unfolded(place) == [], said[-1]
    print(said)
    assert {True, False} == {"given" in each for each in said if "died" in each}
    assert len(said) > 6


def one_that_dies(place: Path, event: dict[str, Any], *, at: int) -> str:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "onecard.settings", "STAND_IN_DIR": str(place)}
    environment |= {"STAND_IN_POLICY": "approve", "STAND_IN_CARD_AMOUNT": str(MOST_MINOR)}
    command = [sys.executable, "-c", DEATH, json.dumps(event), str(at)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout, done.stderr
    return " ".join(done.stdout.split())


def charged(event: dict[str, Any]) -> int:
    """How many charges the purchase of a request has by now."""
    journal.write_all()
    name = event["data"]["object"]["id"]
    held = Hold.objects.filter(authorization__issuer_authorization_id=name, status="placed").exclude(decision=None)
    decided = Decision.objects.filter(authorization__issuer_authorization_id=name, approved=True)
    assert held.count() == decided.count() == decided.exclude(obligation=None).count()
    return held.count()


def hear_of(event: dict[str, Any], *, approved: bool) -> None:
    """The issuer reports the purchase: by our answer, or declined since it got none."""
    history = [{"approved": approved, "reason": "webhook_approved" if approved else "webhook_timeout", "amount": 100}]
    status = "pending" if approved else "closed"
    told = stripe_events.authorization_update(event, approved=approved, status=status, request_history=history)
    assert stripe_events.post(told).status_code == 200
    dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=told["id"]).pk)


def test_what_was_folded_names_each_answer_once(tmp_path: Path) -> None:
    """Two processes fold at once; one of them is sent away."""
    card = walkthrough_card(**RICH)
    with stand_in(tmp_path / "stand-in") as place:
        for _ in range(3):
            ask(stripe_events.authorization_request(card=card.issuer_card_id, amount=100))
        with files.locked(place, files.FOLD_LOCK), pytest.raises(files.BusyError):
            stand_in_fold.fold(place)
        assert json.loads(json.dumps(fold(place))) == {"declined": 3}
