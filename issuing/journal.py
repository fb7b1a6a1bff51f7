"""The journal: writes what follows from a committed decision, exactly once (docs/decisions/0049).

The committing statement writes only what its answer stands on, and one entry of the journal. The event, the decision,
its hold, its obligation with the charge, and the trail are written from the entry a moment later, by whoever comes
first: the web process after it has answered, whoever locks the card or the purchase, or the relay. The entry is deleted
in the transaction that writes them. So whoever holds the lock of a purchase sees all of it.
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import DatabaseError, connection, connections

from issuing.models import JournalEntry

log = logging.getLogger(__name__)

BATCH = 100
# The writer waits this long for company, since each batch costs as much as seven entries (docs/decisions/0070). No
# charge waits for it: the relay that sends charges writes out what it finds before each of its batches.
PAUSE_S = 0.2
WRITE = "SELECT issuing_write_decisions(%s)"
WRITE_WAITING = """
SELECT issuing_write_decisions(ARRAY(
    SELECT id FROM issuing_journal ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED))
"""
WRITE_OF = """
SELECT issuing_write_decisions(ARRAY(
    SELECT id FROM issuing_journal WHERE card_id = ANY(%s)
    UNION ALL
    SELECT id FROM issuing_journal WHERE authorization_id IN (
        SELECT a.id FROM issuing_authorization a WHERE a.provider = %s AND a.issuer_authorization_id = ANY(%s))))
"""
WRITE_OF_EVENT = """
SELECT issuing_write_decisions(ARRAY(SELECT id FROM issuing_journal WHERE provider = %s AND event_id = %s))
"""
# For whoever has an issuer waiting for the answer.
WRITE_BRIEFLY = """
SELECT issuing_write_decisions(ARRAY(
    SELECT id FROM issuing_journal
    WHERE provider = %s AND event_id = %s AND set_config('lock_timeout', '100ms', true) <> ''))
"""

_writer: "Writer | None" = None


def write_of(*, cards: Iterable[int] = (), provider: str = "", names: Iterable[str] = ()) -> int:
    """Writes out the entries of these cards, and of an issuer's purchases by name; returns how many they were."""
    return _run(WRITE_OF, [list(cards), provider, list(names)])


def write_of_event(provider: str, event_id: str) -> int:
    """Writes out the entry of one event, if there is one."""
    return _run(WRITE_OF_EVENT, [provider, event_id])


def write_waiting(limit: int = BATCH) -> int:
    """Writes out the oldest entries that nobody else is writing, up to a limit; returns how many they were.

    An entry that cannot be written stays, is logged, and holds up none of the others.
    """
    try:
        return _run(WRITE_WAITING, [limit])
    except DatabaseError:
        log.exception("journal: a batch could not be written; each entry is tried alone")
    return sum(_write_alone(pk) for pk in JournalEntry.objects.order_by("pk").values_list("pk", flat=True)[:limit])


def write_all() -> None:
    """Writes out whatever waits, and waits for what others are writing, for whoever compares the books as a whole.

    An entry that cannot be written stays and is logged.
    """
    while write_waiting():
        pass
    for pk in JournalEntry.objects.order_by("pk").values_list("pk", flat=True):
        _write_alone(pk)


def write_soon(provider: str, event_id: str) -> None:
    """Writes out one event's entry: by this process's writer, which nobody waits for, otherwise now; never raises."""
    if _writer is not None:
        _writer.wake()
        return
    try:
        _run(WRITE_BRIEFLY, [provider, event_id])
    except DatabaseError as error:
        log.warning("journal: left to the relay: %s", error)


def wake_writer() -> None:
    """Has this process's writer write out what waits; without one, the relay does it."""
    if _writer is not None:
        _writer.wake()


class Writer(threading.Thread):
    """A web process's thread that writes out what its decisions left, so that the answer need not wait for it."""

    def __init__(self) -> None:
        super().__init__(name="journal", daemon=True)
        self._woken = threading.Event()

    def wake(self) -> None:
        self._woken.set()

    def run(self) -> None:
        while True:
            self._woken.wait()
            time.sleep(PAUSE_S)
            self._woken.clear()
            self.write_out()

    def write_out(self) -> None:
        """Writes out what waits. What fails is left to the relay; what came meanwhile has woken the writer again."""
        try:
            while write_waiting() >= BATCH:
                pass
        except DatabaseError as error:
            log.warning("journal: left to the relay: %s", error)
            connections.close_all()


def start_writer() -> None:
    """Starts the process's writer, once."""
    global _writer  # noqa: PLW0603
    if _writer is None:
        _writer = Writer()
        _writer.start()


def _write_alone(pk: int) -> int:
    try:
        return _run(WRITE, [[pk]])
    except DatabaseError:
        log.exception("journal: entry %s cannot be written; its purchase has no charge yet", pk)
        return 0


def _run(sql: str, params: Sequence[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.fetchone()[0])
