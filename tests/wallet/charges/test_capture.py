"""Holds on funding cards: captured for what merchants took, or given up, over real HTTP (hold_then_capture)."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import transaction

from onecard.kit import clock
from onecard.kit.money import Money
from onecard.outbox.models import Message
from tests.sandbox.running import RunningSandbox
from tests.support.factories import FundingMethodFactory
from tests.support.sandboxes import given_back, intended_charge, intents, processor_sandbox
from tests.support.threads import at_once
from wallet.accounts import Account
from wallet.charges import cascade, outcomes
from wallet.charges import charge as charges
from wallet.ledger import check as ledger_check
from wallet.ledger import postings as ledger
from wallet.models import Case, FundingCharge, FundingObligation, FundingRefund, Posting
from wallet.obligations import adjust
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Outcome
from wallet.processors.stripe.client import stripe_client
from wallet.refunds import send as refund_sending

PURCHASE = "authorization:1"
CAPTURE = "/v1/payment_intents/*/capture"
CANCEL = "/v1/payment_intents/*/cancel"
pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox() -> Iterator[RunningSandbox]:
    with processor_sandbox() as running:
        yield running


def held_charge(amount_minor: int = 4500) -> FundingCharge:
    charge = intended_charge(amount_minor=amount_minor, policy="hold_then_capture", purchase=PURCHASE)
    assert charges.charge(charge_id=charge.pk) == "held"
    return charge


def owe(minor: int, *, is_over: bool) -> None:
    with transaction.atomic():
        adjust.bring_to(
            purchase=PURCHASE, amount_due=Money(minor, "USD"), description="Bistro", is_over=is_over, actor="issuer:x"
        )


def make_due(charge: FundingCharge) -> None:
    """As if the wait for the next try, and a dead worker's claim, were over."""
    past = clock.now() - dt.timedelta(minutes=10)
    FundingCharge.objects.filter(pk=charge.pk).update(next_attempt_at=past, claimed_until=None)


def posted() -> list[tuple[str, int]]:
    return list(Posting.objects.order_by("pk").values_list("kind", "amount_minor"))


def intent(sandbox: RunningSandbox) -> dict[str, Any]:
    (only,) = intents(sandbox)
    return only


def test_an_approval_only_holds_the_amount(sandbox: RunningSandbox) -> None:
    charge = held_charge()

    assert (intent(sandbox)["status"], intent(sandbox)["amount_received"]) == ("requires_capture", 0)
    charge.refresh_from_db()
    assert charge.obligation.status == "open"
    assert charge.finished_at is None
    assert posted() == []
    assert [charges.charge(charge_id=charge.pk) for _ in range(2)] == ["held"] * 2
    assert intent(sandbox)["status"] == "requires_capture"


def test_what_the_merchant_took_is_captured_and_the_rest_is_never_taken(sandbox: RunningSandbox) -> None:
    charge = held_charge()

    owe(4000, is_over=True)
    assert Message.objects.filter(topic="funding.requested", payload__charge_id=charge.pk).exists()
    assert charges.charge(charge_id=charge.pk) == "succeeded"

    assert (intent(sandbox)["status"], intent(sandbox)["amount_received"]) == ("succeeded", 4000)
    assert FundingObligation.objects.get().status == "funded"
    assert posted() == [("charge", 4000)]
    assert not FundingRefund.objects.exists()
    assert ledger_check.check() == []


def test_nothing_is_captured_before_the_purchase_is_over(sandbox: RunningSandbox) -> None:
    charge = held_charge()

    owe(4500, is_over=False)
    owe(4100, is_over=False)

    assert charges.charge(charge_id=charge.pk) == "held"
    assert intent(sandbox)["status"] == "requires_capture"
    assert FundingObligation.objects.get().payable == Money(4100, "USD")


def test_what_falls_away_after_the_capture_is_refunded(sandbox: RunningSandbox) -> None:
    charge = held_charge()
    owe(4000, is_over=True)
    charges.charge(charge_id=charge.pk)

    owe(2500, is_over=True)
    refund = FundingRefund.objects.get()
    assert refund_sending.refund(refund_id=refund.pk) == "succeeded"

    assert [found["amount"] for found in given_back()] == [1500]
    assert posted() == [("charge", 4000), ("charge_refund", 1500)]


def test_a_purchase_that_did_not_happen_gives_the_hold_up(sandbox: RunningSandbox) -> None:
    charge = held_charge()

    owe(0, is_over=True)
    assert charges.charge(charge_id=charge.pk) == "canceled"

    charge.refresh_from_db()
    assert (intent(sandbox)["status"], charge.failure_code) == ("canceled", "released")
    assert FundingObligation.objects.get().status == "released"
    assert posted() == []
    assert not Case.objects.exists()
    assert not Message.objects.filter(topic="funding.failed").exists()


@pytest.mark.parametrize("fault", ["drop_answer", "error_500", "html_error", "drop_request", "malformed_json"])
def test_a_capture_without_an_answer_is_made_once(sandbox: RunningSandbox, fault: str) -> None:
    charge = held_charge()
    owe(4000, is_over=True)
    sandbox.order(do=fault, path=CAPTURE)

    assert charges.charge(charge_id=charge.pk) == "capturing"
    make_due(charge)
    assert charges.charge(charge_id=charge.pk) == "succeeded"

    assert intent(sandbox)["amount_received"] == 4000
    assert posted() == [("charge", 4000)]


@pytest.mark.parametrize("fault", ["drop_answer", "drop_request", "html_error"])
def test_a_hold_is_given_up_although_the_answer_is_lost(sandbox: RunningSandbox, fault: str) -> None:
    charge = held_charge()
    owe(0, is_over=True)
    sandbox.order(do=fault, path=CANCEL)

    assert charges.charge(charge_id=charge.pk) == "held"
    make_due(charge)

    assert charges.charge(charge_id=charge.pk) == "canceled"
    assert intent(sandbox)["status"] == "canceled"


def test_a_hold_is_captured_whole_before_its_bank_lets_it_go(sandbox: RunningSandbox) -> None:
    charge = held_charge()

    assert charges.sweep(now=clock.now() + dt.timedelta(days=3)) == 0
    with time_machine.travel(clock.now() + outcomes.HOLD_LIFE + dt.timedelta(minutes=1)):
        assert charges.sweep() == 1

    charge.refresh_from_db()
    assert charge.status == "succeeded"
    assert posted() == [("charge", 4500)]
    owe(4000, is_over=True)
    assert FundingRefund.objects.get().amount_minor == 500


def test_a_lapsed_hold_is_retried_on_its_card_and_then_on_the_next(sandbox: RunningSandbox) -> None:
    charge = held_charge()
    other = FundingMethodFactory(cardholder=charge.method.cardholder, is_backup=False, position=9)

    for expected in (charge.method, other):
        live = FundingCharge.objects.get(status="held")
        stripe_client().v1.payment_intents.cancel(live.processor_charge_id or "")
        outcomes.apply_update(Outcome("canceled", live.processor_charge_id or ""))
        live.refresh_from_db()
        assert (live.status, live.failure_code) == ("canceled", "hold_lapsed")
        assert FundingObligation.objects.get().status == "failed"
        obligation_id = charge.obligation_id
        assert cascade.next_charge(obligation_id=obligation_id, method_ids=[other.pk], actor="test") == "charged"
        follower = FundingCharge.objects.get(status="intended")
        assert follower.method == expected
        FundingCharge.objects.filter(pk=follower.pk).update(status="sending")
        outcomes.record(charge_id=follower.pk, outcome=Outcome("held", f"pi_{follower.pk}"), actor="test")
        if expected == charge.method:
            made = stripe_client().v1.payment_intents.create({"amount": 4500, "currency": "usd"})
            FundingCharge.objects.filter(pk=follower.pk).update(processor_charge_id=made.id)

    assert not Case.objects.exists()


def test_a_lapse_found_by_the_capture_leads_on(sandbox: RunningSandbox) -> None:
    charge = held_charge()
    charge.refresh_from_db()
    stripe_client().v1.payment_intents.cancel(charge.processor_charge_id or "")
    owe(4500, is_over=True)

    assert charges.charge(charge_id=charge.pk) == "canceled"

    charge.refresh_from_db()
    assert charge.failure_code == "hold_lapsed"
    assert Message.objects.filter(topic="funding.failed", payload__obligation_id=charge.obligation_id).exists()


def test_what_was_released_while_the_capture_had_no_answer_goes_back(sandbox: RunningSandbox) -> None:
    charge = held_charge()
    owe(4500, is_over=True)
    sandbox.order(do="drop_answer", path=CAPTURE)
    assert charges.charge(charge_id=charge.pk) == "capturing"

    owe(0, is_over=True)
    make_due(charge)

    assert charges.charge(charge_id=charge.pk) == "succeeded"
    refund = FundingRefund.objects.get()
    assert refund_sending.refund(refund_id=refund.pk) == "succeeded"
    assert ledger.balance(Account.PURCHASES, currency="USD", reference=PURCHASE) == 0


def test_a_lost_hold_is_found_and_given_up_when_nothing_is_owed(sandbox: RunningSandbox) -> None:
    charge = intended_charge(policy="hold_then_capture", purchase=PURCHASE)
    sandbox.order(do="drop_answer", path="/v1/payment_intents")
    assert charges.charge(charge_id=charge.pk) == "unknown"

    owe(0, is_over=True)
    for expected in ("held", "canceled"):
        make_due(charge)
        assert charges.charge(charge_id=charge.pk) == expected

    assert intent(sandbox)["status"] == "canceled"


def test_a_hold_known_after_its_purchase_ended_is_captured_at_once(sandbox: RunningSandbox) -> None:
    charge = intended_charge(policy="hold_then_capture", purchase=PURCHASE)
    owe(4000, is_over=True)

    assert [charges.charge(charge_id=charge.pk) for _ in range(2)] == ["held", "succeeded"]

    assert intent(sandbox)["amount_received"] == 4000


def test_a_capture_by_hand_at_the_processor_counts(sandbox: RunningSandbox) -> None:
    charge = held_charge()
    charge.refresh_from_db()

    outcomes.apply_update(Outcome("succeeded", charge.processor_charge_id or ""))

    charge.refresh_from_db()
    assert charge.status == "succeeded"
    assert posted() == [("charge", 4500)]
    with transaction.atomic():
        assert not obligations.give_up(FundingObligation.objects.get(), 100, actor="test")


def test_a_charge_at_once_is_never_held(sandbox: RunningSandbox) -> None:
    charge = intended_charge(purchase=PURCHASE)
    owe(4500, is_over=True)

    assert charges.charge(charge_id=charge.pk) == "succeeded"

    assert intent(sandbox)["capture_method"] != "manual"
    assert FundingObligation.objects.get().capture_due_at is None


@pytest.mark.parametrize("turn", range(3))
@pytest.mark.django_db(transaction=True)
def test_a_reduction_during_the_capture_is_subtracted_or_refunded(sandbox: RunningSandbox, turn: int) -> None:
    charge = held_charge()
    owe(4500, is_over=True)

    at_once([lambda: charges.charge(charge_id=charge.pk), lambda: owe(4000, is_over=True)])

    back = sum(FundingRefund.objects.values_list("amount_minor", flat=True))
    assert (intent(sandbox)["amount_received"], back) in ((4000, 0), (4500, 500))
    assert FundingObligation.objects.get().payable.minor == intent(sandbox)["amount_received"]


def declined_charge() -> FundingCharge:
    charge = intended_charge(policy="hold_then_capture", purchase=PURCHASE)
    FundingCharge.objects.filter(pk=charge.pk).update(status="sending")
    outcomes.record(charge_id=charge.pk, outcome=Outcome("declined", "pi_1", "insufficient_funds"), actor="test")
    return charge


def test_a_declined_charge_held_by_hand_counts_before_another_charge() -> None:
    charge = declined_charge()

    assert outcomes.apply_update(Outcome("held", "pi_1"))

    charge.refresh_from_db()
    assert (charge.status, charge.obligation.status) == ("held", "open")
    assert cascade.next_charge(obligation_id=charge.obligation_id, method_ids=[], actor="test") == "nothing"
    outcomes.apply_update(Outcome("succeeded", "pi_1"))
    assert FundingObligation.objects.get().status == "funded"


def test_a_hold_by_hand_takes_the_place_of_what_nobody_has_sent() -> None:
    charge = declined_charge()
    other = FundingMethodFactory(cardholder=charge.method.cardholder)
    cascade.next_charge(obligation_id=charge.obligation_id, method_ids=[other.pk], actor="test")

    outcomes.apply_update(Outcome("held", "pi_1"))

    assert set(FundingCharge.objects.values_list("status", flat=True)) == {"held", "canceled"}


def test_a_second_hold_by_hand_is_a_persons_and_takes_nothing() -> None:
    charge = declined_charge()
    other = FundingMethodFactory(cardholder=charge.method.cardholder)
    cascade.next_charge(obligation_id=charge.obligation_id, method_ids=[other.pk], actor="test")
    second = FundingCharge.objects.get(status="intended")
    FundingCharge.objects.filter(pk=second.pk).update(status="sending", attempts=1)
    outcomes.record(charge_id=second.pk, outcome=Outcome("held", "pi_2"), actor="test")

    outcomes.apply_update(Outcome("held", "pi_1"))

    charge.refresh_from_db()
    assert (charge.status, charge.failure_code) == ("declined", "insufficient_funds")
    case = Case.objects.get(status="open")
    assert (case.kind, "pi_1" in case.summary, "held" in case.summary) == ("two_charges", True, True)
    assert posted() == []
