"""Shows a card's number: to staff with a second factor and a reason, and to the cardholder on their own device.

Both ways share the limit and the trail of `issuing.card_data.vault`. The trail records a request before the issuer is
asked, and its result before anything is shown. Read-only mode stops neither, since nothing is changed.
"""

import re
import uuid
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.views.decorators.debug import sensitive_variables

from issuing import states
from issuing.card_data.vault import (
    REVEAL_PERMISSION,
    CardDataError,
    checked_reason,
    record_reveal,
    refusal_of_limit,
    reveal_stored,
)
from issuing.issuers.base import CardData, Issuer, IssuerError, RevealGrant
from issuing.issuers.registry import issuer_for
from issuing.models import VirtualCard
from onecard.kit.transactions import require_no_transaction, transaction
from onecard.second_factor import trust
from onecard.second_factor.devices import has_device
from onecard.users.models import User

OWN_REASON: Final = "The cardholder asks on the own device"
NO_DEVICE: Final = "Set up your second factor first: ask an administrator for an invitation."
_NONCE: Final = re.compile(r"[\x21-\x7e]{0,500}")


class NotAllowedError(CardDataError):
    """The person lacks the permission."""

    code = "card_data_not_allowed"


class SuspendedError(CardDataError):
    """The person's second factor is too new, or must be renewed first; the message says which."""

    code = "card_data_suspended"


class NotThisPersonError(CardDataError):
    """The person has no second factor."""

    code = "card_data_second_factor"


class NoSuchCardError(CardDataError):
    """There is no such card, or it is somebody else's; the error does not say which."""

    code = "card_not_found"


class NotRevealableError(CardDataError):
    """The card is closed, or its issuer has not made it yet."""

    code = "card_not_revealable"


class NonceError(CardDataError):
    """The device's nonce is missing or malformed."""

    code = "invalid_nonce"

    @property
    def errors(self) -> dict[str, list[str]]:
        """Returns the sentence by the field that is wrong."""
        return {"nonce": [self.message]}


@sensitive_variables()
def reveal_to_staff(*, card: VirtualCard, user: User, reason: str) -> CardData:
    """Returns the whole number and the CVV, for staff with the permission.

    The caller has asked for their second factor (`Confirmation.needs_fresh_code`). Read from our own store if the card
    is kept there, else from the issuer. Raises NotAllowedError, ReasonError,
    SuspendedError, NotThisPersonError, TooManyRevealsError, NotRevealableError, SealError or IssuerError; all
    messages may be shown to people.
    """
    require_no_transaction("Revealing card data")
    if not (user.is_active and user.has_perm(REVEAL_PERMISSION)):
        raise NotAllowedError("You may not see the numbers of cards.")
    actor = f"user:{user.pk}"
    reason = checked_reason(actor, reason)
    _refuse_without_trust(card, user, actor, reason)
    if VirtualCard.objects.filter(pk=card.pk).exclude(encrypted_card_number="").exists():
        return reveal_stored(card, actor=actor, reason=reason)
    issuer = _issuer_of(card)
    attempt = _begin(card, actor, reason)
    try:
        shown = issuer.get_card_data(card.issuer_card_id)
    except IssuerError as error:
        _end(card, actor, reason, "failed", answers=attempt, error=error.code)
        raise
    _end(card, actor, reason, "shown", answers=attempt)
    return shown


@sensitive_variables()
def grant_to_cardholder(*, public_id: uuid.UUID, user: User, nonce: str = "") -> RevealGrant:
    """Returns a short-lived secret with which the cardholder's own device fetches the number; we never see the number.

    Stripe's script made `nonce` on the device. Raises NoSuchCardError for any card but the person's own,
    NonceError, NotRevealableError, TooManyRevealsError or IssuerError.
    """
    require_no_transaction("Revealing card data")
    card = VirtualCard.objects.filter(public_id=public_id, cardholder__user=user).first()
    # Staff have to use reveal_to_staff, with a second factor and a reason, even for a card of their own.
    if card is None or user.is_staff or user.is_superuser:
        raise NoSuchCardError("You have no such card.")
    _check_nonce(card, nonce)
    if card.status == states.Card.CLOSED:
        raise NotRevealableError("This card is closed; its number is of no use any more.")
    actor = f"user:{user.pk}"
    issuer = _issuer_of(card)
    attempt = _begin(card, actor, OWN_REASON)
    try:
        grant = issuer.reveal(card.issuer_card_id, nonce=nonce)
    except IssuerError as error:
        _end(card, actor, OWN_REASON, "failed", answers=attempt, error=error.code)
        raise
    _end(card, actor, OWN_REASON, "granted", answers=attempt)
    return grant


def _refuse_without_trust(card: VirtualCard, user: User, actor: str, reason: str) -> None:
    """Refuses a person whose second factor is missing, new or suspended, and records the attempt in the trail."""
    is_missing = not has_device(user)
    why = NO_DEVICE if is_missing else trust.why_not_trusted(user)
    if why:
        with transaction():
            record_reveal(card, actor, reason, "second_factor" if is_missing else "suspended")
        raise (NotThisPersonError if is_missing else SuspendedError)(why)


def _issuer_of(card: VirtualCard) -> Issuer:
    if not card.issuer_card_id:
        raise NotRevealableError("The issuer has not made this card yet, so it has no number.")
    try:
        return issuer_for(card.issuer_provider)
    except ImproperlyConfigured:
        raise NotRevealableError("This card's issuer is not set up here, so nobody can be asked.") from None


def _begin(card: VirtualCard, actor: str, reason: str) -> int:
    """Commits that the issuer is being asked and returns the audit entry's id; raises TooManyRevealsError."""
    with transaction():
        refusal = refusal_of_limit(card, actor, reason)
        if refusal is None:
            return record_reveal(card, actor, reason, "asked").pk
    raise refusal


def _end(card: VirtualCard, actor: str, reason: str, outcome: str, **more: object) -> None:
    with transaction():
        record_reveal(card, actor, reason, outcome, **more)


def _check_nonce(card: VirtualCard, nonce: str) -> None:
    if not _NONCE.fullmatch(nonce):
        raise NonceError("The nonce must be at most 500 printable characters without spaces.")
    if card.issuer_provider == "stripe" and not nonce:
        raise NonceError("Send the nonce that Stripe's script made on this device.")
