"""A card's number and code (CVV): sealed when STORE_CARD_DATA is on, and shown to people one attempt at a time.

The number and the code appear in no log, error, repr or audit entry; everywhere else only the last four digits do.
"""

import datetime as dt
import re
from typing import Any, Final

from django.conf import settings
from django.views.decorators.debug import sensitive_variables

from audit import trail
from audit.models import Entry
from issuing.issuers.base import CardData
from issuing.models import VirtualCard
from onecard.kit import clock, reasons
from onecard.kit.crypto import SealError, open_sealed, seal
from onecard.kit.errors import OneCardError
from onecard.kit.luhn import passes_luhn
from onecard.kit.transactions import lock_name, require_no_transaction, require_transaction, transaction

REVEAL_PERMISSION: Final = "issuing.reveal_card_data"
SEALED_COLUMNS: Final = ("encrypted_card_number", "encrypted_cvv")

REVEAL_ACTION: Final = "card_data.reveal"
REVEALS_PER_WINDOW: Final = 10
REVEAL_WINDOW: Final = dt.timedelta(hours=1)
SHORTEST_REASON, LONGEST_REASON = 10, 300

# Written out, because sealed values stay bound to this name even if the table is renamed.
_TABLE: Final = "issuing_virtualcard"
_NUMBER: Final = re.compile(r"[0-9]{12,19}")
_CVV: Final = re.compile(r"[0-9]{3,4}")
# A number that is typed in groups counts too.
_NUMBER_IN_TEXT: Final = re.compile(r"(?:\d[ .\-]?){12}")


class CardDataError(OneCardError):
    """Card data cannot be stored or shown."""

    code = "card_data"


class StoringOffError(CardDataError):
    """STORE_CARD_DATA is off."""

    code = "card_data_storing_off"


class InvalidCardDataError(CardDataError):
    """The number or the code cannot belong to this card."""

    code = "card_data_invalid"


class NotStoredError(CardDataError):
    """Only the issuer has this card's number."""

    code = "card_data_not_stored"


class ReasonError(CardDataError):
    """The attempt has no sufficient reason, or names no person or system that is responsible for it."""

    code = "card_data_reason"


class TooManyRevealsError(CardDataError):
    """The actor has reached the limit of reveals within an hour; `retry_after_s` says when to come back."""

    code = "card_data_too_many_reveals"

    def __init__(self, *, retry_after_s: float) -> None:
        super().__init__(
            f"You have looked at {REVEALS_PER_WINDOW} card numbers within an hour; wait before the next one."
        )
        self.retry_after_s = retry_after_s


def masked(number: str) -> str:
    """Returns the last four digits behind dots; only dots for a text that is too short to be a number."""
    return f"•••• {number[-4:]}" if len(number) >= 12 else "••••"


def sealing_context(*, column: str, public_id: object) -> str:
    """Returns the only place where a sealed value opens: "table.column:row-uuid"."""
    return f"{_TABLE}.{column}:{public_id}"


@sensitive_variables()
def store_card_data(card: VirtualCard, *, number: str, cvv: str = "", actor: str = "system:issuing") -> None:
    """Seals and stores the number, and the code if given.

    Raises StoringOffError, InvalidCardDataError or NoKeyError.
    """
    if not settings.STORE_CARD_DATA:
        raise StoringOffError("Card numbers are not stored here: STORE_CARD_DATA is off.")
    _check(card, number, cvv)
    sealed = {
        column: seal(plain, context=sealing_context(column=column, public_id=card.public_id)) if plain else ""
        for column, plain in zip(SEALED_COLUMNS, (number, cvv), strict=True)
    }
    with transaction():
        # Not save(): other columns of a stale object must not be written.
        VirtualCard.objects.filter(pk=card.pk).update(**sealed, updated_at=clock.now())
        trail.record(actor=actor, action="card_data.stored", subject=card, with_cvv=bool(cvv))
    for column, value in sealed.items():
        setattr(card, column, value)


def erase_card_data(card: VirtualCard, *, actor: str) -> bool:
    """Erases a closed card's stored number and code, in the caller's transaction; False when there is nothing."""
    require_transaction("The end of stored card data")
    kept = VirtualCard.objects.filter(pk=card.pk).exclude(encrypted_card_number="", encrypted_cvv="")
    if not kept.update(encrypted_card_number="", encrypted_cvv="", updated_at=clock.now()):
        return False
    trail.record(actor=actor, action="card_data.erased", subject=card)
    return True


@sensitive_variables()
def reveal_stored(card: VirtualCard, *, actor: str, reason: str) -> CardData:
    """Opens a card's data for `actor`; the trail entry is committed before anything is returned.

    The caller checks who may ask (REVEAL_PERMISSION, a fresh second factor). Raises ReasonError, NotStoredError,
    TooManyRevealsError, SealError, and TransactionError inside a transaction, whose rollback would remove the entry.
    """
    require_no_transaction("Revealing card data")
    reason = checked_reason(actor, reason)
    with transaction():
        outcome = _attempt(card, actor, reason)
    if isinstance(outcome, OneCardError):
        raise outcome
    return outcome


@sensitive_variables()
def _attempt(card: VirtualCard, actor: str, reason: str) -> CardData | OneCardError:
    """Makes one attempt with its audit entry. A refusal is returned and not raised, so that its entry is committed."""
    row = VirtualCard.objects.values("public_id", *SEALED_COLUMNS).get(pk=card.pk)
    if not row["encrypted_card_number"]:
        return NotStoredError("This card's number is not stored here; ask its issuer.")
    refusal = refusal_of_limit(card, actor, reason)
    if refusal is not None:
        return refusal
    try:
        shown = _opened(row)
    except SealError as error:
        record_reveal(card, actor, reason, "unreadable", error=error.code)
        return error
    record_reveal(card, actor, reason, "shown")
    return shown


@sensitive_variables()
def _opened(row: dict[str, Any]) -> CardData:
    """Returns the number and the code of a row; a code that was never stored is empty."""
    number, cvv = (
        open_sealed(row[column], context=sealing_context(column=column, public_id=row["public_id"]))
        if row[column]
        else ""
        for column in SEALED_COLUMNS
    )
    return CardData(number=number, cvv=cvv)


def refusal_of_limit(card: VirtualCard, actor: str, reason: str) -> TooManyRevealsError | None:
    """Within a transaction, returns None while the actor is below the limit, else the refusal, which it records.

    Counts the audit trail. The lock makes one actor's attempts wait for each other, so concurrent requests cannot
    exceed the limit. Refused attempts do not count, nor does the entry with the result of a counted attempt.
    """
    lock_name(f"{REVEAL_ACTION} {actor}")
    since = clock.now() - REVEAL_WINDOW
    made = Entry.objects.filter(actor=actor, action=REVEAL_ACTION, recorded_at__gt=since)
    counted = made.exclude(details__outcome="refused").exclude(details__has_key="answers")
    latest = list(counted.order_by("-recorded_at").values_list("recorded_at", flat=True)[:REVEALS_PER_WINDOW])
    if len(latest) < REVEALS_PER_WINDOW:
        return None
    record_reveal(card, actor, reason, "refused")
    return TooManyRevealsError(retry_after_s=max(1.0, (latest[-1] - since).total_seconds()))


def record_reveal(card: VirtualCard, actor: str, reason: str, outcome: str, **more: object) -> Entry:
    """Records one attempt to see a number, allowed or refused."""
    return trail.record(actor=actor, action=REVEAL_ACTION, subject=card, reason=reason, outcome=outcome, **more)


@sensitive_variables()
def _check(card: VirtualCard, number: str, cvv: str) -> None:
    if not _NUMBER.fullmatch(number) or not passes_luhn(number):
        raise InvalidCardDataError("The card number must have 12 to 19 digits and a right check digit.")
    if number[-4:] != card.last_four:
        raise InvalidCardDataError("The card number does not end in this card's last four digits.")
    if cvv and not _CVV.fullmatch(cvv):
        raise InvalidCardDataError("The card's code must have 3 or 4 digits.")


def checked_reason(actor: str, reason: str) -> str:
    """Returns the reason with single spaces; raises ReasonError."""
    if not actor.strip():
        raise ReasonError("Say who asks for the card's data.")
    reason = reasons.checked_reason(reason, error=ReasonError, shortest=SHORTEST_REASON, longest=LONGEST_REASON)
    if _NUMBER_IN_TEXT.search(reason):
        # The reason goes to the trail, which must never hold a card number.
        raise ReasonError("The reason must not hold a card number or any other run of 12 digits.")
    return reason
