"""Decides which saved cards come into a wallet, and makes the row of each from what the processor says.

Prepaid cards are refused. No bank stands in for them when One Card has approved a purchase, and their balance can be
gone by the time they are charged.
"""

from dataclasses import dataclass
from typing import Final

from audit import trail
from onecard.kit.errors import OneCardError
from wallet.methods import card_details
from wallet.methods.edits import edit
from wallet.models import Cardholder, CardProduct, FundingMethod, FundingType, Network
from wallet.processors.stripe.saving import Setup

Status = FundingMethod.Status
MOST_CARDS: Final = 50


class CardRefusedError(OneCardError):
    """The processor saved the card, and the wallet does not take it; the message is fit for the cardholder's eyes."""

    code = "card_refused"

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class ProductMismatchError(OneCardError):
    """The product is of another network than the card."""

    code = "product_of_other_network"

    def __init__(self, product: CardProduct, network: str) -> None:
        label = Network(network).label
        super().__init__(f"{product} is a {product.get_network_display()} card, and this card is {label}.")
        self.errors = {"product": [self.message]}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a card is not taken; `is_foreign_to_wallet` unless the wallet uses the very same saved card already."""

    code: str
    message: str
    is_foreign_to_wallet: bool = True


def why_not(wallet: Cardholder, found: Setup) -> Refusal | None:
    """Returns why the saved card cannot come into the wallet, or None. Under the wallet's lock."""
    card = found.method
    if card is None or not card.last_four or not card.expiry_year:
        return Refusal("card_unreadable", "The processor says too little of this card to use it: try another one.")
    if card.network not in Network.values:
        names = ", ".join(str(network.label) for network in Network)
        return Refusal("network_not_supported", f"This card's network is not supported. Supported are {names}.")
    if card.funding_type == FundingType.PREPAID:
        return Refusal("prepaid_not_accepted", "Prepaid cards are not accepted: add a credit or debit card.")
    kept = wallet.funding_methods.exclude(status=Status.DETACHED)
    if same := kept.filter(processor_method_id=found.method_id).first():
        return Refusal("card_already_added", f"{same} is in your wallet already.", is_foreign_to_wallet=False)
    if card.fingerprint and (same := kept.filter(fingerprint=card.fingerprint).first()):
        return Refusal("card_already_added", f"This card is in your wallet already, as {same}.")
    if FundingMethod.objects.filter(processor_method_id=found.method_id).exists():
        return Refusal("card_already_added", "This saved card was used before: enter the card anew.")
    if kept.count() >= MOST_CARDS:
        return Refusal("too_many_cards", f"A wallet holds {MOST_CARDS} cards: remove one first.")
    return None


def add(wallet: Cardholder, found: Setup, *, product: CardProduct | None, name: str, actor: str) -> FundingMethod:
    """Makes the row of a saved card that `why_not` accepts. The first usable card of a wallet becomes its backup card.

    Raises ProductMismatchError.
    """
    card = found.method
    assert card is not None  # noqa: S101  (why_not refuses it)
    refuse_other_network(product, card.network)
    kept = wallet.funding_methods.exclude(status=Status.DETACHED)
    method = FundingMethod.objects.create(
        cardholder=wallet,
        product=product,
        name=name or (product.name if product else str(Network(card.network).label)),
        **card_details.details(card),
        processor_method_id=found.method_id,
        is_backup=not wallet.funding_methods.filter(is_backup=True).exists(),
        position=max(kept.values_list("position", flat=True), default=0) + 1,
    )
    trail.record(
        actor=actor,
        action="method.added",
        subject=method,
        network=method.network,
        last_four=method.last_four,
        funding_type=method.funding_type,
        product=product.key if product else "",
    )
    return method


def describe(method: FundingMethod, *, product: CardProduct | None, name: str, actor: str) -> None:
    """Gives a card that came in without them the product and name that its owner chose. Under the wallet's lock.

    Raises ProductMismatchError.
    """
    refuse_other_network(product, method.network)
    chosen = name or (product.name if product else method.name)
    edit(method, actor=actor, product=product or method.product, name=chosen)


def refuse_other_network(product: CardProduct | None, network: str) -> None:
    """Raises ProductMismatchError when the product is not of the card's network."""
    if product is not None and product.network != network:
        raise ProductMismatchError(product, network)
