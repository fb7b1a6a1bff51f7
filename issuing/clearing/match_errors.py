"""The refusal of a link between a movement and a purchase."""

from onecard.kit.errors import OneCardError


class LinkRefusedError(OneCardError):
    """It cannot be said of this movement, or not of that purchase; the message says why, for staff."""

    code = "link_refused"


def refuse(why: str) -> None:
    """Raises LinkRefusedError where there is a reason not to."""
    if why:
        raise LinkRefusedError(why)
