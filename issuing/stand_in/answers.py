"""Answers a purchase without the database, in the time that is left: same answer as before, or a new one that is kept.

One thread of the process writes to the journal, for all who wait at the same moment with one write to the disk. Who
asked waits no longer than its deadline, whatever the disk does: what was not kept by then is not given as an answer.
"""

import asyncio
import logging
import queue
import threading
import time
import uuid
import zlib
from collections.abc import Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.conf import settings

from issuing.issuers.merchants import CASH_MCCS
from issuing.issuers.messages import AuthorizationRequest
from issuing.stand_in import files, policy, snapshot
from issuing.stand_in.entries import Entry, Given, Voided, request_of
from issuing.stand_in.index import Known
from issuing.stand_in.journal import Journal, JournalError, OpenJournal
from onecard.kit.clock import Stopwatch
from onecard.kit.masked_body import evidence_of

log = logging.getLogger(__name__)

MOST_TOGETHER: Final = 64
# More than so many would not be kept in time.
MOST_WAITING: Final = 2000
LOGGED_EVERY_S: Final = 10.0
READ_WITHIN_S: Final = 5.0


@dataclass(slots=True, eq=False)
class _Request:
    """One who waits for an answer, until a moment of time.monotonic(); the future gives None for no answer."""

    asked: AuthorizationRequest
    body: bytes
    watch: Stopwatch
    in_doubt: list[str]
    until: float
    answer: "Future[bytes | None]" = field(default_factory=Future)
    # The entry that the answer is in, written just now or found; "" for an answer that is in none.
    entry_id: str = ""
    is_new: bool = False
    response: bytes = b""


def is_on() -> bool:
    """Returns whether there is a place to keep answers in."""
    return bool(settings.STAND_IN_DIR)


def answer(
    asked: AuthorizationRequest, body: bytes, watch: Stopwatch, *, within_s: float, in_doubt: Collection[uuid.UUID]
) -> bytes | None:
    """Returns the answer's bytes once they are kept on the disk; None when there is no place for them, or no time.

    `in_doubt` are decisions on the request whose commit has an unknown end. Never raises, never waits longer.
    """
    request = _begin(asked, body, watch, within_s, in_doubt)
    if request is None:
        return None
    try:
        return request.answer.result(max(0.0, request.until - time.monotonic()))
    except TimeoutError:
        return _given_up(request)


async def answer_soon(
    asked: AuthorizationRequest, body: bytes, watch: Stopwatch, *, within_s: float, in_doubt: Collection[uuid.UUID]
) -> bytes | None:
    """Does the same in an event loop, which meanwhile does other things."""
    request = _begin(asked, body, watch, within_s, in_doubt)
    if request is None:
        return None
    await asyncio.wait({asyncio.wrap_future(request.answer)}, timeout=max(0.0, request.until - time.monotonic()))
    return request.answer.result() if request.answer.done() else _given_up(request)


def read_ahead() -> None:
    """Reads what the journal holds by now, so that the first answer of an outage need not wait for that."""
    with _writer().journal.opened(until=time.monotonic() + READ_WITHIN_S):
        pass


def _begin(
    asked: AuthorizationRequest, body: bytes, watch: Stopwatch, within_s: float, in_doubt: Collection[uuid.UUID]
) -> _Request | None:
    if not is_on() or within_s <= 0:
        return None
    until = time.monotonic() + within_s
    request = _Request(asked, body, watch, [str(each) for each in in_doubt], until)
    try:
        return request if _writer().take(request) else None
    except OSError as error:
        log.error("stand-in: STAND_IN_DIR cannot be used: %s", error)  # noqa: TRY400  (no bug of ours)
        return None


def _given_up(request: _Request) -> bytes | None:
    """Returns None and makes sure that nobody gives the answer later; or the answer, if it came just now."""
    if request.answer.cancel():
        _say("stand-in: an answer could not be kept in time, so it is not given")
        return None
    return request.answer.result()


class Writer(threading.Thread):
    """The thread of one process that writes to the journal of one folder."""

    def __init__(self, place: Path) -> None:
        super().__init__(name="stand-in", daemon=True)
        self.place = place
        self.journal = Journal(place)
        self._waiting: queue.Queue[_Request] = queue.Queue(MOST_WAITING)

    def take(self, request: _Request) -> bool:
        """Has the request answered; returns False when too many wait."""
        try:
            self._waiting.put_nowait(request)
        except queue.Full:
            return False
        return True

    def run(self) -> None:
        while True:
            together = [self._waiting.get()]
            while len(together) < MOST_TOGETHER and not self._waiting.empty():
                together.append(self._waiting.get())
            try:
                self._answer([each for each in together if each.until > time.monotonic()])
            except (JournalError, OSError) as error:
                _say("stand-in: %d purchases are declined, since no answer can be kept: %s", len(together), error)
            except Exception:
                log.exception("stand-in: %d purchases are declined because answering failed", len(together))
            for request in together:
                _resolve(request, None)

    def _answer(self, requests: Sequence[_Request]) -> None:
        if not requests:
            return
        with self.journal.opened(until=max(each.until for each in requests)) as journal:
            entries = [entry for each in requests if (entry := _choose(each, journal))]
            try:
                if entries:
                    journal.write(entries)
            except BaseException:
                for entry in entries:
                    journal.index.remove(entry.id)
                raise
            self._give(requests, journal)
        _say("stand-in: the database does not answer; %d purchases were answered without it", len(requests))

    def _give(self, requests: Sequence[_Request], journal: OpenJournal) -> None:
        """Gives each answer to whoever still waits for it; marks the approvals, and takes back what nobody got."""
        given: set[str] = set()
        missed: set[str] = set()
        for request in requests:
            was_given = _resolve(request, request.response)
            (given if was_given else missed).add(request.entry_id)
        new = {request.entry_id for request in requests if request.is_new}
        marks: list[Given | Voided] = [Given(given=each) for each in given if journal.index.lacks_mark(each)]
        marks += [Voided(voided=each) for each in (missed - given) & new]
        try:
            if marks:
                journal.note(marks)
        except (JournalError, OSError) as error:
            _say("stand-in: %d answers have no mark, so approvals among them are in doubt: %s", len(marks), error)


def _say(sentence: str, *values: object) -> None:
    """Logs a sentence, and then not again for a while: an outage must not flood the log."""
    moment = time.monotonic()
    if moment - _said_at.get(sentence, -LOGGED_EVERY_S) >= LOGGED_EVERY_S:
        _said_at[sentence] = moment
        log.error(sentence, *values)


def _resolve(request: _Request, response: bytes | None) -> bool:
    """Hands over an answer; returns False when nobody waits for it any more."""
    if request.answer.done():
        return not request.answer.cancelled()
    if not request.answer.set_running_or_notify_cancel():
        return False
    request.answer.set_result(response)
    return True


def _choose(request: _Request, journal: OpenJournal) -> Entry | None:
    """Decides on the answer, and returns the entry that has to be written; None for one that was given before."""
    asked, known = request.asked, journal.index.of_event(request.asked)
    if known is not None:
        _repeat(request, known, known.response, otherwise="event_id_reused")
        return None
    if (known := journal.index.of_round(asked)) is not None:
        _repeat(request, known, asked.answers.repeat(known.response), otherwise="round_contradicts")
        return None
    entry = _decide(request, journal)
    request.entry_id, request.is_new, request.response = entry.id, True, entry.response
    journal.index.add(entry)
    return entry


def _repeat(request: _Request, known: Known, response: bytes, *, otherwise: str) -> None:
    if known.fingerprint == request.asked.fingerprint:
        request.entry_id, request.response = known.id, response
    else:
        request.response = request.asked.answers.bare_decline(otherwise)


def _decide(request: _Request, journal: OpenJournal) -> Entry:
    asked, card, taken_at = request.asked, None, 0.0
    if settings.STAND_IN_POLICY == policy.APPROVE:
        card, taken_at = snapshot.find(asked.provider, asked.issuer_card_id)
    question = policy.Question(
        amount_minor=asked.amount_minor,
        currency=asked.currency,
        is_plain=_is_plain(asked),
        is_in_doubt=bool(request.in_doubt),
    )
    approved = journal.index.approved_minor(asked)
    reason = policy.decline_reason(settings.STAND_IN_POLICY, question, card, approved_minor=approved)
    entry_id, evidence = str(uuid.uuid4()), evidence_of(request.body)
    return Entry(
        id=entry_id,
        answered_at=time.time(),
        request=request_of(asked),
        reason=reason,
        response=_response(asked, entry_id, reason),
        method_id=card.method_id if card and not reason else 0,
        snapshot_at=taken_at,
        elapsed_ms=round(request.watch.elapsed_ms, 3),
        in_doubt=request.in_doubt,
        body=zlib.compress(evidence.body),
        original_mac=evidence.original_mac,
        awaits_mark=not reason,
    )


def _response(asked: AuthorizationRequest, entry_id: str, reason: str) -> bytes:
    answers = asked.answers
    return (answers.answer(entry_id, reason) if reason else answers.approve_by_stand_in(entry_id)).encode()


def _is_plain(asked: AuthorizationRequest) -> bool:
    """Returns whether it is the first round of a purchase that is neither cash nor refused for another reason."""
    is_later = asked.follows or asked.earlier_events or asked.earlier_rounds
    is_cash = asked.is_cash or asked.merchant.mcc in CASH_MCCS or asked.beside.cash_minor > 0
    return not (is_later or is_cash or asked.refused_because)


_said_at: dict[str, float] = {}
_lock = threading.Lock()
_writers: dict[str, Writer] = {}


def _writer() -> Writer:
    """Returns the process's writer, started at its first use."""
    place = files.folder()
    assert place is not None  # noqa: S101  (asked before)
    with _lock:
        if str(place) not in _writers:
            _writers[str(place)] = Writer(place)
            _writers[str(place)].start()
        return _writers[str(place)]
