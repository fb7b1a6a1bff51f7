"""Checks the reason that a member of staff gives for an action; the audit trail keeps it."""

from typing import Final

from django.utils.translation import gettext as _

from onecard.kit.errors import OneCardError

LONGEST_REASON: Final = 200


def checked_reason(reason: str, *, error: type[OneCardError], shortest: int = 1, longest: int = LONGEST_REASON) -> str:
    """Returns the reason on one line, as it is stored.

    Raises `error` when it has fewer than `shortest` or more than `longest` characters.
    """
    words = " ".join(reason.replace("\x00", "").split())
    if not shortest <= len(words) <= longest:
        raise error(
            _("Say why. Give a reason of %(shortest)s to %(longest)s characters.")
            % {"shortest": shortest, "longest": longest}
        )
    return words
