"""Tells a person that their card was frozen, became usable or was closed, in the transaction that made it so."""

from typing import Final

from issuing import states
from issuing.models import VirtualCard
from onecard.notices import services as notices
from onecard.notices.kinds import Kind
from wallet.references import Subject

KINDS: Final = {
    states.Card.FROZEN: Kind.CARD_FROZEN,
    states.Card.SUSPENDED: Kind.CARD_FROZEN,
    states.Card.ACTIVE: Kind.CARD_UNFROZEN,
    states.Card.CLOSED: Kind.CARD_CLOSED,
}
WORDS: Final = {
    states.Card.FROZEN: "{card} is frozen: it makes no new purchases until it is unfrozen.",
    states.Card.SUSPENDED: "{card} was suspended: it makes no new purchases. Only we or the issuer can end that.",
    states.Card.ACTIVE: "{card} can be used.",
    states.Card.CLOSED: "{card} is closed for good. What was bought with it before is still charged or refunded.",
}


def status_changed(card: VirtualCard, status: str, *, cause: str) -> None:
    """Writes the notice of a card's new status; `cause` is the change or difference that made it so."""
    state = states.Card(status)
    if state not in KINDS:
        return
    name = f"Your One Card ending in {card.last_four}" if card.last_four else "Your One Card"
    notices.write(
        user_id=card.cardholder.user_id,
        kind=KINDS[state],
        cause=f"{cause}:{state.value}",
        text=WORDS[state].format(card=name),
        reference=f"{Subject.CARD.value}:{card.public_id}",
    )
