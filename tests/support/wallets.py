"""Wallets that several tests start from."""

import uuid
from typing import Any

from issuing.models import VirtualCard
from routing.catalogue import drafting
from routing.models import RankingRow
from routing.value.catalogue_file import SHIPPED
from tests.support import marqeta_events
from tests.support.factories import CardholderFactory, FundingMethodFactory, RankingRowFactory, VirtualCardFactory
from wallet.models import Cardholder, CardProduct, FundingMethod

WALKTHROUGH = (
    ("visa", 1, "points", False),
    ("amex", 4, "points", False),
    ("mastercard", 3, "points", True),
    ("discover", 1, "default", False),
)


def walkthrough_card(**card: object) -> VirtualCard:
    """The walkthrough's wallet with its rows at MCC 5812; `card` changes the virtual card."""
    holder = CardholderFactory(preference="cash")
    # In two statements, since hundreds of tests begin with this.
    FundingMethod.objects.bulk_create(
        FundingMethodFactory.build(cardholder=holder, network=network, is_backup=backup, position=place, product=None)
        for place, (network, _rate, _kind, backup) in enumerate(WALKTHROUGH, start=1)
    )
    RankingRow.objects.bulk_create(
        RankingRowFactory.build(mcc="5812", network=network, reward_rate=rate, reward_type=kind)
        for network, rate, kind, _backup in WALKTHROUGH
    )
    return VirtualCardFactory(cardholder=holder, **card)


# The walkthrough's cards, with the products of the shipped catalogue.
CARD_NAMES = {"8431": "American Express Gold Card", "4242": "Chase Sapphire Reserve", "4444": "Citi Double Cash Card"}
OF_NETWORK = {
    "visa": ("4242", "chase-sapphire-reserve"),
    "amex": ("8431", "amex-gold"),
    "mastercard": ("4444", "citi-double-cash"),
    "discover": ("1117", "discover-it-cash-back"),
}


def valued_card(**card: object) -> VirtualCard:
    """The walkthrough's wallet with the shipped terms of its cards; its person wants the most money."""
    drafting.publish_file(SHIPPED, command="test")
    made = walkthrough_card(**card)
    made.cardholder.preference = "value"
    made.cardholder.save()
    for network, (last_four, key) in OF_NETWORK.items():
        product = CardProduct.objects.get(key=key)
        made.cardholder.funding_methods.filter(network=network).update(last_four=last_four, product=product)
    made.cardholder.refresh_from_db()
    return made


def named_valued_card(settings: Any) -> VirtualCard:
    """The same, with the names that people know the cards by, where the merchant's category is passed through."""
    settings.MERCHANT_MCC_PASSED_THROUGH = True
    card = valued_card()
    for last_four, name in CARD_NAMES.items():
        card.cardholder.funding_methods.filter(last_four=last_four).update(name=name)
    return card


def copy_wallet(one: Cardholder, other: Cardholder) -> None:
    """Gives another person the same funding cards, saved at the processor under ids of their own."""
    for method in one.funding_methods.all():
        method.pk, method.public_id, method.cardholder = None, uuid.uuid4(), other
        method.processor_method_id = f"pm_of_{other.pk}_{method.position}"
        method.save(force_insert=True)


def marqeta_card(**values: Any) -> VirtualCard:
    return walkthrough_card(issuer_provider="marqeta", issuer_card_id=marqeta_events.token(), **values)
