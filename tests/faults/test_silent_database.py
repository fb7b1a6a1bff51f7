"""A database that is there and says nothing: given up on inside the deadline, and nothing is approved behind it."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection, connections
from django.test import Client

from issuing.authorizations import decision_store, unknown_commits
from issuing.authorizations.facts import Facts
from issuing.handlers import dispatch
from issuing.models import Authorization, Decision, Hold, IssuerEvent, JournalEntry, SpendWindow
from onecard.kit.postgresql.time_limits import SilentDatabaseError, give_up_after
from onecard.metrics import endpoint
from tests.faults.connections import buy, on_a_fresh_connection
from tests.support import stripe_events
from tests.support.relays import HOST, Relay, database_relay
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.models import FundingCharge, FundingObligation

pytestmark = [pytest.mark.only_in_proofs, pytest.mark.django_db(transaction=True)]


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[None]:
    """The process exists and does nothing, as when its machine hangs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.fixture
def relay(transactional_db: None) -> Iterator[Relay]:
    """New connections go through it; those that stand already do not."""
    with database_relay() as running, pytest.MonkeyPatch.context() as patch:
        patch.setitem(connections.settings["default"], "HOST", HOST)
        patch.setitem(connections.settings["default"], "PORT", str(running.port))
        yield running
        connection.close()


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = work()
    return result, (time.perf_counter() - started) * 1000


def test_a_server_process_that_hangs_is_given_up_on_in_time(settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 600
    card = walkthrough_card().issuer_card_id

    def one_life() -> None:
        assert buy(card)["approved"] is True
        with stopped(connection.connection.info.backend_pid):
            answer, elapsed_ms = timed(lambda: buy(card))
        assert answer["approved"] is False
        assert elapsed_ms < 600
        assert Decision.objects.count() == 1, "whatever comes next in this thread has a connection"
        assert buy(card)["approved"] is True

    on_a_fresh_connection(one_life)
    assert Decision.objects.filter(approved=True).count() == 2


def test_connecting_to_a_database_that_hangs_is_given_up_on_in_time(settings: Any, relay: Relay) -> None:
    settings.DECISION_DEADLINE_MS = 600
    card = walkthrough_card().issuer_card_id

    def one_life() -> None:
        with relay.silent():
            answer, elapsed_ms = timed(lambda: buy(card))
        assert answer["approved"] is False
        assert elapsed_ms < 600
        assert buy(card)["approved"] is True

    on_a_fresh_connection(one_life)


def test_threads_that_meet_a_silent_database_are_all_free_in_time(settings: Any, relay: Relay) -> None:
    settings.DECISION_DEADLINE_MS = 800
    card = walkthrough_card().issuer_card_id
    with relay.silent():
        answers = at_once([lambda: timed(lambda: buy(card))] * 8)
    assert [answer["approved"] for answer, _ in answers] == [False] * 8
    assert max(elapsed_ms for _, elapsed_ms in answers) < 1200  # Eight threads start together on two cores.
    assert not any(thread.name == "unknown-commits" for thread in threading.enumerate())


def test_an_event_during_silence_is_refused_and_comes_again(settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 600

    def one_life() -> None:
        stripe_events.post(stripe_events.event("issuing_card.updated", {"id": "ic_1"}))
        with stopped(connection.connection.info.backend_pid):
            news = stripe_events.event("issuing_card.updated", {"id": "ic_1"})
            answer, elapsed_ms = timed(lambda: stripe_events.post(news))
        assert (answer.status_code, elapsed_ms < 600) == (503, True)

    on_a_fresh_connection(one_life)


def test_a_scrape_during_silence_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "COUNTED_WITHIN_S", 0.3)

    def one_life() -> None:
        connection.ensure_connection()
        with stopped(connection.connection.info.backend_pid):
            answer, elapsed_ms = timed(lambda: Client().get("/metrics"))
        assert (answer.status_code, elapsed_ms < 2000) == (503, True)

    on_a_fresh_connection(one_life)


def approve_but_lose_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next decision is committed, and its answer is lost on the way from the database."""
    record = decision_store.record

    def lost(*args: Any, **kwargs: Any) -> decision_store.Result:
        monkeypatch.setattr(decision_store, "record", record)
        record(*args, **kwargs)
        connection.close()
        raise OperationalError("planned") from SilentDatabaseError("planned")

    monkeypatch.setattr(decision_store, "record", lost)


def assert_nothing_stands() -> None:
    assert Hold.objects.get().status == "released"
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {0}
    assert FundingObligation.objects.get().status == "released"
    assert FundingCharge.objects.get().status == "canceled"
    assert (Authorization.objects.get().status, Authorization.objects.get().approved_minor) == ("declined", 0)


def test_an_approval_committed_unseen_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    approve_but_lose_the_answer(monkeypatch)

    answer = stripe_events.post(asked).json()
    assert answer["approved"] is False
    assert unknown_commits.wait_until_resolved(20)

    assert_nothing_stands()
    assert stripe_events.post(asked).json()["approved"] is False


def test_an_approval_committed_unseen_ends_by_its_issuers_event_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process may die before it has followed up: then the issuer's own news of the decline is enough."""
    monkeypatch.setattr(unknown_commits, "follow_up", lambda *_: None)
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    approve_but_lose_the_answer(monkeypatch)
    assert stripe_events.post(asked).json()["approved"] is False
    assert JournalEntry.objects.get().approved

    history = [{"approved": False, "reason": "webhook_declined", "amount": 4500}]
    news = stripe_events.authorization_update(asked, approved=False, status="closed", request_history=history)
    assert stripe_events.post(news).json() == {"received": True}
    assert dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=news["id"]).pk) == "handled"

    assert_nothing_stands()


def test_what_a_copy_was_answered_in_time_is_not_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two deliveries of one event: one approved and answered, the other one given up on."""
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    assert stripe_events.post(asked).json()["approved"] is True

    def silent(*_args: Any, **_kwargs: Any) -> Facts:
        raise OperationalError("planned") from SilentDatabaseError("planned")

    with monkeypatch.context() as away:
        away.setattr(decision_store, "read", silent)
        assert stripe_events.post(asked).json()["approved"] is False
    assert unknown_commits.wait_until_resolved(20)

    assert Hold.objects.get().status == "placed"
    assert stripe_events.post(asked).json()["approved"] is True


def test_a_doubt_is_followed_up_until_the_database_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    take_back, tries = unknown_commits.take_back, []

    def away_at_first(*args: Any) -> None:
        tries.append(args)
        if len(tries) < 3:
            raise DatabaseError("planned")
        take_back(*args)

    monkeypatch.setattr(unknown_commits, "take_back", away_at_first)
    approve_but_lose_the_answer(monkeypatch)
    stripe_events.post(asked)
    assert unknown_commits.wait_until_resolved(20)

    assert len(tries) == 3
    assert_nothing_stands()


def test_giving_up_closes_the_connection_and_says_so() -> None:
    def one_life() -> None:
        connection.ensure_connection()
        with (
            stopped(connection.connection.info.backend_pid),
            give_up_after(0.2),
            pytest.raises(OperationalError) as caught,
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT 1")
        assert isinstance(caught.value.__cause__, SilentDatabaseError)
        assert connection.connection.closed
        connection.close()

    on_a_fresh_connection(one_life)


def test_an_inner_patience_never_outlasts_the_outer_one() -> None:
    def one_life() -> None:
        with give_up_after(0.2), give_up_after(30), pytest.raises(OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")
        connections.close_all()

    _, elapsed_ms = timed(lambda: on_a_fresh_connection(one_life))
    assert elapsed_ms < 3000


def test_psycopg_has_its_compiled_waiting() -> None:
    assert psycopg.pq.__impl__ in ("binary", "c")
