"""The check of a staff member's reason."""

import pytest

from onecard.kit.errors import OneCardError
from onecard.kit.reasons import checked_reason


class RefusedError(OneCardError):
    """The error of the caller."""


def test_a_reason_is_stored_on_one_line() -> None:
    assert checked_reason("  The cardholder\n called.\x00 ", error=RefusedError) == "The cardholder called."


@pytest.mark.parametrize("reason", ["", " \n ", "\x00", "x" * 201])
def test_a_missing_or_too_long_reason_is_refused(reason: str) -> None:
    with pytest.raises(RefusedError, match=r"^Say why\. Give a reason of 1 to 200 characters\.$"):
        checked_reason(reason, error=RefusedError)


def test_the_bounds_are_part_of_the_sentence() -> None:
    assert checked_reason("x" * 10, error=RefusedError, shortest=10, longest=300) == "x" * 10
    with pytest.raises(RefusedError, match="of 10 to 300 characters"):
        checked_reason("a" + " " * 20 + "b", error=RefusedError, shortest=10, longest=300)
