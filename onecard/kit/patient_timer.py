"""A time limit that an event loop's own lateness does not use up.

When a loop is late, timers run before the sockets are read: an answer that has long been there would count as none.
"""

import asyncio
from typing import Any, Final

# Enough for the loop to look at its sockets in between.
ONE_MORE_TURN_S: Final = 0.002


def give_up_after(seconds: float, future: "asyncio.Future[Any]", error: Exception) -> asyncio.TimerHandle:
    """Has the future raise the error after so many seconds and one more look at the sockets; cancel what it returns."""
    loop = asyncio.get_running_loop()

    def give_up() -> None:
        if not future.done():
            future.set_exception(error)

    return loop.call_later(max(0.0, seconds), loop.call_later, ONE_MORE_TURN_S, give_up)
