"""A web process's thread that keeps stand-in ready, and folds its answers in when the database is back.

Every process of the machine has one; locks make one of them do the work. Nothing of it is on the decision's path.
"""

import logging
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import DatabaseError, connections

from issuing.authorizations import stand_in_fold
from issuing.stand_in import answers, files, policy, snapshot

log = logging.getLogger(__name__)

EVERY_S: Final = 2.0
# After a failure the pause grows up to this.
LONGEST_PAUSE_S: Final = 60.0
# Issuers report a purchase within seconds.
DOUBTS_EVERY_S: Final = 15.0
# A snapshot is taken anew when it has this share of the age at which it is too old.
REFRESH_SHARE: Final = 1 / 12
# A million cards take half a minute on a busy machine.
SNAPSHOT_WITHIN_S: Final = 600.0
# A process of its own: Python's lock would make decisions wait for it.
TAKE_SNAPSHOT: Final = (sys.executable, "-m", "django", "stand_in_snapshot")

_keeper: "Keeper | None" = None


class Keeper(threading.Thread):
    """Looks at the files every two seconds."""

    def __init__(self, place: Path) -> None:
        super().__init__(name="stand-in-keeper", daemon=True)
        self._place = place
        self._failures = 0
        self._folded_at = 0.0
        self._snapshot_tried_at = 0.0

    def run(self) -> None:
        while True:
            time.sleep(min(EVERY_S * 2**self._failures, LONGEST_PAUSE_S))
            try:
                self.look()
                self._failures = 0
            except files.BusyError:
                pass
            except (DatabaseError, OSError) as error:
                self._failures = min(self._failures + 1, 10)
                log.warning("stand-in: not folded in yet: %s", error)
            except Exception:
                self._failures = min(self._failures + 1, 10)
                log.exception("stand-in: looking after its files failed")

    def look(self) -> None:
        """Reads what was answered, folds it in, takes a snapshot if it is time, and removes old files."""
        answers.read_ahead()
        if files.unfolded(self._place) or self._asks_about_doubts():
            self._fold()
        files.remove_old(self._place)
        self._take_snapshot()

    def _asks_about_doubts(self) -> bool:
        """Whether approvals are in doubt, and it is time to look again whether their issuer has reported them."""
        return time.monotonic() - self._folded_at >= DOUBTS_EVERY_S and bool(files.doubts(self._place))

    def _fold(self) -> None:
        self._folded_at = time.monotonic()
        try:
            done = stand_in_fold.fold(self._place)
        finally:
            connections.close_all()
        if set(done.outcomes) - {"in_doubt"}:
            log.warning("stand-in: folded in: %s", dict(done.outcomes))
        if not done.is_complete:
            self._failures = min(self._failures + 1, 10)

    def _take_snapshot(self) -> None:
        pause_s = settings.STAND_IN_SNAPSHOT_MAX_AGE_S * REFRESH_SHARE
        is_due = time.time() - snapshot.taken_at(self._place) > pause_s
        if settings.STAND_IN_POLICY != policy.APPROVE or not is_due:
            return
        if time.monotonic() - self._snapshot_tried_at < min(pause_s, LONGEST_PAUSE_S):
            return
        self._snapshot_tried_at = time.monotonic()
        subprocess.run(TAKE_SNAPSHOT, check=False, timeout=SNAPSHOT_WITHIN_S)  # noqa: S603  (our own command)


def start() -> None:
    """Starts the process's keeper, once, where there is a place to keep answers in."""
    global _keeper  # noqa: PLW0603
    if _keeper is None and answers.is_on():
        try:
            place = files.folder()
        except OSError:
            log.exception("STAND_IN_DIR cannot be used: nothing is answered without the database")
            return
        assert place is not None  # noqa: S101  (asked before)
        _keeper = Keeper(place)
        _keeper.start()
