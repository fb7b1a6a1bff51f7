"""A person from nothing: the login, the profile and its identity check, made together by staff or by the demo world."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy

from audit import trail
from onecard.kit.transactions import transaction
from onecard.users.models import User
from wallet.kyc import profile, review
from wallet.kyc.fields import EMAIL, TERMS_VERSION, ProfileError
from wallet.kyc.moves import KycError, open_review_of
from wallet.models import Cardholder


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPerson:
    """What is known of a person; `terms_from` is the address of whoever kept that they accepted the terms.

    `verified_because` says how staff made sure of the identity; empty leaves the check for later.
    """

    email: str
    given: Mapping[str, Any]
    terms_from: str = ""
    verified_because: str = ""


def make_person(asked: NewPerson, *, actor: str) -> Cardholder:
    """Makes a login without a password and everything that is known of the person, all or nothing.

    Raises ProfileError for an address that a login has or a wrong field, and KycError where the identity cannot be
    verified, because something is missing.
    """
    with transaction():
        user = _make_login(asked, actor)
        return join(user=user, asked=asked, actor=actor)


def join(*, user: User, asked: NewPerson, actor: str) -> Cardholder:
    """Gives a login without a profile the profile, the terms and the check, all or nothing; raises as `make_person`."""
    with transaction():
        holder = profile.save(user=user, given=asked.given, shown_version=None, actor=actor)
        if asked.terms_from:
            profile.accept_terms(cardholder_id=holder.pk, version=TERMS_VERSION, address=asked.terms_from, actor=actor)
        if asked.verified_because:
            _verify(holder, asked.verified_because, actor)
        return Cardholder.objects.select_related("user").get(pk=holder.pk)


def _verify(holder: Cardholder, because: str, actor: str) -> None:
    submitted = review.submit(cardholder_id=holder.pk, actor=actor, by_staff=True)
    waiting = open_review_of(submitted)
    if waiting is None:
        raise KycError(gettext_lazy("There is nothing to be decided."))
    shown = review.digest(submitted)
    review.approve(review_id=waiting.pk, actor=actor, reason=because, shown=shown)


def _make_login(asked: NewPerson, actor: str) -> User:
    email = asked.email.strip().lower()
    taken = User.objects.filter(username__iexact=email) | User.objects.filter(email__iexact=email)
    if taken.exists():
        raise ProfileError({EMAIL: "A login has this e-mail address already."})
    names = {"first_name": asked.given.get("first_name") or "", "last_name": asked.given.get("last_name") or ""}
    user = User.objects.create_user(email, email, None, **names)
    trail.record(actor=actor, action="user.added", subject=user)
    return user
