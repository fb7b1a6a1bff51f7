"""What restricts a card holds here at once, because its issuer may be slow: frozen, or closed for good."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.card_data.vault import erase_card_data
from issuing.cards import card_notices, holder_rights
from issuing.cards.change_records import intend, supersede
from issuing.errors import CardRefusedError
from issuing.models import CardChange, VirtualCard
from onecard.kit import clock
from onecard.kit.sentences import in_a_sentence
from onecard.kit.transitions import sources_of

MAKES_USABLE = (CardChange.Kind.ACTIVATE, CardChange.Kind.UNFREEZE)


@dataclass(frozen=True, slots=True)
class Asked:
    """Why somebody wants a card frozen or closed, who, and the key of the request, if it has one.

    With `is_recorded_anyway` the freeze of a card that is frozen already is recorded too.
    """

    reason: str
    requested_by: str
    key: uuid.UUID | None = None
    is_recorded_anyway: bool = False


def restrict(locked: VirtualCard, kind: str, target: str, asked: Asked) -> CardChange:
    """Freezes or closes a locked card here, in the caller's transaction, and records that its issuer is asked to.

    Raises CardRefusedError for a card in a state that does not allow it.
    """
    who = _stopper(locked, asked) if target == states.Card.FROZEN else {}
    is_anew = asked.is_recorded_anyway or _is_frozen_anew(locked, target, who)
    movable = {*sources_of(states.CARD_MOVES, target), *([target] if is_anew else ())}
    rows = VirtualCard.objects.filter(pk=locked.pk, status__in=movable)
    if rows.update(status=target, updated_at=clock.now(), **who) != 1:
        raise not_in_this_state(locked)
    if target == states.Card.CLOSED:
        erase_card_data(locked, actor=asked.requested_by)
    # Unsent requests that would make the card usable again are cancelled.
    supersede(locked, MAKES_USABLE)
    change = intend(locked, kind, requested_by=asked.requested_by, reason=asked.reason, key=asked.key)
    card_notices.status_changed(locked, target, cause=f"change:{change.key}")
    return change


def _stopper(locked: VirtualCard, asked: Asked) -> dict[str, states.Stopper]:
    """Who the card is frozen by from now on; a stop of the issuer stays the issuer's."""
    was = holder_rights.stopped_by(locked)
    is_issuers = locked.status == states.Card.FROZEN and was == states.Stopper.ISSUER
    return {"frozen_by": states.Stopper.ISSUER if is_issuers else holder_rights.stopper(locked, asked.requested_by)}


def _is_frozen_anew(locked: VirtualCard, target: str, who: Mapping[str, str]) -> bool:
    """Returns whether freezing a frozen card changes something:

    It is being unfrozen, or only its holder had frozen it.
    """
    if not who or locked.status != target:
        return False
    usable_soon = CardChange.objects.filter(card=locked, kind__in=MAKES_USABLE, status__in=states.OPEN_CHANGE)
    was = holder_rights.stopped_by(locked)
    return usable_soon.exists() or (was == states.Stopper.HOLDER and who["frozen_by"] != was)


def not_in_this_state(card: VirtualCard) -> CardRefusedError:
    """Returns the refusal of what this card's state does not allow."""
    state = in_a_sentence(states.Card(card.status).label)
    return CardRefusedError(
        format_lazy(gettext_lazy("This card is {state}, so this cannot be done with it."), state=state)
    )
