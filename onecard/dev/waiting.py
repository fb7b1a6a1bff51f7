"""Waits that show at the terminal what they wait for and for how long."""

import sys
import time
from collections.abc import Callable
from typing import Final

from onecard.dev.errors import LauncherError

PAUSE_S: Final = 0.05
SILENT_S: Final = 1.0
LINE_EVERY_S: Final = 5.0


def wait_until(ready: Callable[[], bool], *, what: str, timeout_s: float) -> None:
    """Polls until `ready()` is true; raises LauncherError after `timeout_s` seconds."""
    started = time.monotonic()
    ticker = _Ticker(what)
    try:
        while not ready():
            waited_s = time.monotonic() - started
            if waited_s > timeout_s:
                raise LauncherError(f"Gave up on {what} after {timeout_s:.0f} s.")
            ticker.show(waited_s)
            time.sleep(PAUSE_S)
    finally:
        ticker.clear()


def say(text: str) -> None:
    """Prints one line for the person to stderr, so that stdout stays the command's own."""
    print(text, file=sys.stderr, flush=True)


class _Ticker:
    """A line that is rewritten on a terminal, and a line now and then elsewhere."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._next_s = SILENT_S
        self._terminal = sys.stderr.isatty()
        self._shown = False

    def show(self, waited_s: float) -> None:
        if waited_s < self._next_s:
            return
        self._shown = True
        self._next_s = waited_s + (1.0 if self._terminal else LINE_EVERY_S)
        start, end = ("\r\x1b[K", "") if self._terminal else ("", "\n")
        print(f"{start}  waiting for {self._what}: {waited_s:.0f} s", file=sys.stderr, end=end, flush=True)

    def clear(self) -> None:
        if self._shown and self._terminal:
            print("\r\x1b[K", file=sys.stderr, end="", flush=True)
