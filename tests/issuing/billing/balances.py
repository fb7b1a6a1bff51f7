"""A card with money on it that it spends first, and what its books say."""

from typing import Any

import pytest

from issuing.authorizations import close_out
from issuing.models import Authorization, BalanceUse, VirtualCard
from issuing.reconcile import ledger_balances as balances_check
from onecard.kit import clock
from onecard.kit.money import Money
from onecard.kit.transactions import transaction
from tests.support import stripe_events
from tests.support.purchases import MUCH_LATER
from tests.support.wallets import walkthrough_card
from wallet.accounts import Account
from wallet.charges import outcomes
from wallet.ledger import postings as ledger
from wallet.ledger.check import check as wallet_check
from wallet.models import Case, FundingCharge, FundingRefund
from wallet.processors.base import Outcome, RefundOutcome
from wallet.refunds import records as refunds

ON_CARD = 2000


@pytest.fixture
def card() -> VirtualCard:
    return card_with(ON_CARD)


def card_with(minor: int, **changes: Any) -> VirtualCard:
    card = walkthrough_card(**{"spends_balance": True, "balance_minor": minor} | changes)
    put(card, minor)
    return card


def put(card: VirtualCard, minor: int) -> None:
    """The ledger's side of money that was put on a card; the card's side is its column."""
    if minor:
        with transaction():
            key, name = stripe_events.unique("top_up"), f"card:{card.pk}"
            ledger.post(kind="top_up", key=key, money=Money(minor, "USD"), reference=name)


def on_card(card: VirtualCard) -> int:
    return VirtualCard.objects.values_list("balance_minor", flat=True).get(pk=card.pk)


def work(*, time_passes: bool = True) -> None:
    """The processor takes every charge and refund; with time, closed purchases are settled first."""
    if time_passes:
        close_out.sweep(now=clock.now() + MUCH_LATER)
    for charge in FundingCharge.objects.filter(status="intended"):
        FundingCharge.objects.filter(pk=charge.pk).update(status="sending")
        outcomes.record(charge_id=charge.pk, outcome=Outcome("succeeded", f"pi_{charge.pk}"), actor="processor:stripe")
    for refund in FundingRefund.objects.filter(status="intended").exclude(charge=None):
        FundingRefund.objects.filter(pk=refund.pk).update(status="sending")
        refunds.record(refund_id=refund.pk, outcome=RefundOutcome("succeeded", f"re_{refund.pk}"), actor="x")


def by_cards() -> int:
    """What funding cards have paid and not got back."""
    charged = sum(each.obligation.payable.minor for each in FundingCharge.objects.filter(status="succeeded"))
    return charged - sum(each.amount_minor for each in FundingRefund.objects.filter(status="succeeded"))


def from_balance() -> int:
    return BalanceUse.objects.get().amount_minor


def books(card: VirtualCard) -> dict[str, int]:
    """How the last purchase stands, after every check of the books has found nothing."""
    work(time_passes=False)
    work(time_passes=False)
    problems = [each.said for each in (*wallet_check(), *balances_check.on_cards())]
    assert problems == []
    purchase = Authorization.objects.latest("pk")
    return {
        "balance": from_balance(),
        "cards": by_cards(),
        "on card": on_card(card),
        "clearing": ledger.balance(Account.PURCHASES, currency="USD", reference=purchase.reference),
        # An answer of ours that came too late has a case of its own, about the issuer.
        "open cases": Case.objects.filter(status="open").exclude(kind=Case.Kind.ANSWERS_FAILING).count(),
    }


def ended(paid_by_balance: int, paid_by_cards: int, *, clearing: int = 0, has: int = ON_CARD) -> dict[str, int]:
    return {
        "balance": paid_by_balance,
        "cards": paid_by_cards,
        "on card": has - paid_by_balance,
        "clearing": clearing,
        "open cases": 0,
    }


def increment(asked: dict[str, Any], amount: int, *, before: int = 4500) -> dict[str, Any]:
    return stripe_events.authorization_request(
        card=asked["data"]["object"]["card"]["id"],
        authorization=asked["data"]["object"]["id"],
        amount=amount,
        approved_before=before,
        history=[{"approved": True, "reason": "webhook_approved"}],
    )
