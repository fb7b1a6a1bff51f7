"""Where held answers wait until somebody lets them go."""

import threading


class Gate:
    """A door that opens for those who wait at it, then is closed again for those who come later."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._round = 0
        self._waiting = 0
        self._demolished = False

    def wait(self) -> None:
        """Block until the next release."""
        with self._changed:
            mine = self._round
            self._waiting += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._demolished or self._round != mine)
            self._waiting -= 1

    def release(self) -> int:
        """Let everybody waiting go on, and tell how many they were."""
        with self._changed:
            self._round += 1
            self._changed.notify_all()
            return self._waiting

    def demolish(self) -> None:
        """Let everybody go on, now and for ever: the server is stopping."""
        with self._changed:
            self._demolished = True
            self._changed.notify_all()

    def wait_until_held(self, *, count: int = 1, timeout_s: float = 5.0) -> bool:
        """Block until `count` answers are being held; False when that did not happen in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting >= count, timeout_s)
