"""A purchase ends with its captured amount paid, in every order of its events (money-safety I7, I8, I10)."""

import itertools
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from issuing.authorizations import close_out
from issuing.billing import position
from issuing.handlers import dispatch
from issuing.models import Authorization, IssuerEvent, VirtualCard
from tests.support import stripe_events
from tests.support.orders import in_each_order
from tests.support.purchases import (
    amount_update_event,
    approve_purchase,
    deliver_events,
    expected_totals,
    pay_charges,
    purchase_totals,
    run_workers,
    transaction_event,
    update_event,
)
from tests.support.wallets import walkthrough_card
from wallet.models import Case, FundingObligation, FundingRefund

pytestmark = pytest.mark.django_db


@pytest.fixture
def card() -> VirtualCard:
    return walkthrough_card()


LIVES: dict[str, tuple[list[tuple[str, int]], dict[str, Any]]] = {
    "captured whole": ([("capture", 4500), ("closed", 0)], expected_totals(4500, 4500)),
    "captured for less": ([("capture", 4000), ("closed", 0)], expected_totals(4000, 4000)),
    "captured for more": ([("capture", 5400), ("closed", 0)], expected_totals(5400, 5400)),
    "in two parts": ([("capture", 2000), ("capture", 2500), ("closed", 0)], expected_totals(4500, 4500)),
    "in parts for less": ([("capture", 2000), ("capture", 1000), ("closed", 0)], expected_totals(3000, 3000)),
    "given back": ([("capture", 4500), ("closed", 0), ("refund", 4500)], expected_totals(0, 4500)),
    "given back in part": ([("capture", 4500), ("closed", 0), ("refund", 700)], expected_totals(3800, 4500)),
    "reversed": ([("reversed", 0)], expected_totals(0, 0, "reversed")),
    "expired": ([("expired", 0)], expected_totals(0, 0, "expired")),
    "closed with nothing": ([("closed", 0)], expected_totals(0, 0)),
}


@pytest.mark.some_in_suite(8)
@pytest.mark.parametrize("policy", ["charge_now", "hold_then_capture"])
@pytest.mark.parametrize("days_pass", [False, True])
@pytest.mark.parametrize("life", LIVES)
def test_every_order_of_a_purchases_events_ends_the_same(
    life: str, days_pass: bool, policy: str, settings: Settings
) -> None:
    """With days between them, what a late capture takes is not counted on the limits of a day that is long over."""
    settings.FUNDING_POLICY = policy
    steps, end = LIVES[life]
    end = {name: value for name, value in end.items() if name != "spent" or not days_pass}
    asked = approve_purchase(walkthrough_card())
    run_workers()
    told = [
        transaction_event(asked, amount, kind=kind, number=number)
        if kind in ("capture", "refund")
        else update_event(asked, kind)
        for number, (kind, amount) in enumerate(steps, start=1)
    ]

    def tell(place: int) -> None:
        deliver_events(told[place])
        if days_pass:
            run_workers()

    def ends_alike(order: tuple[int, ...]) -> None:
        run_workers()
        run_workers()
        found = purchase_totals()
        assert {name: found[name] for name in end} == end, [steps[place][0] for place in order]

    in_each_order(itertools.permutations(range(len(steps))), tell=tell, at_end=ends_alike)


def test_while_a_capture_may_be_on_its_way_nothing_is_given_back(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    pay_charges()
    deliver_events(update_event(asked, "closed"))
    assert Authorization.objects.get().settle_due_at is not None
    assert not FundingRefund.objects.exists()

    deliver_events(transaction_event(asked, 4500))
    assert close_out.sweep() == 0
    assert purchase_totals()["paid"] == 4500


def test_a_repeat_of_every_event_changes_nothing(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    told = [
        transaction_event(asked, 4000),
        update_event(asked, "closed"),
        transaction_event(asked, 500, kind="refund", number=2),
    ]
    for event in told * 3:
        stripe_events.post(event)
        dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk)
        run_workers()
    assert purchase_totals() == expected_totals(3500, 4000)
    assert FundingObligation.objects.count() == 1


def test_a_refund_before_its_capture_waits_for_it(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    pay_charges()
    deliver_events(transaction_event(asked, 4500, kind="refund", number=2))
    assert purchase_totals()["paid"] in (0, 4500)
    deliver_events(transaction_event(asked, 4500), update_event(asked, "closed"))
    run_workers()
    run_workers()
    assert purchase_totals() == expected_totals(0, 4500)


def test_a_partial_reversal_gives_back_limits_and_money(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    pay_charges()

    deliver_events(amount_update_event(asked, 3000), amount_update_event(asked, 3000))
    run_workers()

    assert purchase_totals() == expected_totals(3000, 3000, "approved") | {"clearing": -3000}


@pytest.mark.parametrize(("amount", "rounds"), [(3000, 0), (3000, 2), (0, 1), (4500, 1), (5000, 1)])
def test_a_total_that_is_old_or_no_less_is_no_partial_reversal(card: VirtualCard, amount: int, rounds: int) -> None:
    asked = approve_purchase(card)
    deliver_events(amount_update_event(asked, amount, rounds=rounds))
    assert (Authorization.objects.get().approved_minor, FundingRefund.objects.count()) == (4500, 0)


@pytest.mark.parametrize("end", ["expired", "reversed"])
def test_a_purchase_closed_after_its_end_is_charged_what_was_captured(card: VirtualCard, end: str) -> None:
    asked = approve_purchase(card)
    pay_charges()
    deliver_events(update_event(asked, end, amount=0), transaction_event(asked, 2000))
    pay_charges()

    deliver_events(update_event(asked, "closed"))

    purchase = Authorization.objects.get()
    assert (purchase.status, purchase.approved_minor, purchase.settle_due_at) == ("settled", 2000, None)
    assert position.of(purchase).due_minor == 2000
    run_workers()
    assert (purchase_totals()["paid"], purchase_totals()["open cases"]) == (2000, 0)

    deliver_events(transaction_event(asked, 1000, number=2))
    run_workers()
    assert purchase_totals()["paid"] == 3000


def test_after_a_capture_no_total_is_taken_for_a_reversal(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    deliver_events(transaction_event(asked, 2000), amount_update_event(asked, 2500))
    assert Authorization.objects.get().approved_minor == 4500


def test_an_unrequested_capture_stays_a_case_when_the_purchase_expires(card: VirtualCard) -> None:
    asked = approve_purchase(card, amount=0)

    deliver_events(transaction_event(asked, 100), update_event(asked, "expired"))

    case = Case.objects.get(status="open")
    assert (case.kind, case.amount_minor) == ("approved_without_us", 100)
