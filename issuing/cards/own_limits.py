"""The holder of a card sets its limits, up to the ceilings that staff give."""

from collections.abc import Callable

from issuing.cards import service as cards
from issuing.errors import LimitTooHighError
from issuing.issuers.base import Limits
from issuing.limits.cardholder_limits import FIELDS, ceilings_of, limits_of
from issuing.models import VirtualCard
from onecard.kit.money import Money

NAMES = dict(zip(FIELDS, ("limit for one purchase", "daily limit", "monthly limit"), strict=True))


def set_limits(
    card: VirtualCard, changes: dict[str, int], *, requested_by: str, check: Callable[[VirtualCard], None]
) -> VirtualCard:
    """Sets the limits that its holder names, at once; the others stay. `check` sees the card under its lock.

    Raises LimitTooHighError where one is raised above its ceiling, CardRefusedError, and ReadOnlyError.
    """

    def check_all(locked: VirtualCard) -> Limits:
        check(locked)
        refuse_too_high(locked, changes)
        now = limits_of(locked)
        return Limits(**{name: changes.get(name, getattr(now, name)) for name in FIELDS}, currency=card.currency)

    return cards.change_limits(card=card, wanted=check_all, requested_by=requested_by)


def refuse_too_high(card: VirtualCard, changes: dict[str, int]) -> None:
    """Raises LimitTooHighError naming each limit that would be above its ceiling, with the ceiling."""
    ceilings = ceilings_of(card)
    most = {name: Money(getattr(ceilings, name), card.currency) for name in FIELDS}
    errors = {
        name.removesuffix("_minor"): [f"Your {NAMES[name]} can be {most[name]} at most."]
        for name, minor in changes.items()
        if minor > most[name].minor
    }
    if errors:
        sentences = " ".join(sentence for each in errors.values() for sentence in each)
        raise LimitTooHighError(sentences, errors=errors)
