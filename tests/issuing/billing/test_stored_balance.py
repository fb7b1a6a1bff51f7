"""What a card's own balance pays: set aside at the decision, split to the minor unit, and given back last."""

import itertools
from typing import Any

import pytest

from audit.models import Entry
from issuing.authorizations import decision_store, late_approvals
from issuing.authorizations.facts import Facts
from issuing.handlers import dispatch
from issuing.issuers.stripe.answers import STRIPE
from issuing.models import Authorization, BalanceUse, Decision, Hold, IssuerEvent, SpendWindow, VirtualCard
from tests.issuing.billing.balances import (
    ON_CARD,
    books,
    by_cards,
    card,
    card_with,
    ended,
    from_balance,
    increment,
    on_card,
    put,
    work,
)
from tests.support import stripe_events
from tests.support.orders import in_each_order
from tests.support.purchases import (
    amount_update_event,
    approve_purchase,
    deliver_events,
    transaction_event,
    update_event,
)
from wallet.models import FundingCharge, FundingMethod, FundingObligation, FundingRefund

__all__ = ["card"]
pytestmark = pytest.mark.django_db

LIVES: dict[str, tuple[list[tuple[str, int]], dict[str, int]]] = {
    "captured whole": ([("capture", 4500), ("closed", 0)], ended(2000, 2500)),
    "captured for less": ([("capture", 4000), ("closed", 0)], ended(2000, 2000)),
    "captured for less than the balance": ([("capture", 1500), ("closed", 0)], ended(1500, 0)),
    "captured for more": ([("capture", 5400), ("closed", 0)], ended(2000, 3400)),
    "in two parts": ([("capture", 2000), ("capture", 2500), ("closed", 0)], ended(2000, 2500)),
    "given back": ([("capture", 4500), ("closed", 0), ("refund", 4500)], ended(0, 0)),
    "given back in part": ([("capture", 4500), ("closed", 0), ("refund", 700)], ended(2000, 1800)),
    "given back into the balance": ([("capture", 4500), ("closed", 0), ("refund", 3000)], ended(1500, 0)),
    "given back for more": ([("capture", 4500), ("closed", 0), ("refund", 5000)], ended(-500, 0)),
    "reversed": ([("reversed", 0)], ended(0, 0)),
    "expired": ([("expired", 0)], ended(0, 0)),
    "expired and captured late": ([("expired", 0), ("capture", 4500)], ended(2000, 2500)),
    "closed with nothing": ([("closed", 0)], ended(0, 0)),
}
ALL_FROM_BALANCE: dict[str, tuple[list[tuple[str, int]], dict[str, int]]] = {
    "captured whole": ([("capture", 4500), ("closed", 0)], ended(4500, 0, has=5000)),
    "captured for more": ([("capture", 4900), ("closed", 0)], ended(4900, 0, has=5000)),
    "captured for more than it has": ([("capture", 5400), ("closed", 0)], ended(5000, 400, has=5000)),
    "and given back": ([("capture", 5400), ("closed", 0), ("refund", 1000)], ended(4400, 0, has=5000)),
    "given back for more": ([("capture", 4500), ("closed", 0), ("refund", 4600)], ended(-100, 0, has=5000)),
}


# The decision


@pytest.mark.parametrize(
    ("on_it", "by_balance", "by_card", "rule"),
    [
        (0, 0, 4500, "backup_without_cash"),
        (1, 1, 4499, "backup_without_cash"),
        (4499, 4499, 1, "backup_without_cash"),
        (4500, 4500, 0, "card_balance"),
        (9000, 4500, 0, "card_balance"),
    ],
)
def test_the_balance_pays_first_and_a_funding_card_the_rest(
    on_it: int, by_balance: int, by_card: int, rule: str
) -> None:
    card = card_with(on_it)

    approve_purchase(card)

    decision = Decision.objects.get()
    asked = decision.obligation.amount_minor if decision.obligation else 0
    assert (decision.from_balance_minor, asked, decision.rule) == (by_balance, by_card, rule)
    assert (on_card(card), sum(BalanceUse.objects.values_list("amount_minor", flat=True))) == (
        on_it - by_balance,
        by_balance,
    )
    assert FundingCharge.objects.count() == bool(by_card)
    assert decision.trace["balance"] == {"has_minor": on_it, "pays_minor": by_balance}
    assert len(decision.trace["candidates"]) == 4, "the routing is stored, whoever pays"
    assert (Hold.objects.get().amount_minor, SpendWindow.objects.get(kind="day").spent_minor) == (4500, 4500)
    assert Entry.objects.get(action="authorization.approved").details["from_balance_minor"] == by_balance


def test_a_card_that_does_not_spend_its_balance_keeps_it() -> None:
    card = card_with(9000, spends_balance=False)

    approve_purchase(card)

    decision = Decision.objects.get()
    assert (decision.from_balance_minor, on_card(card), BalanceUse.objects.count()) == (0, 9000, 0)
    assert "balance" not in decision.trace


def test_without_a_funding_card_the_balance_must_cover_all(card: VirtualCard) -> None:
    FundingMethod.objects.update(status="disabled")

    refused = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, amount=ON_CARD + 1))
    assert refused.json()["metadata"]["onecard_reason"] == "no_funding_card"
    assert (on_card(card), Decision.objects.get().from_balance_minor, BalanceUse.objects.count()) == (ON_CARD, 0, 0)

    approve_purchase(card, ON_CARD)
    assert on_card(card) == 0


@pytest.mark.parametrize(
    ("card_changes", "asked", "why"),
    [
        ({"status": "frozen"}, {}, "card_not_active"),
        ({"per_transaction_limit_minor": 4499}, {}, "per_transaction_limit_exceeded"),
        ({}, {"mcc": "6011"}, "cash_not_allowed"),
        ({}, {"currency": "eur"}, "currency_mismatch"),
    ],
)
def test_a_decline_takes_nothing_from_the_balance(
    card_changes: dict[str, Any], asked: dict[str, Any], why: str
) -> None:
    card = card_with(ON_CARD, **card_changes)

    answer = stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id, **asked)).json()

    assert answer["metadata"]["onecard_reason"] == why
    decision = Decision.objects.get()
    assert (on_card(card), decision.from_balance_minor, BalanceUse.objects.exists()) == (ON_CARD, 0, False)


def test_an_account_verification_takes_nothing(card: VirtualCard) -> None:
    approve_purchase(card, 0)
    decision = Decision.objects.get()
    assert (decision.rule, decision.from_balance_minor, on_card(card)) == ("account_verification", 0, ON_CARD)


@pytest.mark.parametrize(
    ("meanwhile", "by_balance"),
    [({"balance_minor": 500}, 500), ({"balance_minor": 3000}, 3000), ({"spends_balance": False}, 0)],
)
def test_what_changed_since_the_read_is_decided_anew(
    card: VirtualCard, monkeypatch: pytest.MonkeyPatch, meanwhile: dict[str, Any], by_balance: int
) -> None:
    read, done = decision_store.read, []

    def and_then(*args: Any, **kwargs: Any) -> Facts:
        seen = read(*args, **kwargs)
        if not done:
            done.append(VirtualCard.objects.filter(pk=card.pk).update(**meanwhile))
        return seen

    monkeypatch.setattr(decision_store, "read", and_then)

    approve_purchase(card)

    decision = Decision.objects.get()
    assert decision.obligation is not None
    assert (decision.from_balance_minor, decision.obligation.amount_minor) == (by_balance, 4500 - by_balance)


def test_the_same_event_again_takes_from_the_balance_once(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    stripe_events.post(asked)
    stripe_events.post(asked | {"id": stripe_events.unique("evt")})
    assert (on_card(card), from_balance()) == (0, ON_CARD)


# The life of a purchase that the balance pays in part


@pytest.mark.some_in_suite(6)
@pytest.mark.parametrize("days_pass", [False, True])
@pytest.mark.parametrize("life", LIVES)
def test_every_order_of_a_purchases_events_ends_with_the_same_split(life: str, days_pass: bool) -> None:
    steps, end = LIVES[life]
    card = card_with(ON_CARD)
    asked = approve_purchase(card)
    work()
    told = [
        transaction_event(asked, amount, kind=kind, number=number)
        if kind in ("capture", "refund")
        else update_event(asked, kind)
        for number, (kind, amount) in enumerate(steps, start=1)
    ]

    def tell(place: int) -> None:
        deliver_events(told[place])
        if days_pass:
            work()

    def ends_alike(order: tuple[int, ...]) -> None:
        work()
        work()
        assert books(card) == end, [steps[place][0] for place in order]

    in_each_order(itertools.permutations(range(len(steps))), tell=tell, at_end=ends_alike)

    VirtualCard.objects.update(balance_minor=0)


@pytest.mark.some_in_suite(3)
@pytest.mark.parametrize("days_pass", [False, True])
@pytest.mark.parametrize("life", ALL_FROM_BALANCE)
def test_every_order_ends_the_same_when_the_balance_pays_all(life: str, days_pass: bool) -> None:
    steps, end = ALL_FROM_BALANCE[life]
    card = card_with(5000)
    asked = approve_purchase(card)
    told = [
        transaction_event(asked, amount, kind=kind, number=number)
        if kind in ("capture", "refund")
        else update_event(asked, kind)
        for number, (kind, amount) in enumerate(steps, start=1)
    ]

    def tell(place: int) -> None:
        deliver_events(told[place])
        if days_pass:
            work()

    def ends_alike(order: tuple[int, ...]) -> None:
        work()
        work()
        assert books(card) == end, [steps[place][0] for place in order]

    in_each_order(itertools.permutations(range(len(steps))), tell=tell, at_end=ends_alike)


def test_until_a_merchant_takes_it_the_part_is_set_aside_and_not_posted(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    assert (on_card(card), BalanceUse.objects.get().posted_minor) == (0, 0)

    deliver_events(transaction_event(asked, 1500))
    assert BalanceUse.objects.get().posted_minor == 1500
    deliver_events(transaction_event(asked, 3000, number=2), transaction_event(asked, 3000, number=2))

    use = BalanceUse.objects.get()
    assert (use.amount_minor, use.posted_minor, use.postings) == (ON_CARD, ON_CARD, 2)
    assert books(card) == ended(2000, 2500)


def test_a_repeat_of_every_event_changes_nothing(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    for event in [
        transaction_event(asked, 4000),
        update_event(asked, "closed"),
        transaction_event(asked, 2500, kind="refund", number=2),
    ] * 3:
        stripe_events.post(event)
        dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk)
        work()
    assert books(card) == ended(1500, 0)


def test_money_put_there_later_pays_no_charge_that_a_card_was_asked_for(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    deliver_events(transaction_event(asked, 4500), update_event(asked, "closed"))
    VirtualCard.objects.update(balance_minor=9000)
    put(card, 9000)

    deliver_events(update_event(asked, "closed"))
    work()

    assert books(card) == ended(2000, 2500, has=ON_CARD + 9000)
    assert not FundingRefund.objects.exists()


def test_what_was_given_back_and_spent_elsewhere_is_charged_to_a_card(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    work()
    deliver_events(update_event(asked, "expired"))
    assert on_card(card) == ON_CARD
    VirtualCard.objects.filter(pk=card.pk).update(balance_minor=300)

    deliver_events(transaction_event(asked, 4500))
    work()

    assert (from_balance(), by_cards(), on_card(card)) == (300, 4200, 0)


def test_a_partial_reversal_comes_off_the_funding_card_first(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    work(time_passes=False)

    deliver_events(amount_update_event(asked, 1200))

    assert books(card) == ended(1200, 0, clearing=0)
    assert Authorization.objects.get().approved_minor == 1200


def test_an_increment_takes_what_came_onto_the_card_meanwhile(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    VirtualCard.objects.update(balance_minor=600)
    put(card, 600)

    assert stripe_events.post(increment(asked, 1000)).json()["approved"] is True

    assert list(Decision.objects.order_by("pk").values_list("from_balance_minor", flat=True)) == [2000, 600]
    deliver_events(transaction_event(asked, 5500), update_event(asked, "closed"))
    assert books(card) == ended(2600, 2900, has=2600)


def test_a_late_approval_that_is_taken_back_gives_the_balance_back(card: VirtualCard) -> None:
    asked = approve_purchase(card)

    late_approvals.withdraw_approval(provider="stripe", event_id=asked["id"], answers=STRIPE)

    assert (on_card(card), from_balance(), Hold.objects.get().status) == (ON_CARD, 0, "released")
    assert FundingObligation.objects.get().status == "released"
    assert books(card) == ended(0, 0)


def test_an_increment_that_is_taken_back_comes_off_the_funding_card_first(card: VirtualCard) -> None:
    asked = approve_purchase(card)
    more = increment(asked, 1000)
    stripe_events.post(more)

    late_approvals.withdraw_approval(provider="stripe", event_id=more["id"], answers=STRIPE)
    deliver_events(transaction_event(asked, 4500), update_event(asked, "closed"))

    assert books(card) == ended(2000, 2500)


def test_a_force_post_after_the_withdrawal_is_paid_as_it_was_decided() -> None:
    card = card_with(5000)
    asked = approve_purchase(card)
    late_approvals.withdraw_approval(provider="stripe", event_id=asked["id"], answers=STRIPE)
    assert on_card(card) == 5000

    deliver_events(transaction_event(asked, 4500), update_event(asked, "closed"))
    work()

    assert books(card) == ended(4500, 0, has=5000)
