"""What restricts a card holds here at once, because its issuer may be slow: frozen, or closed for good."""

import uuid
from collections.abc import Mapping

from issuing import states
from issuing.card_data.vault import erase_card_data
from issuing.cards import card_notices, holder_rights
from issuing.cards.change_records import intend, supersede
from issuing.errors import CardRefusedError
from issuing.models import CardChange, VirtualCard
from onecard.kit import clock
from onecard.kit.transitions import sources_of

MAKES_USABLE = (CardChange.Kind.ACTIVATE, CardChange.Kind.UNFREEZE)


def restrict(
    locked: VirtualCard, kind: str, target: str, *, reason: str, requested_by: str, key: uuid.UUID | None = None
) -> CardChange:
    """Freezes or closes a locked card here, in the caller's transaction, and records that its issuer is asked to.

    Raises CardRefusedError for a card in a state that does not allow it.
    """
    who = {"frozen_by": holder_rights.stopper(locked, requested_by)} if target == states.Card.FROZEN else {}
    movable = {*sources_of(states.CARD_MOVES, target), *([target] if _is_frozen_anew(locked, target, who) else ())}
    rows = VirtualCard.objects.filter(pk=locked.pk, status__in=movable)
    if rows.update(status=target, updated_at=clock.now(), **who) != 1:
        raise not_in_this_state(locked)
    if target == states.Card.CLOSED:
        erase_card_data(locked, actor=requested_by)
    # Unsent requests that would make the card usable again are cancelled.
    supersede(locked, MAKES_USABLE)
    change = intend(locked, kind, requested_by=requested_by, reason=reason, key=key)
    card_notices.status_changed(locked, target, cause=f"change:{change.key}")
    return change


def _is_frozen_anew(locked: VirtualCard, target: str, who: Mapping[str, str]) -> bool:
    """Whether freezing a frozen card changes something: it is being unfrozen, or only its holder had frozen it."""
    if not who or locked.status != target:
        return False
    usable_soon = CardChange.objects.filter(card=locked, kind__in=MAKES_USABLE, status__in=states.OPEN_CHANGE)
    was = holder_rights.stopped_by(locked)
    return usable_soon.exists() or (was == states.Stopper.HOLDER and who["frozen_by"] != was)


def not_in_this_state(card: VirtualCard) -> CardRefusedError:
    """Returns the refusal of what this card's state does not allow."""
    return CardRefusedError(f"This card is {card.get_status_display().lower()}, so this cannot be done with it.")
