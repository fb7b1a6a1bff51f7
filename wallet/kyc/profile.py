"""A person's profile: made and changed by the person, or by staff for them, and which of it issuers get."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from audit import trail
from onecard.kit import clock
from onecard.kit.errors import OneCardError
from onecard.kit.insert_once import insert_once
from onecard.kit.transactions import transaction
from onecard.users.models import User
from wallet.kyc.fields import FIELDS, IDENTITY, TERMS_VERSION, ProfileError, checked, values_of
from wallet.kyc.moves import lock_person
from wallet.kyc.review import is_renewable, put_into_queue
from wallet.models import Cardholder
from wallet.states import KycStatus

NEW_IDENTITY = "The name or date of birth was changed, so it is checked again."


class ProfileChangedError(OneCardError):
    """Somebody else changed the profile since it was read; nothing was saved."""

    code = "changed_meanwhile"


class OtherTermsError(OneCardError):
    """These are not the terms that are accepted now."""

    code = "terms_outdated"


def save(*, user: User, given: Mapping[str, Any], shown_version: int | None, actor: str) -> Cardholder:
    """Makes the person's profile, or changes the given fields of it; what is not given stays.

    `shown_version` is the version that the caller read, None where there was no profile. A new name or date of birth of
    a verified person has to be checked again. Raises ProfileError naming each wrong field, and ProfileChangedError.
    """
    with transaction():
        found = Cardholder.objects.filter(user=user).values_list("pk", flat=True).first()
        if found is None:
            return _make(user, given, shown_version, actor)
        holder = lock_person(found)
        if holder.wallet_version != shown_version:
            raise ProfileChangedError("Your profile was changed since you read it: read it again, and then change it.")
        _change(holder, given, actor)
    return Cardholder.objects.select_related("user").get(pk=holder.pk)


def accept_terms(*, cardholder_id: int, version: str, address: str, actor: str) -> Cardholder:
    """Keeps that the person accepted the card's terms, when, and from where; raises OtherTermsError for old ones.

    Accepting the same version again keeps the first acceptance.
    """
    if version != TERMS_VERSION:
        raise OtherTermsError(f"These are not the present terms. Show version {TERMS_VERSION}, and accept that one.")
    with transaction():
        holder = lock_person(cardholder_id)
        if holder.terms_version == version and holder.terms_accepted_at is not None:
            return holder
        now = clock.now()
        kept = {"terms_version": version, "terms_accepted_at": now, "terms_accepted_from": address}
        Cardholder.objects.filter(pk=holder.pk).update(**kept, updated_at=now)
        trail.record(actor=actor, action="cardholder.terms_accepted", subject=holder, version=version)
    return Cardholder.objects.select_related("user").get(pk=cardholder_id)


def _make(user: User, given: Mapping[str, Any], shown_version: int | None, actor: str) -> Cardholder:
    if shown_version is not None:
        raise ProfileChangedError("There is no profile yet. Send it without If-Match.")
    columns = checked(given, known={}, today=_today())
    holder = Cardholder(user=user, **columns)
    holder.name = _shown_name(holder)
    if not insert_once(holder, unique=("user_id",)):
        raise ProfileChangedError("Your profile was made meanwhile: read it, and then change it.")
    trail.record(actor=actor, action="cardholder.profile_made", subject=holder, fields=sorted(given))
    return Cardholder.objects.select_related("user").get(pk=holder.pk)


def _change(holder: Cardholder, given: Mapping[str, Any], actor: str) -> None:
    columns = checked(given, known=values_of(holder), today=_today())
    changed = sorted(name for name in given if getattr(holder, FIELDS[name].column) != columns[FIELDS[name].column])
    if not changed:
        return
    _refuse_emptied(holder, changed, columns)
    for column, value in columns.items():
        setattr(holder, column, value)
    is_other_person = bool(set(changed) & set(IDENTITY))
    if is_other_person:
        holder.name = _shown_name(holder)
    holder.save(update_fields=[*columns, "name", "updated_at"])
    # Names and addresses stay out of the trail, which nobody can erase.
    trail.record(actor=actor, action="cardholder.profile_changed", subject=holder, fields=changed)
    if is_other_person and holder.kyc_status in (KycStatus.VERIFIED, KycStatus.EXPIRED):
        _check_again(holder, actor)


def _check_again(holder: Cardholder, actor: str) -> None:
    """Puts a verified person into the queue again, because the verification was for the old name or date."""
    if is_renewable(holder):
        # Else the check would count as a renewal, and the new name be believed meanwhile.
        Cardholder.objects.filter(pk=holder.pk).update(kyc_due_at=None)
        holder.kyc_due_at = None
    put_into_queue(holder, actor=actor, reason=NEW_IDENTITY)


def _refuse_emptied(holder: Cardholder, changed: list[str], columns: Mapping[str, Any]) -> None:
    """Refuses to empty a field that an identity check or a card relied on; it can only be changed."""
    emptied = [name for name in changed if FIELDS[name].needed and not columns[FIELDS[name].column]]
    if emptied and holder.kyc_status != KycStatus.NOT_STARTED:
        raise ProfileError(dict.fromkeys(emptied, "Your identity check relies on it: change it, but do not remove it."))


def _shown_name(holder: Cardholder) -> str:
    legal = f"{holder.legal_first_name} {holder.legal_last_name}".strip()
    return (legal or holder.user.get_full_name().strip() or holder.user.get_username())[:80]


def _today() -> dt.date:
    return clock.now().date()
