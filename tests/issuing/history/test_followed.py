"""A past that is followed lacks no decision that was written out before the last look, and has none of them twice.

Whatever happens at once.
"""

import itertools
import time
import uuid
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
)

from issuing.history import followed
from issuing.history.card_history import NO_HISTORY
from issuing.history.followed import FollowedPasts, Look, Made, Past

CARDS = st.integers(1, 2)


# In order, so that Hypothesis meets the same ones when it repeats a run.
_numbers = itertools.count(1)


def made(card_id: int) -> Made:
    return uuid.UUID(int=next(_numbers)).bytes, card_id


@dataclass
class Reading:
    """A past that is being read: what the database had at its moment, and what came of it in the memory."""

    card_id: int
    past: Past
    asked_at: float
    found: set[Made] | None = None


@dataclass
class Memory:
    """A past as the process has it, and the decisions that are really in it."""

    past: Past
    holds: list[Made] = field(default_factory=list)


class Pasts(RuleBasedStateMachine):
    """A process beside others. Each step of a commit, of writing out, of a reading and of a look happens by itself."""

    committed, writing, readings = Bundle("committed"), Bundle("writing"), Bundle("readings")

    def __init__(self) -> None:
        super().__init__()
        self.pasts = FollowedPasts()
        self.journal: set[Made] = set()
        self.written: dict[Made, int] = {}
        self.being_written: set[Made] = set()
        self.last_id = 0
        self.memory: dict[int, Memory] = {}
        self.looking: tuple[Look, set[Made], float] | None = None
        self.seen: set[Made] = set()
        self.deciding: dict[Made, AbstractContextManager[None]] = {}

    @rule(card=CARDS)
    def another_process_decides(self, card: int) -> None:
        self.journal.add(made(card))

    @rule(target=committed, card=CARDS)
    def we_commit(self, card: int) -> Made:
        ours = made(card)
        self.deciding[ours] = self.pasts.deciding(card)
        self.deciding[ours].__enter__()
        self.journal.add(ours)
        return ours

    @rule(ours=consumes(committed), is_answered=st.booleans())
    def we_hear_of_it(self, ours: Made, is_answered: bool) -> None:
        """Without an answer nobody knows that it was committed, so it is not added."""
        decision_id, card = ours
        if is_answered and card in self.memory:
            self.memory[card].holds.append(ours)
            self.pasts.add_own(card, uuid.UUID(bytes=decision_id))
        self.deciding.pop(ours).__exit__(None, None, None)

    @precondition(lambda self: self.journal - self.being_written)
    @rule(target=writing, data=st.data())
    def a_writer_takes_an_entry(self, data: Any) -> tuple[Made, int]:
        """Its id is taken now, and is seen when the transaction ends."""
        entry = data.draw(st.sampled_from(sorted(self.journal - self.being_written)))
        self.being_written.add(entry)
        self.last_id += 1
        return entry, self.last_id

    @rule(written=consumes(writing), is_undone=st.booleans())
    def its_transaction_ends(self, written: tuple[Made, int], is_undone: bool) -> None:
        entry, pk = written
        self.being_written.discard(entry)
        if not is_undone:
            self.journal.discard(entry)
            self.written[entry] = pk

    @rule(target=readings, card=CARDS, is_anew=st.booleans())
    def a_reading_begins(self, card: int, is_anew: bool) -> Reading:
        """It is put into the past in memory, or into a new one with the whole card."""
        known = self.memory.get(card)
        past = known.past if known is not None and not is_anew else Past(NO_HISTORY)
        return Reading(card, past, time.monotonic())

    @rule(reading=readings)
    def the_database_reads(self, reading: Reading) -> None:
        if reading.found is None:
            reading.found = {each for each in self.written if each[1] == reading.card_id}

    @rule(reading=consumes(readings))
    def the_reading_ends(self, reading: Reading) -> None:
        self.the_database_reads(reading)
        reading.past.read_at = reading.asked_at
        self.memory[reading.card_id] = Memory(reading.past, list(reading.found or ()))
        self.pasts.keep(reading.card_id, reading.past)

    @precondition(lambda self: self.looking is None)
    @rule()
    def a_look_is_made(self) -> None:
        before = self.pasts.newest_id
        since = {each for each, pk in self.written.items() if before is not None and pk > before}
        look = Look(max(self.written.values(), default=0), frozenset(self.journal), frozenset(since))
        self.looking = look, set(self.written), time.monotonic()

    @precondition(lambda self: self.looking is not None)
    @rule(too_many=st.integers(0, 20))
    def its_answer_arrives(self, too_many: int) -> None:
        look, self.seen, looked_at = self.looking or pytest.fail("nobody looked")
        self.looking = None
        self.pasts.take(look._replace(written=None) if too_many == 20 else look, looked_at=looked_at)

    @invariant()
    def nothing_is_missing_or_double(self) -> None:
        for card, known in self.memory.items():
            if self.pasts.has(card, known.past):
                assert {each for each in self.seen if each[1] == card} <= set(known.holds)
                assert len(set(known.holds)) == len(known.holds)


TestPasts = Pasts.TestCase


def kept(pasts: FollowedPasts, card_id: int) -> Past:
    past = Past(NO_HISTORY)
    pasts.keep(card_id, past)
    return past


def looked(pasts: FollowedPasts, *written: Made, newest_id: int = 1) -> None:
    pasts.take(Look(newest_id, frozenset(), frozenset(written)), looked_at=time.monotonic())


def test_a_past_is_followed_until_another_process_decides() -> None:
    pasts = FollowedPasts()
    looked(pasts)
    mine, other = kept(pasts, 1), kept(pasts, 2)
    decision_id = uuid.uuid4()
    pasts.add_own(1, decision_id)

    looked(pasts, (decision_id.bytes, 1), made(2), made(3))

    assert (pasts.has(1, mine), pasts.has(2, other)) == (True, False)
    # It is read again, however young it is.
    assert (mine.is_fresh(), other.is_fresh()) == (True, False)


def test_a_decision_that_gets_a_lower_id_than_a_look_saw_is_not_missed() -> None:
    pasts = FollowedPasts()
    late = made(1)
    pasts.take(Look(7, frozenset({late}), frozenset()), looked_at=time.monotonic())
    past = kept(pasts, 1)
    pasts.take(Look(7, frozenset({late}), frozenset()), looked_at=time.monotonic())
    assert pasts.has(1, past)

    pasts.take(Look(7, frozenset(), frozenset()), looked_at=time.monotonic())

    assert not pasts.has(1, past)


def test_a_past_read_while_decisions_of_ours_wait_is_not_followed() -> None:
    pasts = FollowedPasts()
    looked(pasts)
    ours = uuid.uuid4()
    pasts.add_own(1, ours)
    assert not pasts.has(1, kept(pasts, 1))

    looked(pasts, (ours.bytes, 1))

    assert pasts.has(1, kept(pasts, 1))


def test_a_past_read_while_a_commit_of_ours_is_under_way_is_not_followed() -> None:
    pasts = FollowedPasts()
    looked(pasts)
    with pasts.deciding(1), pasts.deciding(1):
        assert not pasts.has(1, kept(pasts, 1))
        assert pasts.has(2, kept(pasts, 2))

    assert pasts.has(1, kept(pasts, 1))


def test_nothing_is_followed_before_the_first_look() -> None:
    pasts = FollowedPasts()
    early = kept(pasts, 1)
    looked(pasts)
    assert not pasts.has(1, early)
    assert pasts.has(1, kept(pasts, 1))


def test_a_past_is_not_followed_without_looks_nor_for_ever(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pasts = FollowedPasts()
    looked(pasts)
    past = kept(pasts, 1)
    settings.CARD_HISTORY_MAX_AGE_S = 0
    assert not pasts.has(1, past)
    settings.CARD_HISTORY_MAX_AGE_S = 30
    monkeypatch.setattr(followed, "LONGEST_S", 0.0)
    assert not pasts.has(1, past)


def test_where_too_many_others_decide_nothing_is_followed_for_a_minute() -> None:
    pasts = FollowedPasts()
    assert (pasts.is_due(), pasts.is_due()) == (True, False)
    looked(pasts)
    past = kept(pasts, 1)

    pasts.take(Look(10**6, frozenset(), None), looked_at=time.monotonic())

    assert (pasts.has(1, past), pasts.newest_id, pasts.is_due()) == (False, None, False)


def test_after_a_failover_that_lost_decisions_nothing_is_followed() -> None:
    pasts = FollowedPasts()
    looked(pasts, newest_id=9)
    past = kept(pasts, 1)

    looked(pasts, newest_id=8)

    assert (pasts.has(1, past), pasts.newest_id) == (False, None)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(followed, "MOST_PASTS", 2)
    monkeypatch.setattr(followed, "MOST_DECISIONS", 2)
    pasts = FollowedPasts()
    looked(pasts)
    first, second, third = (kept(pasts, card) for card in (1, 2, 3))
    assert [pasts.has(*each) for each in ((1, first), (2, second), (3, third))] == [False, True, True]
    ours = [uuid.uuid4() for _ in range(3)]
    for each in ours:
        pasts.add_own(3, each)

    looked(pasts, *((each.bytes, 3) for each in ours))

    # What was forgotten counts as another's.
    assert not pasts.has(3, third)
