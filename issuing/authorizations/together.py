"""Decides the ordinary request in the server's event loop, together with all others that wait (docs/decisions/0050).

Ordinary is the first round of a purchase that nobody has heard of, at a card that this process knows or reads. What it
chooses is only a proposal, as everywhere: the committing statement compares the versions that it was made from, and
whatever it does not record is decided by `authorize` in a thread, from the start. So nothing here decides otherwise
than there; it only costs less.
"""

import logging
import time
import uuid
from collections import OrderedDict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from django.conf import settings
from django.db import DatabaseError

from issuing import journal
from issuing.authorizations import deadlines, decision_store, fraud, known_pasts, past, turned_away, unknown_commits
from issuing.authorizations.answers import answer_of
from issuing.authorizations.facts import Facts, KnownCard
from issuing.authorizations.proposal import draft, propose
from issuing.authorizations.shared_statement import MOST_TOGETHER, NotTakenError, SharedStatement
from issuing.controls import compiled
from issuing.fraud.asking import NOBODY
from issuing.issuers.messages import AuthorizationRequest
from issuing.stand_in import answers as stand_in
from onecard.kit import clock, fresh_ids
from onecard.kit.clock import Stopwatch
from onecard.kit.masked_body import Evidence, evidence_of
from onecard.kit.postgresql.base import NotDoneError
from onecard.kit.postgresql.loop_connection import LoopConnection
from routing import rulebook, strategy
from routing.valued import spending

log = logging.getLogger(__name__)

# Each takes some 3 kB of the process.
KNOWN_CARDS: Final = 20_000
# Statements of commits that are under way at the same time.
AT_ONCE: Final = 2
# Whoever waits while no statement came back for this share of a deadline waits for a database that does not answer.
SILENT_SHARE: Final = 0.25
# The outcomes that answer the request, whatever the proposal was made from.
ANSWERED: Final = ("recorded", "duplicate", "twin")
Key = tuple[str, str]
R = TypeVar("R")


@dataclass
class NeedsThreadError(Exception):
    """The request is decided by `authorize` in a thread; `in_doubt` are decisions whose commit has an unknown end.

    `is_database_failing` is true where the database, and not the request, is the reason.
    """

    in_doubt: list[uuid.UUID] = field(default_factory=list)
    is_database_failing: bool = False


async def decide(asked: AuthorizationRequest, body: bytes, watch: Stopwatch) -> bytes:
    """Returns the answer's bytes, as `authorize` does; raises NeedsThreadError where this is not the place for it."""
    if reason := turned_away.reason_of(asked):
        return asked.answers.bare_decline(reason)
    if deadlines.is_too_old(watch):
        # Not logged, as in issuing/webhooks/shedding.py: there are too many when it happens, and each log line delays.
        return asked.answers.bare_decline(turned_away.LATE)
    try:
        return await _decide(asked, body, watch)
    except NeedsThreadError as error:
        if not deadlines.is_too_old(watch):
            raise
        # A thread would find it too old to be decided.
        answered = await stand_in_for(asked, body, watch, error.in_doubt) if error.is_database_failing else None
        return answered or _too_late(asked, body, error.in_doubt)


async def stand_in_for(
    asked: AuthorizationRequest, body: bytes, watch: Stopwatch, in_doubt: Sequence[uuid.UUID] = ()
) -> bytes | None:
    """Returns stand-in's answer, or None where there is none; for when the database does not answer."""
    within_s = deadlines.left_ms(watch) / 1000
    return await stand_in.answer_soon(asked, body, watch, within_s=within_s, in_doubt=list(in_doubt))


def _too_late(asked: AuthorizationRequest, body: bytes, in_doubt: list[uuid.UUID]) -> bytes:
    if in_doubt:
        unknown_commits.follow_up(asked, body, in_doubt)
    return asked.answers.bare_decline(turned_away.LATE)


async def _decide(asked: AuthorizationRequest, body: bytes, watch: Stopwatch) -> bytes:
    if not _is_first_round(asked):
        raise NeedsThreadError
    known = await _known(asked, watch)
    if known is None:
        raise NeedsThreadError
    decision_id = fresh_ids.fresh()
    made, hooks = draft(asked, _facts(known), watch=watch), NOBODY
    if not made.reason:
        hooks = await fraud.ask_soon(asked, known.facts, remaining_ms=deadlines.remaining_ms(watch))
        watch.lap("hooks")
    proposal = propose(made, decision_id=decision_id, watch=watch, hooks=hooks)
    proposal["rulebook_version"] = known.rulebook_version
    evidence = Evidence(body) if asked.is_clean else evidence_of(body)
    with known_pasts.deciding(known.facts):
        return await _committed(asked, proposal, evidence, watch, decision_id)


async def _committed(
    asked: AuthorizationRequest, proposal: dict[str, Any], evidence: Evidence, watch: Stopwatch, decision_id: uuid.UUID
) -> bytes:
    result = await _recorded(asked, proposal, evidence, watch, decision_id)
    watch.lap("commit")
    if result.kind == "stale":
        _cards.pop((asked.provider, asked.issuer_card_id), None)
    if result.kind not in ANSWERED:
        raise NeedsThreadError
    if result.kind == "recorded":
        if deadlines.left_ms(watch) < 0 and asked.answers.is_approval(result.response):
            raise NeedsThreadError([decision_id])
        journal.wake_writer()
        _remember(asked, result, proposal, decision_id)
    return answer_of(asked.answers, result.kind, result.response)


def is_silent() -> bool:
    """Returns whether the database has left a statement of ours without an answer for a quarter of a deadline."""
    return max(each.silent_s for each in _STATEMENTS) > SILENT_SHARE * float(settings.DECISION_DEADLINE_MS) / 1000


async def _known(asked: AuthorizationRequest, watch: Stopwatch) -> KnownCard | None:
    """Returns what the memory has of the card where that is of use, or else what the database has.

    None where that is not all that this request needs.
    """
    key = (asked.provider, asked.issuer_card_id)
    known = _cards.get(key)
    is_fresh = known is not None and known_pasts.may_decide(known)
    is_usable = known is not None and (is_fresh or not _spends_by_value(known))
    if known is not None and is_usable and known.facts.spends_balance:
        _cards.move_to_end(key)
        return None
    if known is not None and is_usable and _is_ordinary(asked, known):
        _cards.move_to_end(key)
        if not is_fresh:
            await _read(known_pasts.read_anew(known.facts, within_s=_left_s(watch)), watch)
        return known
    asked_at = time.monotonic()
    known = await _read(_reads(key, within_s=_left_s(watch)), watch)
    if known is not None:
        known_pasts.keep(known.facts, asked_at=asked_at)
        _cards[key] = known
        if len(_cards) > KNOWN_CARDS:
            _cards.popitem(last=False)
    return known if known is not None and _is_ordinary(asked, known) else None


async def _read(reading: Awaitable[R], watch: Stopwatch) -> R:
    try:
        found = await reading
    except (DatabaseError, TimeoutError, NotTakenError):
        raise NeedsThreadError(is_database_failing=True) from None
    watch.lap("read")
    return found


def _left_s(watch: Stopwatch) -> float:
    return deadlines.remaining_ms(watch) / 1000


def _remember(
    asked: AuthorizationRequest, result: decision_store.Result, proposal: dict[str, Any], decision_id: uuid.UUID
) -> None:
    """Adds a decision to the card's past in memory, until the card is read anew."""
    key, amount_minor = (asked.provider, asked.issuer_card_id), proposal["amount_minor"]
    known = _cards.get(key)
    if known is None or not past.is_used(known):
        return
    counted = amount_minor if asked.currency == known.facts.currency else None
    is_approved = asked.answers.is_approval(result.response)
    known.facts.past.history = known.facts.history.after(
        asked, is_approved=is_approved, amount_minor=amount_minor, counted_minor=counted, at=clock.now()
    )
    known_pasts.add_own(known.facts, decision_id)
    person = spending.after(known.facts.person, proposal["trace"], amount_minor) if is_approved else known.facts.person
    if person is None:
        # What it takes of caps is known to the database alone, some seconds later.
        _cards.pop(key)
    elif person is not known.facts.person:
        _cards[key] = replace(known, facts=replace(known.facts, person=person))


async def _recorded(
    asked: AuthorizationRequest, proposal: dict[str, Any], evidence: Evidence, watch: Stopwatch, decision_id: uuid.UUID
) -> decision_store.Result:
    try:
        return await _commits((proposal, evidence), within_s=_left_s(watch))
    except (NotTakenError, NotDoneError):
        raise NeedsThreadError(is_database_failing=True) from None
    except Exception as error:
        # Whatever it was, the commit may have happened.
        is_bug = not isinstance(error, DatabaseError | TimeoutError)
        log.warning("authorization %s: not decided with the others: %r", asked.authorization_id, error, exc_info=is_bug)
        raise NeedsThreadError([decision_id], is_database_failing=not is_bug) from None


def _is_first_round(asked: AuthorizationRequest) -> bool:
    return not (asked.follows or asked.earlier_events or asked.earlier_rounds)


def _is_ordinary(asked: AuthorizationRequest, known: KnownCard) -> bool:
    """Returns whether the memory knows all that this request needs; a balance changes with each purchase."""
    has_controls = compiled.is_compiled(version=known.controls_version)
    names_its_own = all(each in known.own_people for each in asked.cardholders if each)
    is_compiled = rulebook.is_compiled(
        version=known.rulebook_version, mcc=asked.merchant.mcc, with_catalogue=_spends_by_value(known)
    )
    return names_its_own and is_compiled and has_controls and not known.facts.spends_balance


def _spends_by_value(known: KnownCard) -> bool:
    """Returns whether the reward catalogue is asked."""
    return strategy.is_by_value(known.facts.preference)


def _facts(known: KnownCard) -> Facts:
    """Returns what is known of a purchase that nobody has heard of; if that is wrong, the proposal is stale."""
    return Facts(
        rulebook_version=known.rulebook_version,
        controls_version=known.controls_version,
        answered=None,
        approved_before_minor=0,
        status_before="",
        card_before=None,
        currency_before="",
        unknown_rounds=0,
        names_another_person=False,
        card=known.facts,
    )


async def _read_cards(connection: LoopConnection, keys: Sequence[Key], left_ms: float) -> Sequence[KnownCard | None]:
    return await decision_store.read_cards(connection, keys, remaining_ms=left_ms)


async def _commit(
    connection: LoopConnection, decisions: Sequence[tuple[dict[str, Any], Evidence]], left_ms: float
) -> Sequence[decision_store.Result]:
    """Commits in the order of the cards, so that two such statements take their locks in one order."""
    places = sorted(range(len(decisions)), key=lambda place: decisions[place][0].get("card_id") or 0)
    in_order = [decisions[place] for place in places]
    results = await decision_store.record_many(connection, in_order, remaining_ms=left_ms)
    by_place = dict(zip(places, results, strict=True))
    return [by_place[place] for place in range(len(decisions))]


_cards: OrderedDict[Key, KnownCard] = OrderedDict()
_reads: SharedStatement[Key, KnownCard | None] = SharedStatement(_read_cards, at_once=1, most=MOST_TOGETHER)
_commits: SharedStatement[tuple[dict[str, Any], Evidence], decision_store.Result] = SharedStatement(
    _commit, at_once=AT_ONCE, most=MOST_TOGETHER
)
_STATEMENTS: Final = (_reads, known_pasts.pasts, _commits)


def forget() -> None:
    """Drops what this process knows of cards, and its connections, as a restart does: for tests."""
    _cards.clear()
    turned_away.forget()
    known_pasts.forget()
    for each in (_reads, _commits):
        each.forget()
