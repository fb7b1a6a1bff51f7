"""What a person changes about their cards: names, products, the backup card, the order, and the preference."""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from audit import trail
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.transactions import transaction
from wallet.methods import admission, detachment, earning
from wallet.methods import usable as methods
from wallet.methods.edits import edit
from wallet.models import Cardholder, FundingMethod

Check = Callable[[Any], object]


class CardRemovedError(OneCardError):
    """The card is not in the wallet any more."""

    code = "funding_card_removed"


class BackupCannotPayError(OneCardError):
    """A card that cannot pay cannot be the backup card."""

    code = "backup_cannot_pay"

    def __init__(self, method: FundingMethod) -> None:
        super().__init__(f"{method} cannot pay, so it cannot be the backup card. Choose another one.")
        self.errors = {"is_backup": [self.message]}


class OrderError(OneCardError):
    """The new order does not name each card of the wallet once."""

    code = "order_incomplete"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.errors = {"order": [message]}


def cards_of(holder: Cardholder) -> list[FundingMethod]:
    """Returns the cards in the wallet's order, without those that the person removed."""
    kept = holder.funding_methods.filter(detachment=None).select_related("product", "cardholder", "detachment")
    return list(kept.order_by("position", "pk"))


def change(holder: Cardholder, method_id: int, *, actor: str, check: Check, **wanted: Any) -> FundingMethod:
    """Changes `name`, `product`, `is_backup` or `position` (from 1) of a card and returns it.

    Beside them it changes what its owner says of its rewards: `statement_day`, `opened_on`, `activated_quarters` and
    `choices` (wallet/methods/earning.py).

    `check` may refuse the card as it is under the wallet's lock. Making a card the backup takes that from the one that
    was it. Raises CardRemovedError, ProductMismatchError and
    BackupCannotPayError.
    """
    with transaction():
        wallet = methods.lock_wallet(holder.pk)
        method = wallet.funding_methods.select_related("product").get(pk=method_id)
        check(method)
        if detachment.is_removed(method):
            raise CardRemovedError("You removed this card: add it anew.")
        place = wanted.pop("position", None)
        wanted = _rewards(method, wanted)
        admission.refuse_other_network(wanted.get("product"), method.network)
        if wanted.get("is_backup"):
            if method.status != FundingMethod.Status.ACTIVE:
                raise BackupCannotPayError(method)
            for other in wallet.funding_methods.filter(is_backup=True).exclude(pk=method.pk):
                edit(other, actor=actor, is_backup=False)
        edit(method, actor=actor, **wanted)
        if place is not None:
            _place(wallet, method, place, actor)
        return wallet.funding_methods.select_related("product", "cardholder").get(pk=method_id)


def reorder(holder: Cardholder, order: Sequence[UUID], *, actor: str, check: Check) -> None:
    """Puts the wallet's cards into a new order; `check` may refuse the present one. Raises OrderError."""
    with transaction():
        cards = cards_of(methods.lock_wallet(holder.pk))
        check(cards)
        by_id = {card.public_id: card for card in cards}
        if sorted(order) != sorted(by_id):
            raise OrderError(f"Name each of your {len(cards)} cards once, in the new order.")
        _number([by_id[public_id] for public_id in order], actor)


def prefer(holder: Cardholder, preference: str, *, actor: str, check: Check) -> Cardholder:
    """Changes which rewards the person wants to earn, and returns the wallet."""
    return change_wallet(holder, actor=actor, check=check, preference=preference)


def change_wallet(holder: Cardholder, *, actor: str, check: Check, **wanted: Any) -> Cardholder:
    """Changes `preference` or `point_cents` of a wallet and returns it; raises EarningRefusedError for bad cents."""
    if "point_cents" in wanted:
        wanted["point_cents"] = earning.cents(wanted["point_cents"])
    with transaction():
        wallet = methods.lock_wallet(holder.pk)
        check(wallet)
        new = {name: value for name, value in wanted.items() if getattr(wallet, name) != value}
        if new:
            changes = {name: [getattr(wallet, name), value] for name, value in new.items()}
            Cardholder.objects.filter(pk=wallet.pk).update(**new, updated_at=clock.now())
            trail.record(actor=actor, action="wallet.changed", subject=wallet, changes=changes)
        return Cardholder.objects.get(pk=wallet.pk)


def _rewards(method: FundingMethod, wanted: dict[str, Any]) -> dict[str, Any]:
    """Returns what is wanted with the reward fields as the row has them."""
    kept = {name: value for name, value in wanted.items() if name not in ("activated_quarters", "choices")}
    if "activated_quarters" in wanted:
        kept["activations"] = earning.activated(wanted["activated_quarters"], known=method.activations)
    if "choices" in wanted:
        kept["choices"] = earning.chosen(wanted["choices"])
    return kept


def _place(wallet: Cardholder, method: FundingMethod, place: int, actor: str) -> None:
    cards = [card for card in cards_of(wallet) if card.pk != method.pk]
    cards.insert(place - 1, method)
    _number(cards, actor)


def _number(cards: Sequence[FundingMethod], actor: str) -> None:
    for place, card in enumerate(cards, start=1):
        edit(card, actor=actor, position=place)
