"""Wallets that several tests start from."""

from typing import Any

from issuing.models import VirtualCard
from tests import marqeta_events
from tests.factories import CardholderFactory, FundingMethodFactory, RankingRowFactory, VirtualCardFactory

WALKTHROUGH = (
    ("visa", 1, "points", False),
    ("amex", 4, "points", False),
    ("mastercard", 3, "points", True),
    ("discover", 1, "default", False),
)


def walkthrough_card(**card: object) -> VirtualCard:
    """The walkthrough's wallet with its rows at MCC 5812; `card` changes the virtual card."""
    holder = CardholderFactory(preference="cash")
    for place, (network, rate, kind, backup) in enumerate(WALKTHROUGH, start=1):
        FundingMethodFactory(cardholder=holder, network=network, is_backup=backup, position=place, product=None)
        RankingRowFactory(mcc="5812", network=network, reward_rate=rate, reward_type=kind)
    return VirtualCardFactory(cardholder=holder, **card)


def marqeta_card(**values: Any) -> VirtualCard:
    return walkthrough_card(issuer_provider="marqeta", issuer_card_id=marqeta_events.token(), **values)
