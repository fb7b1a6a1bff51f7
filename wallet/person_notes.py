"""Staff note what they found out about a person."""

from typing import Final

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from audit import trail
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.fields import refuse_card_number
from onecard.kit.text import normalized_lines
from onecard.kit.transactions import transaction
from onecard.users.models import User
from wallet.models import Cardholder, PersonNote

LONGEST: Final = 2000


class NoteRefusedError(OneCardError):
    """The note cannot be kept; the message says why."""

    code = "note_refused"


def add_note(*, cardholder_id: int, user: User, text: str) -> PersonNote:
    """Adds a note about a person, with its audit entry. The same note again, as by a second click, is the first one.

    Raises NoteRefusedError for an empty or too long text, and for one with a card's number in it.
    """
    words = normalized_lines(text)
    if not 0 < len(words) <= LONGEST:
        raise NoteRefusedError(_("Write a note of 1 to %(longest)s characters.") % {"longest": LONGEST})
    _refuse_card_number(words)
    with transaction():
        holder = Cardholder.objects.select_for_update(no_key=True, of=("self",)).get(pk=cardholder_id)
        last = holder.notes.order_by("-pk").first()
        if last is not None and (last.author_id, last.text) == (user.pk, words):
            return last
        written = PersonNote.objects.create(cardholder=holder, author=user, text=words, created_at=clock.now())
        trail.record(actor=f"user:{user.pk}", action="cardholder.noted", subject=holder, note=written.pk)
        return written


def _refuse_card_number(words: str) -> None:
    try:
        refuse_card_number(words)
    except ValidationError:
        raise NoteRefusedError(
            _("This looks like a card's number or code, which is never kept here. Write its last four digits instead.")
        ) from None
