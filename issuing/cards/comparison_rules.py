"""The rules that resolve a difference between a card here and at its issuer; pure.

1. Status: the stricter side wins. If the issuer froze or closed a card, so do we. If we did and the issuer did not, we
ask it again. A card that is active here and was never activated there is activated there again. A report by the issuer
never makes a card usable here: only a person's request does (docs/decisions/0012-issuer-sync.md).

2. Limits: ours count, since we enforce them; they are sent to the issuer again.

3. What is printed on the card: the issuer's counts.

Staff resolve anything else.
"""

from dataclasses import dataclass

from issuing import states
from issuing.issuers.base import IssuedCard, Limits
from issuing.models import CardChange, SyncDifference, VirtualCard

Kind, Resolution = SyncDifference.Kind, SyncDifference.Resolution
# How strict a state is; a pending card buys nothing either.
STRICTNESS: dict[str, int] = {
    states.Card.ACTIVE: 0,
    states.Card.PENDING: 1,
    states.Card.FROZEN: 2,
    states.Card.SUSPENDED: 3,
    states.Card.CLOSED: 4,
}
# The request that makes the issuer as strict as we are.
PUSHES: dict[str, str] = {
    states.Card.FROZEN: CardChange.Kind.FREEZE,
    states.Card.SUSPENDED: CardChange.Kind.FREEZE,
    states.Card.CLOSED: CardChange.Kind.CLOSE,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: each side's value, and how it is resolved."""

    kind: str
    ours: str
    theirs: str
    resolution: str
    push: str = ""
    changes: tuple[tuple[str, object], ...] = ()


def compare(card: VirtualCard, theirs: IssuedCard, *, with_limits: bool) -> list[Finding]:
    """Returns the differences between our card and the issuer's; `with_limits` when its limits can be compared."""
    found = [_status(card.status, theirs.status), _details(card, theirs)]
    if with_limits and card.status != states.Card.CLOSED:
        found.append(_limits(card, theirs))
    return [finding for finding in found if finding is not None]


def _status(ours: str, theirs: str) -> Finding | None:
    if ours == theirs or (ours == states.Card.SUSPENDED and theirs == states.Card.FROZEN):
        return None
    if ours == states.Card.ACTIVE and theirs == states.Card.PENDING:
        return Finding(Kind.STATUS, ours, theirs, Resolution.PUSHED, push=CardChange.Kind.ACTIVATE)
    if STRICTNESS[theirs] > STRICTNESS[ours] and theirs in _reachable(ours):
        return Finding(Kind.STATUS, ours, theirs, Resolution.TAKEN_OVER, changes=(("status", theirs),))
    if STRICTNESS[ours] > STRICTNESS[theirs] and ours in PUSHES:
        return Finding(Kind.STATUS, ours, theirs, Resolution.PUSHED, push=PUSHES[ours])
    return Finding(Kind.STATUS, ours, theirs, Resolution.OPEN)


def _reachable(status: str) -> frozenset[str]:
    return states.CARD_MOVES[status]


def _limits(card: VirtualCard, theirs: IssuedCard) -> Finding | None:
    ours = Limits(card.per_transaction_limit_minor, card.daily_limit_minor, card.monthly_limit_minor)
    if ours == theirs.limits:
        return None
    return Finding(Kind.LIMITS, _words(ours), _words(theirs.limits), Resolution.PUSHED, push=CardChange.Kind.LIMITS)


def _details(card: VirtualCard, theirs: IssuedCard) -> Finding | None:
    fields = ("last_four", "expiry_month", "expiry_year")
    changes = tuple((name, getattr(theirs, name)) for name in fields if getattr(card, name) != getattr(theirs, name))
    if not changes:
        return None
    printed = f"•••• {theirs.last_four} {theirs.expiry_month}/{theirs.expiry_year}"
    ours = f"•••• {card.last_four} {card.expiry_month}/{card.expiry_year}"
    return Finding(Kind.DETAILS, ours, printed, Resolution.TAKEN_OVER, changes=changes)


def _words(limits: Limits | None) -> str:
    if limits is None:
        return "none"
    return f"{limits.per_transaction_minor} / {limits.daily_minor} / {limits.monthly_minor}"
