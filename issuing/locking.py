"""The one order of locks on the issuing side, so that nothing waits in a circle: cards, purchases, then names.

After these come those of the wallet. All are held to the end of the transaction, and one that it holds already is not
asked for again (onecard.kit.transactions).
"""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet

from issuing.models import Authorization, CardTransaction, VirtualCard
from onecard.kit.transactions import lock_name, takes_lock


def lock_issuer_card(provider: str, issuer_card_id: str) -> int | None:
    """The first lock of every change to an authorization, as in the committing statement; gives the card's key."""
    found = _locked(VirtualCard.objects.filter(issuer_provider=provider, issuer_card_id=issuer_card_id))
    card_id = found.values_list("pk", flat=True).first()
    if card_id is not None:
        takes_lock(_name(card_id))
    return card_id


def lock_card(card_id: int | None) -> None:
    """The same for a card that is known, or for none."""
    if card_id is not None and takes_lock(_name(card_id)):
        _locked(VirtualCard.objects.filter(pk=card_id)).values("pk").first()


def lock_cards(card_ids: Iterable[int | None]) -> None:
    """The same for several cards that are known."""
    for card_id in sorted(each for each in card_ids if each is not None):
        lock_card(card_id)


def lock_cards_of(provider: str, *, issuer_card_id: str, named: str) -> None:
    """The first lock of a movement: the card that it names, and that of the purchase or capture that it names."""
    cards = cards_of(provider, issuer_card_id=issuer_card_id, named=named)
    for card_id in _locked(cards).order_by("pk").values_list("pk", flat=True):
        takes_lock(_name(card_id))


def cards_of(provider: str, *, issuer_card_id: str, named: str) -> QuerySet[VirtualCard]:
    """The cards that a movement is about. Each way to one has its index; a condition with OR would read all cards."""
    ways: list[QuerySet[Any, Any]] = []
    if issuer_card_id:
        cards = VirtualCard.objects.filter(issuer_provider=provider, issuer_card_id=issuer_card_id)
        ways = [cards.values_list("pk")]
    if named:
        purchases = Authorization.objects.filter(provider=provider, issuer_authorization_id=named)
        captures = CardTransaction.objects.filter(provider=provider, issuer_transaction_id=named)
        # A capture's own card too: its purchase may be told, or said by a person, only now.
        ways += [
            purchases.values_list("card"),
            captures.values_list("authorization__card"),
            captures.values_list("card"),
        ]
    if not ways:
        return VirtualCard.objects.none()
    return VirtualCard.objects.filter(pk__in=ways[0].union(*ways[1:], all=True))


def lock_purchase(provider: str, issuer_authorization_id: str) -> None:
    """A movement and its purchase that come at once must see each other, and there may be no row yet to lock.

    After all row locks of the card's side, and before those of the wallet's.
    """
    if issuer_authorization_id:
        lock_name(f"onecard.purchase:{provider}:{issuer_authorization_id}")


def _locked(cards: QuerySet[VirtualCard]) -> QuerySet[VirtualCard]:
    return cards.select_for_update(no_key=True, of=("self",))


def _name(card_id: int) -> str:
    return f"issuing.card:{card_id}"
