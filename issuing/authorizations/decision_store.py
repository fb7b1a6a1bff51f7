"""The two statements of a decision: one reads everything it needs, the other commits everything.

This module uses plain SQL because on this path the ORM would take most of the time (docs/decisions/0003). Both
statements pass the rest of the deadline to the database: a statement that takes longer, for a lock or anything else, is
cancelled there and raises django.db.OperationalError.
"""

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
from django.db import DatabaseError, OperationalError, connection
from psycopg.pq import PipelineStatus
from psycopg.types.json import Jsonb

from issuing.authorizations.card_columns import CARD
from issuing.authorizations.facts import CardFacts, Facts, KnownCard
from issuing.body_compression import compressed
from issuing.controls import velocity
from issuing.issuers.messages import AuthorizationRequest
from onecard.kit.masked_body import Evidence, evidence_of
from onecard.kit.postgresql.base import LOST_STATEMENT, READS_ONLY, NotConnectedError
from onecard.kit.postgresql.loop_connection import LoopConnection, bigint_array, bytea_array, jsonb, text_array
from onecard.kit.postgresql.time_limits import SilentDatabaseError, TimeLimitedConnection

# The index of cards' ids leaves out the cards that have none. Both statements say that they want no such card, since
# otherwise one would read all cards, and the other be planned anew each time.
READ = f"""
SELECT (SELECT version FROM routing_rulebook), (SELECT version FROM issuing_controlbook),
       coalesce(
         (SELECT j.response FROM issuing_journal j
           WHERE j.provider = %(provider)s AND j.event_id = %(event_id)s AND j.event_type = %(event_type)s
             AND j.fingerprint = %(fingerprint)s),
         (SELECT d.response FROM issuing_issuerevent e JOIN issuing_decision d ON d.event_id = e.id
           WHERE e.provider = %(provider)s AND e.event_id = %(event_id)s AND e.event_type = %(event_type)s
             AND e.fingerprint IN ('', %(fingerprint)s) ORDER BY d.id DESC LIMIT 1)),
       (SELECT count(DISTINCT e.event_id) FROM issuing_issuerevent e
          JOIN issuing_issuerevent same ON same.object_id = e.object_id AND same.provider = e.provider
                                       AND same.fingerprint = e.fingerprint
          JOIN issuing_decision d ON d.event_id = same.id
         WHERE e.provider = %(provider)s AND e.event_id = ANY(%(earlier_events)s::text[])),
       (SELECT count(DISTINCT d.round_key) FROM issuing_decision d
         WHERE d.authorization_id = a.id AND d.round_key = ANY(%(earlier_rounds)s::text[])),
       a.approved_minor, a.status, a.card_id, a.currency,
       EXISTS (SELECT FROM issuing_issueraccount i
                WHERE i.provider = %(provider)s AND i.issuer_cardholder_id = ANY(%(cardholders)s::text[])
                  AND i.issuer_cardholder_id <> '' AND i.cardholder_id <> c.cardholder_id),
       {CARD}
  FROM (SELECT 1) AS one
  LEFT JOIN issuing_virtualcard c ON c.issuer_provider = %(provider)s AND c.issuer_card_id = %(card_id)s
                                 AND c.issuer_card_id <> ''
  LEFT JOIN wallet_cardholder h ON h.id = c.cardholder_id
  LEFT JOIN issuing_authorization a ON a.provider = %(provider)s
                                   AND a.issuer_authorization_id = %(authorization_id)s
"""  # noqa: S608 (a constant)

# With LIMIT each card and each holder is a look at an index, and never a join that reads all of them.
READ_CARDS = f"""
SELECT (SELECT version FROM routing_rulebook), (SELECT version FROM issuing_controlbook), jsonb_agg(jsonb_build_array(
       wanted.place, {CARD},
       (SELECT jsonb_agg(i.issuer_cardholder_id) FROM issuing_issueraccount i
         WHERE i.cardholder_id = h.id AND i.provider = c.issuer_provider)))::text
  FROM jsonb_to_recordset($1::jsonb) AS wanted (provider text, id text, place int)
  JOIN LATERAL (SELECT * FROM issuing_virtualcard
                 WHERE issuer_provider = wanted.provider AND issuer_card_id = wanted.id AND issuer_card_id <> ''
                 LIMIT 1) c ON true
  JOIN LATERAL (SELECT * FROM wallet_cardholder WHERE id = c.cardholder_id LIMIT 1) h ON true
""".encode()  # noqa: S608 (a constant)
RECORD_MANY = (
    b"SELECT place, outcome, response FROM issuing_record_decisions("
    b"$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
)
# What only the single function looks at.
ALONE = ("responses", "day", "month", "velocity")
REFUSE = "SELECT issuing_refuse_event(%(refusal)s, %(body)s)"
RECORD = "SELECT outcome, response FROM issuing_record_decision(%(proposal)s, %(body)s)"


# Each of these statements finds its rows by an index. A plan that was made while a table was small would go on reading
# it as a whole when it is large.
BY_INDEX = "set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)"


class Result(msgspec.Struct, frozen=True):
    """The outcome of the committing statement (issuing/sql/record_decision.sql), and the answer; empty if undecided."""

    kind: str
    response: bytes


def read(asked: AuthorizationRequest, *, remaining_ms: float) -> Facts:
    """Reads everything that a decision on this request needs, in one round trip."""
    names = {
        "provider": asked.provider,
        "event_id": asked.event_id,
        "event_type": asked.event_type,
        "fingerprint": asked.fingerprint,
        "card_id": asked.issuer_card_id,
        "authorization_id": asked.authorization_id,
        "earlier_events": list(asked.earlier_events),
        "earlier_rounds": list(asked.earlier_rounds),
        "cardholders": list(asked.cardholders),
    }
    row = run_statement(READ, names, remaining_ms)
    (
        version,
        controls_version,
        answered,
        events,
        rounds,
        approved,
        status,
        card_before,
        currency,
        names_another,
        *card,
    ) = row
    known_rounds = events if asked.earlier_events else rounds
    return Facts(
        rulebook_version=version,
        controls_version=controls_version,
        answered=answered,
        approved_before_minor=approved or 0,
        status_before=status or "",
        card_before=card_before,
        currency_before=currency or "",
        unknown_rounds=len(asked.earlier_events or asked.earlier_rounds) - known_rounds,
        names_another_person=names_another,
        card=CardFacts.of(card) if card[0] is not None else None,
    )


def record(proposal: dict[str, Any], body: bytes, *, remaining_ms: float) -> Result:
    """Commits a decision under the card's lock, in one round trip (issuing/sql/record_decision.sql)."""
    kind, response = run_statement(RECORD, _kept("proposal", proposal, body), remaining_ms)
    return Result(kind, response or b"")


async def read_cards(
    link: LoopConnection, wanted: Sequence[tuple[str, str]], *, remaining_ms: float
) -> list[KnownCard | None]:
    """Reads what decisions need to know of these cards, each a provider and an issuer's id; None for an unknown one."""
    asked = [{"provider": provider, "id": card, "place": place} for place, (provider, card) in enumerate(wanted)]
    ((version, controls, found_json),) = await link.run(
        READ_CARDS, [jsonb(json.dumps(asked).encode())], limit_ms=remaining_ms
    )
    rows = json.loads(found_json) if found_json else []
    book, control_book = (int.from_bytes(each or b"", "big") for each in (version, controls))
    found = {
        place: KnownCard(book, control_book, CardFacts.of(facts), frozenset(people or ()))
        for place, *facts, people in rows
    }
    return [found.get(place) for place in range(len(wanted))]


async def record_many(
    link: LoopConnection, decisions: Sequence[tuple[dict[str, Any], Evidence]], *, remaining_ms: float
) -> list[Result]:
    """Commits decisions together, in one round trip (issuing/sql/record_decisions.sql); all of them or none."""
    looked_at, answers, traces, alone, bodies, counted = [], [], [], [], [], []
    taken: set[tuple[str, str, str]] = set()
    for place, (proposal, evidence) in enumerate(decisions, start=1):
        facts = proposal | {"original_mac": evidence.original_mac, "place": place}
        facts["is_ordinary"] = _is_ordinary(facts) and _is_first(facts, taken)
        traces.append(msgspec.json.encode(facts.pop("trace")))
        rest = {name: facts.pop(name) for name in ALONE if name in facts}
        answers.append(rest["responses"].get("", "").encode())
        alone.append(msgspec.json.encode(rest))
        bodies.append(compressed(evidence.body))
        if rest.get("velocity") and not facts["decline_reason"]:
            counted.append((place, rest["velocity"]))
        looked_at.append(facts)
    counters, columns = velocity.as_columns(counted)
    params = [
        jsonb(msgspec.json.encode(looked_at)),
        bigint_array([facts.get("card_id") or 0 for facts in looked_at]),
        bytea_array(answers),
        text_array(traces),
        text_array(alone),
        bytea_array(bodies),
        counters.to_bytes(8, "big"),
        *map(bigint_array, columns),
    ]
    rows = await link.run(RECORD_MANY, params, limit_ms=remaining_ms)
    found = {
        int.from_bytes(place or b"", "big"): Result((kind or b"").decode(), answer or b"")
        for place, kind, answer in rows
    }
    return [found[place] for place in range(1, len(decisions) + 1)]


def _is_ordinary(facts: dict[str, Any]) -> bool:
    """Returns whether the shared statement may write it as one of a set; it compares versions and limits itself."""
    odd = (
        *("decline_reason", "status_before", "contradiction", "from_balance_minor", "standing_minor"),
        *("passes", "headroom_minor"),
    )
    return facts["amount_minor"] > 0 and not any(facts.get(name) for name in odd)


def _is_first(facts: dict[str, Any], taken: set[tuple[str, str, str]]) -> bool:
    """Returns whether no other in the set has the event or the purchase, and notes both."""
    names = {(facts["provider"], name, facts[name]) for name in ("event_id", "authorization_id")}
    is_first = not names & taken
    taken |= names
    return is_first


def refuse(refusal: dict[str, Any], body: bytes, *, remaining_ms: float) -> None:
    """Keeps a request that is not decided, with a case, in one round trip (issuing/sql/refuse_event.sql)."""
    run_statement(REFUSE, _kept("refusal", refusal, body), remaining_ms)


def _kept(name: str, facts: dict[str, Any], body: bytes) -> dict[str, Any]:
    evidence = evidence_of(body)
    return {name: Jsonb(facts | {"original_mac": evidence.original_mac}), "body": compressed(evidence.body)}


def can_start_again(error: DatabaseError) -> bool:
    """Returns whether the decision may be attempted again after this error.

    If the connection is broken, a new one is used.
    """
    raw: TimeLimitedConnection | None = connection.connection
    if raw is None or connection.in_atomic_block:
        return False
    if is_silent(error):
        connection.close()
        return False
    lost = isinstance(error.__cause__, LOST_STATEMENT)
    failed_over = isinstance(error.__cause__, READS_ONLY) and RECORD in raw.planned
    if lost or failed_over or raw.closed or raw.pgconn.pipeline_status != PipelineStatus.OFF:
        connection.close()
        return True
    return isinstance(error.__cause__, psycopg.errors.SerializationFailure | psycopg.errors.DeadlockDetected)


def is_silent(error: DatabaseError) -> bool:
    """Returns True when the database was given up on because it did not respond."""
    return isinstance(error.__cause__, SilentDatabaseError)


def is_unknown(error: DatabaseError) -> bool:
    """Returns True when the failed statement may still have been committed, because its connection is gone."""
    raw: TimeLimitedConnection | None = connection.connection
    return not isinstance(error, NotConnectedError) and (raw is None or bool(raw.closed) or is_silent(error))


def forget_connection() -> None:
    """Drops the connection unless it is in a transaction; the next statement opens a new one."""
    if not connection.in_atomic_block:
        connection.close()


def run_statement(sql: str, params: dict[str, Any], remaining_ms: float) -> tuple[Any, ...]:
    """Runs one statement that returns one row; the database cancels it when the remaining milliseconds are over."""
    if connection.connection is not None and connection.connection.is_doubtful:
        forget_connection()
    _connect()
    raw: TimeLimitedConnection = connection.connection
    with connection.wrap_database_errors:
        if connection.in_atomic_block:
            return _only_row(psycopg.Cursor(raw).execute(sql, params))
        return _in_one_trip(raw, sql, params, max(1, int(remaining_ms)))


def _connect() -> None:
    """Raises NotConnectedError when there is no connection, so that nothing was sent on one."""
    try:
        connection.ensure_connection()
    except OperationalError as error:
        raise NotConnectedError(*error.args) from error.__cause__


def _in_one_trip(raw: TimeLimitedConnection, sql: str, params: dict[str, Any], limit_ms: int) -> tuple[Any, ...]:
    """Sets the time-out and runs the statement, sent together: one round trip, one implicit transaction.

    Waiting for a lock counts as well. The setting is local to that transaction, so it ends with the statement, and no
    other client of a pooler gets it.

    When a statement fails, the server skips all that follow it. psycopg counts how often it has sent a statement, and
    may take a skipped one for prepared. So the one statement that is prepared comes last, and the one before it is
    never prepared. If that last statement failed at its first use, the connection is replaced: psycopg would otherwise
    prepare it under a new name each time, and the server would keep them all.
    """
    cursor, beside = psycopg.Cursor(raw), psycopg.Cursor(raw)
    try:
        with raw.pipeline():
            beside.execute(f"SELECT set_config('statement_timeout', '{limit_ms}', true), {BY_INDEX}", prepare=False)
            cursor.execute(sql, params, prepare=True)
    except psycopg.Error:
        raw.is_doubtful |= sql not in raw.planned
        raise
    raw.planned.add(sql)
    return _only_row(cursor)


def _only_row(cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    row = cursor.fetchone()
    assert row is not None, "both statements answer exactly one row"  # noqa: S101
    return tuple(row)
