"""The errors of second factors and invitations."""

from onecard.kit.errors import OneCardError


class SecondFactorError(OneCardError):
    """The second factor was not set up, changed or removed; the message says why."""

    code = "second_factor"
