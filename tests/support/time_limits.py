"""The end of a test's time, as pytest-timeout's signal tells it: nothing that a test runs may take it for a failure.

Hypothesis takes pytest's own failure for one of its example, and tries further examples. The signal may have come at
any line, so these would meet a half-open transaction, and the report would tell of that alone.
"""

import signal
from types import FrameType
from typing import Any

import pytest


class TimeIsUpError(BaseException):
    """The test took longer than it may."""


def let_none_be_caught() -> None:
    """Has the signal of pytest-timeout raise TimeIsUpError in the place of pytest's failure."""
    usual: Any = signal.getsignal(signal.SIGALRM)

    def end(number: int, frame: FrameType | None) -> None:
        try:
            usual(number, frame)
        except pytest.fail.Exception as error:
            raise TimeIsUpError(str(error)) from None

    if callable(usual):
        signal.signal(signal.SIGALRM, end)
