"""What a card's own balance paid of a purchase, for refunds by staff (wallet/entered/purchase_refunds.py).

The app of the cards keeps balances. It registers here how one is read, locked and given back to.
"""

from collections.abc import Callable
from dataclasses import dataclass

from onecard.kit.money import Money
from wallet.models import Cardholder


@dataclass(frozen=True, slots=True)
class BalancePart:
    """What the balance of a card paid of a purchase and can get back, and what staff gave back to it so far.

    `card` is its name for staff. `why_not` says why nothing can go back although it paid, or is "".
    """

    card: str
    cardholder: Cardholder
    left: Money
    given_back: Money
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class CardBalances:
    """How the balances of cards are reached; each function takes a purchase's reference, such as authorization:17.

    `read` returns None for a purchase of which no balance paid a part. `lock` takes the locks of card and purchase in
    the caller's transaction, before those of the wallet. `give_back(purchase, amount, reason, actor)` runs under them.
    """

    read: Callable[[str, str], BalancePart | None] = lambda _purchase, _currency: None
    lock: Callable[[str], None] = lambda _purchase: None
    give_back: Callable[[str, Money, str, str], None] = lambda *_args: None


_registered = [CardBalances()]


def register(balances: CardBalances) -> None:
    """Registers how balances are reached. The app that keeps them calls it when it is loaded."""
    _registered[:] = [balances]


def registered() -> CardBalances:
    """Returns how balances are reached; without an app that keeps them, there are none."""
    return _registered[0]
