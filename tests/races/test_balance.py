"""Decisions, news and top-ups that race for one card's balance (money-safety I1, I5, F10, F11)."""

import random
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from issuing.authorizations import close_out
from issuing.billing import top_ups
from issuing.handlers import dispatch
from issuing.models import BalanceUse, CardFunding, Decision, IssuerEvent, VirtualCard
from issuing.reconcile import ledger_balances
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from tests.support import stripe_events
from tests.support.locks import deadlocks
from tests.support.purchases import MUCH_LATER, transaction_event, update_event
from tests.support.threads import at_once
from tests.support.wallets import walkthrough_card
from wallet.charges import outcomes
from wallet.ledger import postings as ledger
from wallet.models import FundingCharge, FundingMethod
from wallet.obligations import lifecycle as obligations
from wallet.processors.base import Outcome

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _patient(settings: Any) -> None:
    """Dozens of threads on two cores queue for longer than a real issuer would wait."""
    settings.DECISION_DEADLINE_MS = 30_000


def card_with(minor: int, **changes: Any) -> VirtualCard:
    limits = {"daily_limit_minor": 10**9, "monthly_limit_minor": 10**9}
    card = walkthrough_card(spends_balance=True, balance_minor=minor, **limits | changes)
    with transaction():
        ledger.post(kind="top_up", key=f"test:{card.pk}", money=Money(minor, "USD"), reference=f"card:{card.pk}")
    return card


def on_card(card: VirtualCard) -> int:
    return VirtualCard.objects.values_list("balance_minor", flat=True).get(pk=card.pk)


def test_racing_approvals_never_spend_the_last_of_the_balance_twice() -> None:
    card = card_with(1000)
    asked = [stripe_events.authorization_request(card=card.issuer_card_id, amount=700) for _ in range(24)]

    answers = at_once([lambda event=event: stripe_events.post(event).json()["approved"] for event in asked])

    assert answers == [True] * 24
    parts = sorted(Decision.objects.values_list("from_balance_minor", flat=True))
    assert parts == [0] * 22 + [300, 700]
    assert (on_card(card), sum(BalanceUse.objects.values_list("amount_minor", flat=True))) == (0, 1000)
    for decision in Decision.objects.select_related("obligation"):
        by_card = decision.obligation.amount_minor if decision.obligation else 0
        assert by_card + decision.from_balance_minor == 700


def test_without_a_funding_card_only_what_the_balance_has_is_approved() -> None:
    card = card_with(1000)
    FundingMethod.objects.update(status="disabled")
    asked = [stripe_events.authorization_request(card=card.issuer_card_id, amount=300) for _ in range(16)]

    answers = at_once([lambda event=event: stripe_events.post(event).json() for event in asked])

    assert sum(answer["approved"] for answer in answers) == 3
    refused = {answer["metadata"].get("onecard_reason") for answer in answers if not answer["approved"]}
    assert refused == {"no_funding_card"}
    assert on_card(card) == 100


@pytest.mark.only_in_proofs
def test_racing_decisions_events_and_top_ups_do_not_deadlock_and_balance() -> None:
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    numbers = random.Random(seed)
    card = card_with(20_000)
    bought = [stripe_events.authorization_request(card=card.issuer_card_id, amount=4500) for _ in range(8)]
    for event in bought:
        stripe_events.post(event)
    before = deadlocks()
    acts: list[Callable[[], Any]] = [top_up(card, 500 + number) for number in range(6)]
    acts += [settle] * 3
    for number, event in enumerate(bought, start=10):
        told = [transaction_event(event, numbers.randint(1, 6000), number=number), update_event(event, "closed")]
        told += [
            transaction_event(event, numbers.randint(1, 5000), kind="refund", number=number),
            update_event(event, "reversed"),
        ]
        acts += [lambda event=event: deliver_event(event) for event in told]
        acts.append(lambda: stripe_events.post(stripe_events.authorization_request(card=card.issuer_card_id)))
    numbers.shuffle(acts)

    for start in range(0, len(acts), 17):
        at_once(acts[start : start + 17])
    close_out.sweep(now=clock.now() + MUCH_LATER)
    top_ups.sweep()

    assert deadlocks() == before
    assert CardFunding.objects.filter(status="credited").count() == 6
    assert on_card(card) >= 0
    assert [each.said for each in ledger_balances.on_cards()] == []
    assert not IssuerEvent.objects.filter(status="received").exists()


def deliver_event(event: dict[str, Any]) -> None:
    stripe_events.post(event)
    dispatch.handle(event_pk=IssuerEvent.objects.get(event_id=event["id"]).pk)


def settle() -> None:
    close_out.sweep(now=clock.now() + MUCH_LATER)


def top_up(card: VirtualCard, minor: int) -> Callable[[], Any]:
    """The commits of card_funding.fund_card; the processor's answer comes in between."""
    source = FundingMethod.objects.filter(cardholder=card.cardholder)[0]

    def act() -> None:
        with transaction():
            charge = obligations.begin(
                method=source,
                reference=f"card_funding:{uuid.uuid4()}",
                purchase=f"card:{card.pk}",
                description="Test",
                money=Money(minor, "USD"),
            )
            now = clock.now()
            wish = CardFunding.objects.create(
                card=card,
                source=source,
                obligation=charge.obligation,
                request_key=str(uuid.uuid4()),
                amount_minor=minor,
                currency="USD",
                requested_by="user:1",
                created_at=now,
                updated_at=now,
            )
        FundingCharge.objects.filter(pk=charge.pk).update(status="sending")
        outcomes.record(charge_id=charge.pk, outcome=Outcome("succeeded", f"pi_{charge.pk}"), actor="x")
        assert top_ups.finish(wish.pk) == "credited"

    return act
