"""What got no answer of ours that counts is marked, and raises one alarm for an incident."""

from typing import Any

import pytest

from issuing.authorizations import late_approvals
from issuing.handlers import dispatch
from issuing.issuers.stripe.answers import STRIPE
from issuing.models import Authorization, VirtualCard
from tests.issuing.authorizations.test_lifecycle import deliver
from tests.issuing.handlers.test_marqeta_disputes import report as report_rows
from tests.support import marqeta_events, stripe_events
from tests.support.wallets import marqeta_card, walkthrough_card
from wallet.models import Case

pytestmark = pytest.mark.django_db


def report(card: VirtualCard, **entry: Any) -> dict[str, Any]:
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    update(asked, **entry)
    return asked


def update(asked: dict[str, Any], **entry: Any) -> str:
    history = [{"approved": False, "amount": 4500} | entry]
    return deliver(stripe_events.authorization_update(asked, approved=False, status="closed", request_history=history))


def marked() -> list[str]:
    return list(Authorization.objects.order_by("pk").values_list("answer_failed", flat=True))


def alarms() -> list[str]:
    return list(Case.objects.filter(kind="answers_failing", status="open").values_list("reference", flat=True))


def heard_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time in which our own decision could still be committing is over."""
    monkeypatch.setattr(dispatch, "WAIT_FOR_DECISION", -dispatch.WAIT_FOR_DECISION)


@pytest.mark.parametrize(("reason", "failure"), [("webhook_timeout", "timeout"), ("webhook_error", "error")])
def test_answers_that_stripe_could_not_use_raise_one_alarm(
    monkeypatch: pytest.MonkeyPatch, reason: str, failure: str
) -> None:
    heard_later(monkeypatch)
    card = walkthrough_card()

    for _ in range(3):
        report(card, reason=reason, reason_message="No answer within 2 s")

    assert marked() == [failure] * 3
    assert alarms() == ["answers:stripe"]
    assert "No answer within 2 s" in Case.objects.get().summary


def test_a_new_incident_after_the_case_was_closed_alarms_again(monkeypatch: pytest.MonkeyPatch) -> None:
    heard_later(monkeypatch)
    card = walkthrough_card()
    asked = report(card, reason="webhook_error")
    Case.objects.update(status="resolved")

    update(asked, reason="webhook_error")
    assert alarms() == []

    report(card, reason="webhook_error")
    assert alarms() == ["answers:stripe"]


def test_a_timeout_that_the_account_approves_alarms_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    heard_later(monkeypatch)
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    history = [{"approved": True, "amount": 4500, "reason": "webhook_timeout"}]

    deliver(stripe_events.authorization_update(asked, request_history=history))

    assert marked() == ["timeout"]
    assert {each.kind for each in Case.objects.all()} == {"answers_failing", "approved_without_us"}


def test_our_own_lateness_is_marked_and_alarms() -> None:
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    stripe_events.post(asked)
    late_approvals.withdraw_approval(provider="stripe", event_id=asked["id"], answers=STRIPE)

    update(asked, reason="webhook_declined")

    assert marked() == ["late"]
    assert alarms() == ["answers:stripe"]


def test_a_decline_that_was_never_recorded_is_marked_and_alarms(monkeypatch: pytest.MonkeyPatch) -> None:
    heard_later(monkeypatch)

    report(walkthrough_card(), reason="webhook_declined")

    assert marked() == ["unrecorded"]
    assert alarms() == ["answers:stripe"]


@pytest.mark.parametrize(("said", "failure"), [("overloaded", "overload"), ("deadline_exceeded", "unrecorded")])
def test_a_decline_unread_is_marked_as_the_issuer_repeats_it(
    monkeypatch: pytest.MonkeyPatch, said: str, failure: str
) -> None:
    heard_later(monkeypatch)
    asked = stripe_events.authorization_request(card=walkthrough_card().issuer_card_id)
    asked["data"]["object"]["metadata"] = {"onecard_reason": said}
    update(asked, reason="webhook_declined")
    question = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    row = marqeta_events.outcome(question, state="DECLINED")
    answer = {"code": "402", "data": {"jit_funding": {"tags": f"onecard_reason={said}"}}}
    row["gpa_order"]["funding"]["gateway_log"] |= {"response": answer}

    report_rows("transactions", row)

    assert marked() == [failure] * 2
    assert sorted(alarms()) == ["answers:marqeta", "answers:stripe"]


def test_declines_that_are_no_fault_of_ours_alarm_nobody() -> None:
    card = walkthrough_card(per_transaction_limit_minor=100)
    asked = stripe_events.authorization_request(card=card.issuer_card_id)
    stripe_events.post(asked)

    update(asked, reason="webhook_declined")
    report(card, reason="spending_controls")

    assert marked() == ["", ""]
    assert not Case.objects.exists()


@pytest.mark.parametrize("odd", [{}, {"reason": ["webhook_error"]}, {"reason": None}, {"reason": {"a": 1}}])
def test_a_reason_that_is_no_word_alarms_nobody(odd: dict[str, Any]) -> None:
    report(walkthrough_card(), **odd)

    assert marked() == [""]
    assert not Case.objects.exists()


@pytest.mark.parametrize(
    ("log", "failure"),
    [
        ({"timed_out": True, "message": "Gateway timed out"}, "timeout"),
        ({"timed_out": False, "message": "Bad status", "response": {"code": "500"}}, "error"),
        ({"timed_out": False, "message": "Connection error: refused"}, "error"),
    ],
)
def test_answers_that_marqeta_could_not_use_alarm(
    monkeypatch: pytest.MonkeyPatch, log: dict[str, Any], failure: str
) -> None:
    heard_later(monkeypatch)
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    row = marqeta_events.outcome(asked, state="DECLINED")
    row["gpa_order"]["funding"]["gateway_log"] |= log

    report_rows("transactions", row)

    assert marked() == [failure]
    assert alarms() == ["answers:marqeta"]
    assert log["message"] in Case.objects.get().summary


def test_an_approval_that_reached_marqeta_too_late_keeps_its_reason() -> None:
    asked = marqeta_events.gateway_request(card=marqeta_card().issuer_card_id)
    assert marqeta_events.ask(asked).status_code == 200

    report_rows("transactions", marqeta_events.outcome(asked, state="DECLINED", timed_out=True))

    purchase = Authorization.objects.get()
    assert (purchase.status, purchase.issuer_reason, purchase.answer_failed) == ("declined", "response_1016", "timeout")
    assert alarms() == ["answers:marqeta"]


def test_our_decline_at_marqeta_alarms_nobody() -> None:
    card = marqeta_card(per_transaction_limit_minor=100)
    asked = marqeta_events.gateway_request(card=card.issuer_card_id)
    assert marqeta_events.ask(asked).status_code == 402

    report_rows("transactions", marqeta_events.outcome(asked, state="DECLINED"))

    assert marked() == [""]
    assert not Case.objects.exists()
