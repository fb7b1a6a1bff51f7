"""The rule by which a difference between a card here and at its issuer is resolved; pure.

1. Status: the stricter side wins. The issuer froze or closed a card: so do we. We did, and the issuer does not know: it
   is told again. A card that is active here and never became so there is activated there again. Nothing is ever made
   usable here because the issuer says so: that a person asks for (docs/decisions/0012-issuer-sync.md).
2. Limits: ours are the truth, since we enforce them; the issuer is told again.
3. What is printed on the card: the issuer's.
Anything else is left for a person.
"""

from dataclasses import dataclass

from issuing import states
from issuing.issuers.base import IssuedCard, Limits
from issuing.models import CardChange, SyncDifference, VirtualCard

Kind, Resolution = SyncDifference.Kind, SyncDifference.Resolution
# How much a state takes away; a card that is still pending buys nothing either.
STRICTNESS: dict[str, int] = {
    states.Card.ACTIVE: 0,
    states.Card.PENDING: 1,
    states.Card.FROZEN: 2,
    states.Card.SUSPENDED: 3,
    states.Card.CLOSED: 4,
}
# What the issuer is asked for so that it is as strict as we are.
PUSHES: dict[str, str] = {
    states.Card.FROZEN: CardChange.Kind.FREEZE,
    states.Card.SUSPENDED: CardChange.Kind.FREEZE,
    states.Card.CLOSED: CardChange.Kind.CLOSE,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: what each side says, and what becomes of it."""

    kind: str
    ours: str
    theirs: str
    resolution: str
    push: str = ""
    changes: tuple[tuple[str, object], ...] = ()


def compare(card: VirtualCard, theirs: IssuedCard, *, with_limits: bool) -> list[Finding]:
    """What differs between a card of ours and the issuer's; `with_limits` when its limits can be compared."""
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
