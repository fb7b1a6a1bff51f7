"""Purchases that a funding card paid, and what the rewards book holds of them."""

from typing import Any

from issuing.models import RewardEntry, VirtualCard
from issuing.models.rewards import SIGNED
from onecard.kit.transactions import transaction
from tests.support import stripe_events
from tests.support.factories import CardholderFactory, FundingMethodFactory, RankingRowFactory, VirtualCardFactory
from tests.support.wallets import walkthrough_card
from wallet import locking as wallet_locking
from wallet.charges import outcomes
from wallet.models import FundingCharge, FundingRefund
from wallet.processors.base import Outcome, RefundOutcome
from wallet.refunds import records as refunds

TOTALS = "admin:issuing_rewardentry_totals"
NOTHING = dict.fromkeys(SIGNED, 0)


def bought(card: VirtualCard | None = None, amount: int = 4500, **more: Any) -> FundingCharge:
    """A purchase that was approved and whose routed charge succeeded."""
    card = card or walkthrough_card()
    currency = more.pop("currency", "usd")
    asked = stripe_events.authorization_request(card=card.issuer_card_id, amount=amount, currency=currency, **more)
    assert stripe_events.post(asked).json()["approved"] is True
    return paid(FundingCharge.objects.latest("pk"))


def paid(charge: FundingCharge) -> FundingCharge:
    FundingCharge.objects.filter(pk=charge.pk).update(status="sending")
    name = f"pi_{charge.pk}"
    assert outcomes.record(charge_id=charge.pk, outcome=Outcome("succeeded", name), actor="processor:stripe")
    charge.refresh_from_db()
    return charge


def refunded(charge: FundingCharge, amount: int) -> FundingRefund:
    refund = begun(charge, amount)
    ended(refund, "succeeded")
    return refund


def begun(charge: FundingCharge, amount: int) -> FundingRefund:
    """A refund that is on its way."""
    with transaction():
        obligation = wallet_locking.lock(charge.obligation_id)
        return refunds.begin(obligation=obligation, amount_minor=amount, reason="Given back.", actor="system:test")


def ended(refund: FundingRefund, status: str) -> None:
    if status == "succeeded":
        FundingRefund.objects.filter(pk=refund.pk).update(status="sending")
    outcome = RefundOutcome(status, processor_refund_id=f"re_{refund.pk}")
    assert refunds.record(refund_id=refund.pk, outcome=outcome, actor="processor:stripe")


def sums() -> dict[str, int]:
    return {name: sum(RewardEntry.objects.values_list(name, flat=True)) for name in SIGNED}


def one_card_wallet(kind: str, rate: object, currency: str = "USD") -> VirtualCard:
    """Its one card is the backup, too."""
    holder = CardholderFactory()
    FundingMethodFactory(cardholder=holder, is_backup=True, currencies=[currency])
    RankingRowFactory(reward_rate=rate, reward_type=kind)
    return VirtualCardFactory(cardholder=holder, currency=currency)
