"""Who may be the second person: named before the first one starts, so that they know whom to ask."""

from collections.abc import Collection
from typing import Final

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import clock, display
from onecard.second_factor import trust
from onecard.users.models import User
from onecard.users.roles import roles_with

MOST_NAMED: Final = 5
MUST_APPROVE: Final = gettext_lazy("A second person must approve, and you cannot be that person.")


def who_may(permission: str, *, besides: Collection[User]) -> list[User]:
    """Returns the staff who may approve now, by name: with the permission, trusted, and none of `besides`."""
    found = User.objects.with_perm(permission).filter(Q(is_staff=True) | Q(is_superuser=True))
    trusted = found.filter(trusted_from__lte=clock.now()).order_by("first_name", "username")
    return [each for each in trusted if not any(trust.is_one_person(each, other) for other in besides)]


def in_words(permission: str, *, besides: Collection[User]) -> str:
    """Returns a sentence that names them, or says that there is nobody and which roles have the permission."""
    names = [each.get_full_name() or each.get_username() for each in who_may(permission, besides=besides)]
    if not names:
        roles = display.joined([str(role.title) for role in roles_with(permission)])
        return _("Nobody else may approve now: ask an administrator. These roles may: %(roles)s.") % {"roles": roles}
    if len(names) > MOST_NAMED:
        names = [*names[:MOST_NAMED], _("%(count)s more") % {"count": len(names) - MOST_NAMED}]
    return _("May approve now: %(names)s.") % {"names": display.joined(names)}
