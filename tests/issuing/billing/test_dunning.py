"""From a decision's stored candidates to the next card, the frozen card and the letter (issuing/billing/dunning.py)."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core import mail
from django.db import transaction
from django.test import override_settings

from audit.models import Entry
from issuing.billing import dunning
from issuing.cards import service as cards
from issuing.models import Authorization, CardChange, Decision, IssuerEvent, VirtualCard
from onecard.celery import SUBSCRIBERS, app
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import TransactionError
from onecard.outbox.models import Message
from tests.issuing.issuers.worlds import sandbox_for_issuers
from tests.support import stripe_events
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet import cases
from wallet.charges import outcomes
from wallet.models import Case, FundingMethod, FundingObligation
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Outcome

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _issuers() -> Iterator[None]:
    with sandbox_for_issuers():
        yield


def bought(**card: Any) -> FundingObligation:
    """The walkthrough's purchase at a restaurant, decided by our own endpoint."""
    virtual = walkthrough_card(**card)
    event = stripe_events.authorization_request(card=virtual.issuer_card_id, amount=4500, mcc="5812")
    assert stripe_events.post(event).status_code == 200
    return FundingObligation.objects.latest("pk")


def fails(obligation: FundingObligation, code: str = "stolen_card") -> None:
    """The charge that is alive is declined by its bank."""
    obligation.charges.filter(status="intended").update(status="sending")
    charge = obligation.charges.get(status="sending")
    outcomes.record(charge_id=charge.pk, outcome=Outcome("declined", f"pi_{charge.pk}", code), actor="system:test")


def asked(obligation: FundingObligation) -> list[str]:
    return list(obligation.charges.order_by("sequence").values_list("method__network", flat=True))


def all_fail(obligation: FundingObligation, code: str = "stolen_card") -> Case:
    while not Case.objects.filter(kind="receivable", obligation=obligation).exists():
        fails(obligation, code)
        dunning.fall_back(obligation_id=obligation.pk)
    return Case.objects.get(kind="receivable", obligation=obligation)


def card_of(obligation: FundingObligation) -> VirtualCard:
    card = Decision.objects.get(obligation=obligation).authorization.card
    assert card is not None
    return card


def test_cards_are_asked_in_the_order_of_the_decision() -> None:
    obligation = bought()
    trace = Decision.objects.get(obligation=obligation).trace
    ranked = [seen["network"] for seen in trace["candidates"]]

    all_fail(obligation)

    chosen = "mastercard"
    assert asked(obligation) == [chosen, *[network for network in ranked if network != chosen]]


def test_what_was_left_out_of_the_decision_is_not_asked_now() -> None:
    obligation = bought()
    decision = Decision.objects.get(obligation=obligation)
    for seen in decision.trace["candidates"]:
        seen["left_out"] = "" if seen["network"] in ("mastercard", "visa") else "no_ranking_row"
    override(decision, decision.trace)

    all_fail(obligation)

    assert asked(obligation) == ["mastercard", "visa"]


def override(decision: Decision, trace: Any) -> None:
    """A decision of another release; ours are never changed, so the test goes past the trigger."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        Decision.objects.filter(pk=decision.pk).update(trace=trace)
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")


@pytest.mark.parametrize(
    "trace", [{}, [], "text", {"candidates": None}, {"candidates": [1, {"method_id": "7"}, {"name": "x"}, None]}]
)
def test_a_trace_that_tells_nothing_leaves_the_backup_card(trace: Any) -> None:
    obligation = bought()
    override(Decision.objects.get(obligation=obligation), trace)
    FundingMethod.objects.update(is_backup=False)
    FundingMethod.objects.filter(network="discover").update(is_backup=True)
    fails(obligation)

    assert dunning.fall_back(obligation_id=obligation.pk) == "charged"

    assert asked(obligation) == ["mastercard", "discover"]


def test_what_a_capture_added_later_follows_the_purchases_first_decision() -> None:
    first = bought()
    method = FundingMethod.objects.get(network="mastercard")
    purchase = Authorization.objects.get()
    with transaction.atomic():
        charge = obligations.begin(
            method=method,
            reference=f"authorization:{purchase.pk}:2",
            purchase=f"authorization:{purchase.pk}",
            description="A tip",
            money=Money(500, "USD"),
        )
    fails(charge.obligation)

    assert dunning.fall_back(obligation_id=charge.obligation_id) == "charged"

    assert asked(charge.obligation) == ["mastercard", "amex"]
    assert asked(first) == ["mastercard"]


@pytest.mark.parametrize("purchase", ["", "authorization:", "authorization:x", "authorization:999999", "other:1"])
def test_an_obligation_of_no_purchase_that_we_know_still_comes_to_an_end(purchase: str) -> None:
    obligation = bought()
    method = FundingMethod.objects.get(network="visa")
    with transaction.atomic():
        charge = obligations.begin(
            method=method, reference="odd", purchase=purchase, description="?", money=Money(500, "USD")
        )
    case = all_fail(charge.obligation)

    assert asked(charge.obligation) == ["visa", "mastercard"]
    assert dunning.take_notice(case_id=case.pk)
    assert card_of(obligation).status == "active"


def test_in_the_end_the_card_is_frozen_and_its_holder_told_once() -> None:
    obligation = bought()
    case = all_fail(obligation)

    assert [dunning.take_notice(case_id=case.pk) for _ in range(3)] == [True, False, False]

    card = card_of(obligation)
    assert card.status == "frozen"
    change = CardChange.objects.get(card=card)
    assert (change.kind, str(case.pk) in change.reason) == ("freeze", True)
    assert len(mail.outbox) == 1
    assert "frozen" in mail.outbox[0].body
    assert Entry.objects.filter(action="cardholder.told", subject_id=str(case.pk)).count() == 1
    event = stripe_events.authorization_request(card=card.issuer_card_id, amount=100, mcc="5812")
    assert stripe_events.post(event).json()["approved"] is False


@override_settings(FREEZE_ON_RECEIVABLE=False)
def test_by_another_policy_the_card_stays_usable() -> None:
    obligation = bought()
    case = all_fail(obligation)

    assert dunning.take_notice(case_id=case.pk)

    assert card_of(obligation).status == "active"
    assert "frozen" not in mail.outbox[0].body


def test_a_card_that_staff_unfroze_is_not_frozen_again_for_the_same_case() -> None:
    obligation = bought()
    case = all_fail(obligation)
    dunning.take_notice(case_id=case.pk)
    VirtualCard.objects.update(status="active")

    dunning.take_notice(case_id=case.pk)

    assert card_of(obligation).status == "active"


def test_a_closed_card_stays_closed_and_the_letter_goes_out() -> None:
    obligation = bought()
    case = all_fail(obligation)
    cards.close(card=card_of(obligation), reason="Lost", requested_by="user:1")

    assert dunning.take_notice(case_id=case.pk)

    assert card_of(obligation).status == "closed"
    assert "frozen" not in mail.outbox[0].body


@pytest.mark.parametrize("kind", ["receivable", "funding_unknown"])
def test_a_case_that_is_settled_or_another_kind_freezes_and_tells_nothing(kind: str) -> None:
    obligation = bought()
    with transaction.atomic():
        case = cases.open_obligation_case(kind=kind, obligation=obligation, summary="?")
    if kind == "receivable":
        Case.objects.update(status="resolved", resolved_at=clock.now())

    assert not dunning.take_notice(case_id=case.pk)

    assert (mail.outbox, card_of(obligation).status) == ([], "active")


def test_inside_a_transaction_it_is_refused() -> None:
    obligation = bought()
    fails(obligation)

    with pytest.raises(TransactionError), transaction.atomic():
        dunning.fall_back(obligation_id=obligation.pk)


def test_the_messages_reach_their_tasks() -> None:
    app.loader.import_default_modules()
    obligation = bought()
    fails(obligation)
    message = Message.objects.get(topic="funding.failed")
    (task,) = SUBSCRIBERS["funding.failed"]

    app.tasks[task](**message.payload, newer="ignored")

    assert asked(obligation) == ["mastercard", "amex"]
    assert {name for names in SUBSCRIBERS.values() for name in names} <= set(app.tasks)
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)
    case = all_fail(obligation)
    (task,) = SUBSCRIBERS["cardholder.notify"]
    app.tasks[task](**Message.objects.get(topic="cardholder.notify").payload)
    assert Entry.objects.filter(action="cardholder.told", subject_id=str(case.pk)).exists()


@pytest.mark.django_db(transaction=True)
def test_eight_workers_at_once_charge_one_next_card_and_tell_once() -> None:
    obligation = bought()
    fails(obligation)

    at_once([lambda: dunning.fall_back(obligation_id=obligation.pk)] * 8)
    assert asked(obligation) == ["mastercard", "amex"]
    case = all_fail(obligation)
    at_once([lambda: dunning.take_notice(case_id=case.pk)] * 8)

    assert len(mail.outbox) == 1
    assert CardChange.objects.filter(kind="freeze").count() == 1
    assert IssuerEvent.objects.exists()
