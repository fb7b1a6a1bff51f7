"""Who wrote a version, who may put it into force, and what a page says about the second person beforehand."""

from typing import Any, Final

from django.utils.translation import gettext as _

from issuing.models import ControlVersion
from onecard.second_factor import second_people, trust
from onecard.users.models import User

WRITES: Final = "issuing.add_control"
PUBLISHES: Final = "issuing.publish_control"


def author_of(version: ControlVersion) -> User | None:
    """Returns the login of whoever wrote a version; None for the product, a command or a cardholder's own control."""
    kind, _colon, key = version.author.partition(":")
    return User.objects.filter(pk=key).first() if kind == "user" and key.isdecimal() else None


def why_not_publish(version: ControlVersion, user: User) -> str:
    """Returns why this person cannot put a version into force, or ""; permissions are the caller's."""
    author = author_of(version)
    if author is not None and trust.is_one_person(author, user):
        return _("You wrote this version yourself: a second person has to publish it.")
    return trust.why_not_trusted(user)


def takes_two(user: Any, *others: User | None) -> tuple[str, ...]:
    """Returns what a page says before a version is written."""
    return (
        _("A second person must publish it, and you cannot be that person."),
        _("Until they do, no purchase is declined by it: in shadow it only counts what it would have done."),
        second_people.in_words(PUBLISHES, besides=[each for each in (user, *others) if each is not None]),
    )


def named(actor: str) -> str:
    """Returns who an actor of the trail is, for a page."""
    kind, _colon, key = actor.partition(":")
    if kind == "user" and key.isdecimal():
        found = User.objects.filter(pk=key).first()
        return str(found) if found else actor
    return actor
