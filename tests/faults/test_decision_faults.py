"""The decision when the database misbehaves: a decline in time, written down if it can be (money-safety I18, F10)."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, connections, transaction

from issuing import journal
from issuing.authorizations import authorize, decision_store, late_approvals, unknown_commits
from issuing.models import Authorization, Decision, Hold, IssuerEvent, SpendWindow, VirtualCard
from tests.support import stripe_events
from tests.support.wallets import walkthrough_card
from wallet.models import Case, FundingCharge, FundingMethod, FundingObligation

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def elsewhere(hold: Any) -> Iterator[None]:
    """Runs `hold` in a transaction of another connection, which stays open for the length of the block."""
    taken, release = threading.Event(), threading.Event()

    def run() -> None:
        try:
            with transaction.atomic():
                hold()
                taken.set()
                release.wait(timeout=30)
        finally:
            taken.set()
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    assert taken.wait(timeout=10)
    try:
        yield
    finally:
        release.set()
        thread.join()


def timed(event: dict[str, Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    response = stripe_events.post(event)
    return response, (time.perf_counter() - started) * 1000


def test_a_locked_card_is_declined_in_time_and_the_decline_is_stored(settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 600
    card = walkthrough_card()
    asked = stripe_events.authorization_request(card=card.issuer_card_id)

    with elsewhere(lambda: VirtualCard.objects.select_for_update().get(pk=card.pk)):
        response, elapsed_ms = timed(asked)
        assert stripe_events.post(asked).content == response.content

    assert elapsed_ms < 1500
    assert response.json()["metadata"]["onecard_reason"] == "deadline_exceeded"
    assert unknown_commits.wait_until_resolved(20)
    journal.write_all()
    decision = Decision.objects.get()
    assert (decision.approved, decision.decline_reason) == (False, "deadline_exceeded")
    assert not FundingObligation.objects.exists()
    assert not SpendWindow.objects.filter(spent_minor__gt=0).exists()


def test_a_table_locked_by_a_migration_is_declined_within_the_deadline(settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 200
    card = walkthrough_card()

    def migrate() -> None:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE issuing_authorization IN ACCESS EXCLUSIVE MODE")

    with elsewhere(migrate):
        response, elapsed_ms = timed(stripe_events.authorization_request(card=card.issuer_card_id))

    assert response.json()["approved"] is False
    assert elapsed_ms < 1500
    assert not Decision.objects.exists()


def test_a_connection_that_died_is_replaced_and_the_purchase_goes_on() -> None:
    card = walkthrough_card()
    stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=100))
    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"] or None,
        port=settings["PORT"] or None,
        user=settings["USER"],
        password=settings["PASSWORD"] or None,
        dbname=settings["NAME"],
        autocommit=True,
    ) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND application_name = 'onecard'"
        )

    response = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id))

    assert response.json()["approved"] is True
    assert Decision.objects.filter(approved=True).count() == 2


def slow_commits(monkeypatch: pytest.MonkeyPatch) -> None:
    record = decision_store.record

    def slow_record(*args: Any, **kwargs: Any) -> decision_store.Result:
        outcome = record(*args, **kwargs)
        time.sleep(0.4)
        return outcome

    monkeypatch.setattr(decision_store, "record", slow_record)


def test_a_repeat_is_declined_as_well_while_a_late_approval_stands(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DECISION_DEADLINE_MS = 300
    withdraw, may_withdraw = late_approvals.withdraw_approval, threading.Event()

    def withdraw_later(**names: Any) -> bytes:
        if not may_withdraw.is_set():
            raise OperationalError("The database does not answer.")
        return withdraw(**names)

    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    twin = stripe_events.authorization_request(card=asked["data"]["object"]["card"]["id"])
    twin["data"]["object"]["id"] = asked["data"]["object"]["id"]
    with monkeypatch.context() as patch:
        slow_commits(patch)
        patch.setattr(late_approvals, "withdraw_approval", withdraw_later)
        first = stripe_events.post(asked)
        settings.DECISION_DEADLINE_MS = 30_000
        again = [stripe_events.post(each) for each in (asked, twin)]
        may_withdraw.set()
        assert unknown_commits.wait_until_resolved(20)

    assert first.json()["metadata"]["onecard_reason"] == "deadline_exceeded"
    assert [each.content for each in again] == [first.content] * 2
    assert stripe_events.post(asked).json()["approved"] is False, "now it is in the database"
    assert Hold.objects.get().status == "released"


def test_an_approval_committed_too_late_is_declined_and_taken_back(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DECISION_DEADLINE_MS = 300
    # However slow the machine is, it is taken back before the answer.
    monkeypatch.setattr(authorize, "WITHDRAW_S", 20)
    monkeypatch.setattr(late_approvals, "LOCK_WAIT_MS", 20_000)
    slow_commits(monkeypatch)
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    response = stripe_events.post(asked)
    repeat = stripe_events.post(asked)

    assert response.json()["approved"] is False
    assert response.json()["metadata"]["onecard_reason"] == "deadline_exceeded"
    assert repeat.content == response.content
    late, correction = Decision.objects.order_by("id")
    assert (late.approved, correction.approved, correction.corrects) == (True, False, late)
    assert Hold.objects.get().status == "released"
    assert set(SpendWindow.objects.values_list("spent_minor", flat=True)) == {0}
    assert FundingObligation.objects.get().status == "released"
    assert FundingCharge.objects.get().status == "canceled"
    assert (Authorization.objects.get().status, Authorization.objects.get().approved_minor) == ("declined", 0)
    assert not Case.objects.exists()


def test_without_a_database_the_answer_is_a_decline() -> None:
    card = walkthrough_card()
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    host = connection.settings_dict["HOST"], connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["HOST"], connection.settings_dict["PORT"] = "127.0.0.1", "1"
    try:
        response = stripe_events.post(asked)
        other = stripe_events.post(stripe_events.event("issuing_card.updated", {"id": "ic_1"}))
    finally:
        connection.close()
        connection.settings_dict["HOST"], connection.settings_dict["PORT"] = host

    assert (response.status_code, response.json()["approved"]) == (200, False)
    assert other.status_code == 503
    assert not Decision.objects.exists()


def test_rules_that_are_locked_are_not_waited_for_past_the_deadline(settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 300
    card = walkthrough_card()

    def lock() -> None:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE routing_rankingrow IN ACCESS EXCLUSIVE MODE")

    with elsewhere(lock):
        response, elapsed_ms = timed(stripe_events.authorization_request(card=card.issuer_card_id))

    assert response.json()["approved"] is False
    assert elapsed_ms < 1500


def test_a_reference_that_is_locked_holds_up_no_answer(settings: Any) -> None:
    settings.DECISION_DEADLINE_MS = 1000
    card = walkthrough_card()

    with elsewhere(lambda: list(FundingMethod.objects.select_for_update())):
        response, elapsed_ms = timed(stripe_events.authorization_request(card=card.issuer_card_id))
        assert not Decision.objects.exists()

    assert response.json()["approved"] is True
    assert elapsed_ms < 1500
    journal.write_all()
    assert FundingObligation.objects.get().charges.get().method.cardholder == card.cardholder


def test_a_migration_under_traffic_costs_no_purchase() -> None:
    card = walkthrough_card()
    assert stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=100)).json()[
        "approved"
    ]
    run_elsewhere("varchar(80)")
    try:
        answers = [
            stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=100)).json()
            for _ in range(2)
        ]
    finally:
        run_elsewhere("varchar(60)")
    assert [answer["approved"] for answer in answers] == [True, True]


def alter(kind: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE wallet_cardholder ALTER time_zone TYPE {kind}")


def run_elsewhere(kind: str) -> None:
    """As a deployment does it: another connection, committed."""
    thread = threading.Thread(target=lambda: (alter(kind), connections.close_all()))
    thread.start()
    thread.join()


def test_a_bug_of_ours_declines_and_keeps_the_request(monkeypatch: pytest.MonkeyPatch) -> None:
    card = walkthrough_card()
    asked = stripe_events.authorization_request(card=card.issuer_card_id)

    def fail(*_args: Any, **_kwargs: Any) -> None:
        raise RuntimeError("a bug of ours")

    with monkeypatch.context() as broken:
        broken.setattr(authorize, "propose", fail)
        assert stripe_events.post(asked).json()["metadata"]["onecard_reason"] == "unavailable"
    assert IssuerEvent.objects.get().status == "rejected"

    assert stripe_events.post(asked).json()["approved"] is True
    assert IssuerEvent.objects.get().status == "handled"


def test_taking_an_approval_back_waits_for_nobody(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DECISION_DEADLINE_MS = 300
    card = walkthrough_card()
    record = decision_store.record
    with ExitStack() as held:

        def slow_record(*args: Any, **kwargs: Any) -> decision_store.Result:
            monkeypatch.setattr(decision_store, "record", record)
            outcome = record(*args, **kwargs)
            held.enter_context(elsewhere(lambda: VirtualCard.objects.select_for_update().get(pk=card.pk)))
            time.sleep(0.3)
            return outcome

        monkeypatch.setattr(decision_store, "record", slow_record)
        response, elapsed_ms = timed(stripe_events.authorization_request(card=card.issuer_card_id))

    assert response.json()["approved"] is False
    assert elapsed_ms < 1900
    # In the background it is taken back all the same, once the card is free.
    assert unknown_commits.wait_until_resolved(20)
    assert Hold.objects.get().status == "released"
    assert FundingObligation.objects.get().status == "released"
    assert (Authorization.objects.get().status, Authorization.objects.get().approved_minor) == ("declined", 0)
