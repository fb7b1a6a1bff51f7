"""An event that cannot be applied is tried again until it is, and a person is asked meanwhile."""

import datetime as dt
import os
import signal
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import OperationalError

from audit.models import Entry
from issuing.handlers import dispatch
from issuing.handlers import stripe as stripe_updates
from issuing.inbox import unapplied
from issuing.models import Authorization, CardTransaction, IssuerEvent
from onecard.kit import clock
from onecard.outbox.models import Message
from tests.faults import kills
from tests.issuing.clearing.postings import posted, report
from tests.support import stripe_events
from tests.support.back_office import logged_in, sentences, text_of
from tests.support.marqeta_events import gateway_request, later
from tests.support.marqeta_events import report as marqeta_report
from tests.support.wallets import marqeta_card, walkthrough_card
from wallet.casework import rules as case_rules
from wallet.models import Case

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


class BrokenError(Exception):
    """A bug of ours."""


@pytest.fixture
def capture() -> IssuerEvent:
    """A capture of a known purchase that waits for a worker."""
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    assert stripe_events.post(asked).json()["approved"]
    told = posted(asked)
    stripe_events.post(told)
    return IssuerEvent.objects.get(event_id=told["id"])


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    def fail(*_: Any, **__: Any) -> None:
        raise BrokenError("the ledger has no such account")

    monkeypatch.setattr(stripe_updates.card_transactions, "record", fail)
    return monkeypatch


def fail_to_apply(event: IssuerEvent, *, times: int) -> dt.datetime:
    """Has workers fail, each at its time; gives the moment after the last."""
    now = clock.now()
    for _ in range(times):
        now += HOUR
        with pytest.raises(BrokenError):
            dispatch.handle(event_pk=event.pk, now=now)
    return now


def test_a_failure_is_written_down_with_its_next_try(capture: IssuerEvent, broken: Any) -> None:
    now = fail_to_apply(capture, times=1)

    capture.refresh_from_db()
    assert (capture.status, capture.attempts) == ("received", 1)
    assert "no such account" in capture.reason
    assert capture.next_attempt_at is not None
    assert now < capture.next_attempt_at <= now + dt.timedelta(seconds=2)
    assert not Case.objects.exists()
    assert not CardTransaction.objects.exists(), "what failed half way leaves nothing behind"


def test_an_event_is_not_tried_before_its_time(capture: IssuerEvent, broken: Any) -> None:
    now = fail_to_apply(capture, times=3)

    assert dispatch.sweep(now=now) == 0
    assert dispatch.sweep(now=now + HOUR) == 1


def test_one_event_that_fails_holds_up_no_other(capture: IssuerEvent, broken: Any) -> None:
    other = stripe_events.event("customer.updated", {"id": "cus_1"})
    stripe_events.post(other)

    dispatch.sweep(now=clock.now() + HOUR)

    assert IssuerEvent.objects.get(event_id=other["id"]).status == "kept"
    assert IssuerEvent.objects.get(pk=capture.pk).status == "received"


def test_a_sweep_takes_the_oldest_and_leaves_the_rest(capture: IssuerEvent, monkeypatch: pytest.MonkeyPatch) -> None:
    other = stripe_events.event("customer.updated", {"id": "cus_1"})
    stripe_events.post(other)
    monkeypatch.setattr(dispatch, "SWEEP_BATCH", 1)

    assert dispatch.sweep(now=clock.now() + HOUR) == 1
    statuses = IssuerEvent.objects.filter(event_id__in=(capture.event_id, other["id"])).order_by("pk")
    assert list(statuses.values_list("status", flat=True)) == ["handled", "received"]

    assert dispatch.sweep(now=clock.now() + HOUR) == 1
    assert list(statuses.values_list("status", flat=True)) == ["handled", "kept"]


def test_repeated_failures_open_one_case_and_tries_go_on(capture: IssuerEvent, broken: Any) -> None:
    fail_to_apply(capture, times=unapplied.ATTEMPTS_BEFORE_CASE + 2)

    case = Case.objects.get()
    assert (case.kind, case.reference, case.status) == ("event_unapplied", f"issuerevent:{capture.pk}", "open")
    assert "no such account" in case.summary
    assert IssuerEvent.objects.get(pk=capture.pk).status == "received"


def test_event_that_failed_for_years_goes_on(capture: IssuerEvent, broken: Any) -> None:
    """The count fits its column however often applying it fails."""
    IssuerEvent.objects.filter(pk=capture.pk).update(attempts=32_767)

    fail_to_apply(capture, times=2)

    assert unapplied.ATTEMPTS_BEFORE_CASE < IssuerEvent.objects.get(pk=capture.pk).attempts < 32_767


def close(case: Case) -> None:
    Case.objects.filter(pk=case.pk).update(status="resolved", resolution="We look into it.", resolved_at=clock.now())


def test_a_case_that_a_person_closed_is_not_opened_by_the_next_try(capture: IssuerEvent, broken: Any) -> None:
    fail_to_apply(capture, times=unapplied.ATTEMPTS_BEFORE_CASE)
    close(Case.objects.get())

    fail_to_apply(capture, times=3)

    assert Case.objects.get().status == "resolved"


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.django_db(transaction=True)
def test_an_event_that_kills_its_worker_waits_and_becomes_a_case(
    capture: IssuerEvent, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = stripe_events.event("customer.updated", {"id": "cus_1"})
    stripe_events.post(other)
    now = clock.now() + HOUR
    with monkeypatch.context() as deadly:
        deadly.setattr(stripe_updates.card_transactions, "record", die)
        for _ in range(unapplied.ATTEMPTS_BEFORE_CASE + 1):
            assert kills.live(lambda _, now=now: dispatch.sweep(now=now)).was_killed
            # The queue hands it out again at once, which is too early: the worker lives.
            assert dispatch.handle_if_due(event_pk=capture.pk, now=now) == "received"
            assert dispatch.sweep(now=now) <= 1, "it holds up no other"
            now += HOUR

    assert IssuerEvent.objects.get(event_id=other["id"]).status == "kept"
    case = Case.objects.get()
    assert (case.kind, case.reference, case.status) == ("event_unapplied", f"issuerevent:{capture.pk}", "open")
    assert "process died" in case.summary
    assert not CardTransaction.objects.exists()

    assert dispatch.handle(event_pk=capture.pk) == "handled"
    assert CardTransaction.objects.count() == 1
    assert Case.objects.get().status == "resolved"


def test_a_try_that_ends_is_not_counted(capture: IssuerEvent) -> None:
    assert dispatch.handle_if_due(event_pk=capture.pk) == "handled"

    capture.refresh_from_db()
    assert (capture.attempts, capture.next_attempt_at, capture.reason) == (0, None, "")


def test_an_event_sent_again_that_still_fails_asks_again(capture: IssuerEvent, broken: Any) -> None:
    fail_to_apply(capture, times=unapplied.ATTEMPTS_BEFORE_CASE)
    close(Case.objects.get())

    unapplied.send_through_again(capture, actor="user:staff", reason="It should work now.")
    fail_to_apply(capture, times=unapplied.ATTEMPTS_BEFORE_CASE)

    assert sorted(Case.objects.values_list("status", flat=True)) == ["open", "resolved"]


def test_a_mended_event_is_applied_and_its_case_closes(capture: IssuerEvent, broken: pytest.MonkeyPatch) -> None:
    now = fail_to_apply(capture, times=unapplied.ATTEMPTS_BEFORE_CASE)
    broken.undo()

    dispatch.sweep(now=now + 2 * HOUR)

    capture.refresh_from_db()
    assert capture.status == "handled"
    assert CardTransaction.objects.get().amount_minor == 4500
    assert Case.objects.get().status == "resolved"


def test_staff_send_an_event_through_again(capture: IssuerEvent, broken: pytest.MonkeyPatch) -> None:
    fail_to_apply(capture, times=unapplied.ATTEMPTS_BEFORE_CASE)
    broken.undo()
    client, page = logged_in(), f"/admin/issuing/issuerevent/{capture.pk}/"
    assert "Send it through again" in text_of(client.get(f"{page}change/"))
    assert "no such account" in text_of(client.get(f"{page}again/"))
    before = Message.objects.filter(topic="inbox.received").count()

    answer = client.post(f"{page}again/", {"reason": "The account exists now."}, follow=True)

    assert "applies the event again" in sentences(answer)
    assert Message.objects.filter(topic="inbox.received").count() == before + 1
    assert Entry.objects.filter(action="event.sent_again", subject_id=str(capture.pk)).count() == 1
    assert dispatch.handle(event_pk=capture.pk) == "handled"
    assert Case.objects.get().status == "resolved"


@pytest.mark.parametrize("error", [OperationalError("canceling statement"), SoftTimeLimitExceeded()])
def test_an_event_that_always_takes_too_long_is_a_case_too(
    capture: IssuerEvent, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(stripe_updates.card_transactions, "record", fail)
    now = clock.now()
    for _ in range(unapplied.ATTEMPTS_BEFORE_CASE):
        now += HOUR
        with pytest.raises(type(error)):
            dispatch.handle(event_pk=capture.pk, now=now)

    assert Case.objects.get().kind == "event_unapplied"
    assert dispatch.sweep(now=now) == 0, "it waits, and holds up no other"


def deliver_unreadable(issuer: str, body: str) -> int:
    post = stripe_events.post if issuer == "stripe" else marqeta_report
    status: int = post(body).status_code
    return status


@pytest.mark.parametrize(
    ("issuer", "body"),
    [
        ("stripe", '{"id": "evt_1", "type": "charge.dispute.created", "data": {"object": {"amount": NaN}}}'),
        ("stripe", '{"data": {"object": {"amount": 4500}}}'),
        ("marqeta", '{"transactions": [{"token": "t1", "amount": NaN}]}'),
        ("marqeta", '{"transactions": [{"token": "t1", "amount": 1E+99999999999999999999}]}'),
    ],
)
def test_a_genuine_delivery_that_cannot_be_read_is_a_case(issuer: str, body: str) -> None:
    assert [deliver_unreadable(issuer, body + " " * blanks) for blanks in range(3)] == [400] * 3

    case = Case.objects.get()
    assert (case.kind, case.reference, case.status) == ("event_unapplied", f"deliveries:{issuer}", "open")
    assert IssuerEvent.objects.filter(status="rejected").count() >= 1


def test_a_row_that_is_no_object_loses_no_other() -> None:
    assert (
        deliver_unreadable("marqeta", '{"transactions": [7, {"token": "t1", "type": "made.up", "state": "X"}]}') == 200
    )

    assert sorted(IssuerEvent.objects.values_list("status", flat=True)) == ["received", "rejected"]
    assert not Case.objects.exists(), "it names no amount"


def test_a_delivery_that_is_not_genuine_opens_no_case() -> None:
    assert stripe_events.post("{", header="t=1,v1=00").status_code == 400
    assert marqeta_report("{", signature="00").status_code == 401

    assert not Case.objects.exists()


def test_a_case_about_deliveries_is_closed_by_a_person() -> None:
    deliver_unreadable("stripe", '{"amount": 4500}')
    case = Case.objects.get()

    assert case_rules.why_not_resolve(case_rules.read_facts(case)) == ""


def test_an_event_that_cannot_be_read_opens_a_case_if_it_carries_money() -> None:
    stripe_events.post(stripe_events.event("issuing_transaction.created", {"type": "capture", "amount": -4500}))
    stripe_events.post(stripe_events.event("issuing_authorization.updated", {"status": "closed"}))

    for event in IssuerEvent.objects.order_by("pk"):
        assert dispatch.handle(event_pk=event.pk) == "rejected"

    assert Case.objects.get().reference == f"issuerevent:{IssuerEvent.objects.earliest('pk').pk}"


def test_a_row_that_cannot_be_read_opens_a_case_if_it_carries_money() -> None:
    asked = gateway_request(card=marqeta_card().issuer_card_id)

    report(later(asked, "authorization.clearing", amount="forty-five"))

    assert IssuerEvent.objects.get().status == "rejected"
    assert Case.objects.get().kind == "event_unapplied"
    assert not Authorization.objects.exists()
