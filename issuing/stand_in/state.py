"""How stand-in is doing on this machine, from the times and names of its files: for health checks and metrics."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

from issuing.stand_in import files, policy, snapshot

COUNTED_AT_ONCE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`is_waiting` while answers are not all in the books; a time is None where there is none.

    `has_bad_snapshot` while there is a file that is no snapshot, or whose signature is wrong; `in_doubt` counts the
    approvals of which nobody knows whether they were given.
    """

    is_waiting: bool
    last_answer_at: dt.datetime | None
    snapshot_at: dt.datetime | None
    has_bad_snapshot: bool
    in_doubt: int

    @property
    def lacks_snapshot(self) -> bool:
        """Whether an outage now would decline what the policy would approve."""
        if settings.STAND_IN_POLICY != policy.APPROVE:
            return False
        return self.snapshot_at is None or snapshot.is_too_old(self.snapshot_at.timestamp())


def read() -> State | None:
    """Returns the state; None where STAND_IN_DIR is not set. Raises OSError for a folder that cannot be used."""
    place = files.folder()
    if place is None:
        return None
    taken_at = snapshot.taken_at(place)
    answered = [path.stat().st_mtime for path in files.journals(place)]
    return State(
        is_waiting=bool(files.unfolded(place)),
        last_answer_at=_moment(max(answered, default=0.0)),
        snapshot_at=_moment(taken_at),
        has_bad_snapshot=not taken_at and (place / files.SNAPSHOT).exists(),
        in_doubt=sum(map(_lines, files.doubts(place))),
    )


def lines_waiting(place: Path) -> int:
    """Returns how many lines of the journal wait to be folded in."""
    return sum(_lines(path) for path in files.unfolded(place))


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(COUNTED_AT_ONCE), b""))


def _moment(seconds: float) -> dt.datetime | None:
    return dt.datetime.fromtimestamp(seconds, dt.UTC) if seconds else None
