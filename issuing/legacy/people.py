"""Finds or makes a login and a cardholder for each user of the old documents, which name a user by an id only."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from django.contrib.auth.hashers import make_password
from django.db.models import Q
from django.db.models.functions import Lower

from audit import trail
from issuing.legacy.card_document import CardDraft
from issuing.models import LegacyDocument
from onecard.kit import clock
from onecard.users import people
from onecard.users.models import User
from wallet.kyc.moves import lock_person, move
from wallet.models import Cardholder, KycEvent, KycStatus

USERNAME_PREFIX: Final = "legacy-"
NAME_PREFIX: Final = "Legacy cardholder "
ACTOR: Final = "system:import_legacy"
WITHDRAWN: Final = "A document of the old system says that the identity is not verified."


@dataclass(slots=True)
class People:
    """Cardholders by the old user's id; those of a batch are remembered once its transaction is committed."""

    cardholder_ids: dict[str, int] = field(default_factory=dict)

    def learn(self, unchanged: Sequence[CardDraft]) -> None:
        """Remembers whose the unchanged cards are: a later card of the same user may lack the e-mail address."""
        user_ids = {draft.legacy_id: draft.user_id for draft in unchanged if draft.user_id not in self.cardholder_ids}
        rows = LegacyDocument.objects.filter(kind=LegacyDocument.Kind.VIRTUAL_CARD, legacy_id__in=user_ids)
        for legacy_id, cardholder_id in rows.values_list("legacy_id", "card__cardholder_id"):
            self.cardholder_ids.setdefault(user_ids[legacy_id], cardholder_id)

    def matched(self, drafts: Sequence[CardDraft]) -> dict[str, User]:
        """Returns existing logins by old user id.

        A draft whose e-mail address belongs to several logins gets a fault.
        """
        wanted = {draft.user_id for draft in drafts if draft.user_id not in self.cardholder_ids}
        users = {old_id_of(user): user for user in User.objects.filter(username__in=map(username_of, wanted))}
        by_email = _by_email({draft.email.lower() for draft in drafts if draft.email} if wanted else set())
        for draft in drafts:
            if draft.user_id in users or draft.user_id not in wanted or not draft.email:
                continue
            found = by_email.get(draft.email.lower(), [])
            fault = f"userEmail: belongs to {len(found)} logins here; it must belong to one"
            if len(found) > 1 and fault not in draft.faults:
                draft.faults.append(fault)
            elif len(found) == 1:
                users[draft.user_id] = found[0]
        return users

    def found_or_made(self, drafts: Sequence[CardDraft], users: dict[str, User]) -> tuple[dict[str, int], int]:
        """Returns the cardholder's key for each old user id of these drafts, and how many cardholders were made."""
        new = {draft.user_id: draft for draft in reversed(drafts) if draft.user_id not in self.cardholder_ids}
        _make_users([draft for user_id, draft in new.items() if user_id not in users], users)
        unverified = {draft.user_id for draft in drafts if not draft.kyc_verified}
        keys, made = _cardholders({user_id: users[user_id] for user_id in new}, unverified)
        keys |= {draft.user_id: self.cardholder_ids[draft.user_id] for draft in drafts if draft.user_id not in new}
        _withdraw_verification({keys[draft.user_id]: draft.user_id for draft in drafts if not draft.kyc_verified})
        return keys, made


def username_of(old_id: str) -> str:
    """Returns the username of the login that the import makes for an old user."""
    return f"{USERNAME_PREFIX}{old_id}"


def old_id_of(user: User) -> str:
    """Returns the old user's id of a login that the import made; "" for any other login."""
    return user.username.removeprefix(USERNAME_PREFIX) if user.username.startswith(USERNAME_PREFIX) else ""


def _by_email(emails: set[str]) -> dict[str, list[User]]:
    """Finds logins by e-mail address, or by a username that is one; logins of other old users are left out."""
    found: dict[str, list[User]] = {}
    if emails:
        users = User.objects.annotate(mail=Lower("email"), login=Lower("username"))
        for user in users.filter(Q(mail__in=emails) | Q(login__in=emails)).exclude(
            username__startswith=USERNAME_PREFIX
        ):
            for email in {user.email.lower(), user.username.lower()} & emails:
                found.setdefault(email, []).append(user)
    return found


def _make_users(drafts: Sequence[CardDraft], users: dict[str, User]) -> None:
    """Makes logins without a usable password and adds them to `users`."""
    addresses = _addresses_for(drafts)
    made = [
        User(username=username_of(draft.user_id), email=addresses[draft.user_id], password=make_password(None))
        for draft in drafts
    ]
    for user in User.objects.bulk_create(made):
        users[old_id_of(user)] = user


def _addresses_for(drafts: Sequence[CardDraft]) -> dict[str, str]:
    """Returns each new login's e-mail address; none where another person has it, because people log in by it."""
    wanted = {draft.user_id: people.normal_email(draft.email) for draft in drafts}
    rows = User.objects.filter(is_staff=False, is_superuser=False).exclude(email="").alias(mail=Lower("email"))
    taken = {email.lower() for email in rows.filter(mail__in=set(wanted.values())).values_list("email", flat=True)}
    found: dict[str, str] = {}
    # The drafts come with the last document first, and the first document's person keeps the address.
    for user_id, email in reversed(wanted.items()):
        found[user_id] = "" if email in taken else email
        taken.add(email)
    return found


def _cardholders(users: dict[str, User], unverified: set[str]) -> tuple[dict[str, int], int]:
    here = dict(Cardholder.objects.filter(user__in={user.pk for user in users.values()}).values_list("user_id", "pk"))
    # Two old ids can mean one login; it has one cardholder.
    new = {user.pk: old_id for old_id, user in users.items() if user.pk not in here}
    pending = {users[old_id].pk for old_id in unverified & users.keys()}
    made = [
        Cardholder(
            user_id=user_id,
            name=_name_of(old_id),
            kyc_status=KycStatus.PENDING if user_id in pending else KycStatus.VERIFIED,
        )
        for user_id, old_id in new.items()
    ]
    kept = Cardholder.objects.bulk_create(made)
    KycEvent.objects.bulk_create(_beginning_of(holder) for holder in kept)
    here |= {holder.user_id: holder.pk for holder in kept}
    return {old_id: here[user.pk] for old_id, user in users.items()}, len(made)


def _beginning_of(holder: Cardholder) -> KycEvent:
    return KycEvent(
        cardholder=holder,
        from_status=KycStatus.NOT_STARTED,
        to_status=holder.kyc_status,
        actor=ACTOR,
        reason="As the old system had it.",
        recorded_at=clock.now(),
    )


def _withdraw_verification(old_ids: dict[int, str]) -> None:
    """Withdraws the verification of people whom any of their documents calls unverified.

    Only people whom the import made and nobody renamed are changed.
    """
    ours = Cardholder.objects.filter(pk__in=old_ids, name__startswith=NAME_PREFIX, kyc_status=KycStatus.VERIFIED)
    for holder in map(lock_person, list(ours.order_by("pk").values_list("pk", flat=True))):
        if holder.kyc_status != KycStatus.VERIFIED:
            continue
        move(holder, KycStatus.PENDING, actor=ACTOR, reason=WITHDRAWN)
        old_user = old_ids[holder.pk]
        trail.record(actor=ACTOR, action="cardholder.verification_withdrawn", subject=holder, old_user=old_user)


def _name_of(old_id: str) -> str:
    return f"{NAME_PREFIX}{old_id}"[:80]
