"""Checks that the card, cardholder, purchase and capture that an event names belong together.

Webhooks, the sync and missed events all ask here. An event never crosses cardholders: one that names things of two
people is stored, moves no money, and opens a case (docs/decisions/0028).
"""

from dataclasses import dataclass

from issuing.models import Authorization, CardTransaction, IssuerAccount, VirtualCard
from onecard.kit.errors import OneCardError
from onecard.kit.money import Money
from wallet.models import Cardholder

# A card is usually replaced once; the bound ends a walk along rows that name each other.
MOST_REPLACEMENTS = 10


class ContradictionError(OneCardError):
    """An event names things that do not belong together; the message says which. Nothing was applied."""

    code = "event_contradiction"

    def __init__(self, message: str, money: Money) -> None:
        super().__init__(message)
        self.money = money


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The issuer's ids that an event names, "" for what it does not name. `purchase` may be a capture's id."""

    provider: str
    card: str
    purchase: str = ""
    cardholder: str = ""


def contradiction(named: Named) -> str:
    """Returns why an event's references do not belong together, as a sentence for staff; "" where they do.

    What is unknown here contradicts nothing. It is checked when it is reported
    (issuing/clearing/card_transactions.py).
    """
    card = _find_card(named.provider, named.card)
    return _with_cardholder(named, card) or (_with_purchase(named, card) if named.purchase else "")


def purchase_of(provider: str, named: str) -> Authorization | None:
    """Returns the purchase with a capture of this id, or with this id; None while it is unknown.

    A capture without an authorization has a purchase under its own id. Once staff have moved the capture to another
    purchase, its id means that purchase.
    """
    captured = CardTransaction.objects.filter(provider=provider, issuer_transaction_id=named)
    own = Authorization.objects.filter(provider=provider, issuer_authorization_id=named)
    both = captured.exclude(authorization=None).values("authorization").union(own.values("pk"), all=True)
    found = Authorization.objects.select_related("card__cardholder").filter(pk__in=both)
    return min(found, key=lambda each: each.issuer_authorization_id == named, default=None)


def with_purchase(*, issuer_card_id: str, card: VirtualCard | None, purchase: Authorization) -> str:
    """Makes the same check for the card that an event named and the purchase that it was matched to."""
    home, home_id = _home(purchase)
    if not issuer_card_id or not home_id or issuer_card_id == home_id or is_same_card(card, home):
        return ""
    name = purchase.issuer_authorization_id
    return f"The event names {_card(card, issuer_card_id)}, and {name} is a purchase of {_card(home, home_id)}."


def is_same_card(one: VirtualCard | None, other: VirtualCard | None) -> bool:
    """Returns whether both are one card, or one replaced the other for the same cardholder."""
    if one is None or other is None or one.cardholder_id != other.cardholder_id:
        return False
    return other.pk in _with_earlier(one) or one.pk in _with_earlier(other)


def is_same_holder(one: VirtualCard | None, other: VirtualCard | None) -> bool:
    """Returns whether both cards are known and belong to one cardholder."""
    return one is not None and other is not None and one.cardholder_id == other.cardholder_id


def _with_cardholder(named: Named, card: VirtualCard | None) -> str:
    """Checks a named cardholder against the named card. An unknown cardholder contradicts nothing."""
    person = _find_person(named.provider, named.cardholder)
    if card is None or person is None or card.cardholder_id == person.pk:
        return ""
    return f"The event names the cardholder {person} ({named.cardholder}), and {_card(card, named.card)}."


def _with_purchase(named: Named, card: VirtualCard | None) -> str:
    purchase = purchase_of(named.provider, named.purchase)
    if purchase is not None:
        return with_purchase(issuer_card_id=named.card, card=card, purchase=purchase)
    captures = CardTransaction.objects.select_related("card__cardholder")
    capture = captures.filter(provider=named.provider, issuer_transaction_id=named.purchase).first()
    return _with_capture(named, card, capture) if capture is not None else ""


def _with_capture(named: Named, card: VirtualCard | None, capture: CardTransaction) -> str:
    """Checks a known card when the capture's purchase is not known yet."""
    captured_on = capture.issuer_card_id or (capture.card.issuer_card_id if capture.card else "")
    if not captured_on or not named.card or captured_on == named.card or is_same_card(card, capture.card):
        return ""
    return (
        f"The event names {_card(card, named.card)}, and {named.purchase} moved on {_card(capture.card, captured_on)}."
    )


def _home(purchase: Authorization) -> tuple[VirtualCard | None, str]:
    """Returns a purchase's card; if the purchase named no known card, the card of its first card transaction."""
    if purchase.card is not None:
        return purchase.card, purchase.card.issuer_card_id
    moved = CardTransaction.objects.select_related("card__cardholder").filter(authorization=purchase)
    first = moved.exclude(issuer_card_id="").order_by("pk").first()
    return (first.card, first.issuer_card_id) if first else (None, "")


def _with_earlier(card: VirtualCard) -> set[int]:
    """Returns a card and the cards that it replaced."""
    found, earlier = {card.pk}, card.replaces_id
    while earlier is not None and len(found) < MOST_REPLACEMENTS:
        found.add(earlier)
        earlier = VirtualCard.objects.filter(pk=earlier).values_list("replaces", flat=True).first()
    return found


def _find_card(provider: str, issuer_card_id: str) -> VirtualCard | None:
    cards = VirtualCard.objects.select_related("cardholder").filter(issuer_provider=provider)
    return cards.filter(issuer_card_id=issuer_card_id).first() if issuer_card_id else None


def _find_person(provider: str, issuer_cardholder_id: str) -> Cardholder | None:
    if not issuer_cardholder_id:
        return None
    accounts = IssuerAccount.objects.select_related("cardholder").filter(provider=provider)
    account = accounts.filter(issuer_cardholder_id=issuer_cardholder_id).first()
    return account.cardholder if account else None


def _card(card: VirtualCard | None, issuer_card_id: str) -> str:
    return f"{card} of {card.cardholder}" if card else f"the card {issuer_card_id}, which nobody here has"
