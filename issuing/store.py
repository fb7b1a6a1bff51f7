"""The two statements of a decision: one that reads all it needs, one that commits all of it.

Plain SQL in this one module, because on this one path the ORM's own time would be most of the answer
(docs/decisions/0003). Both statements carry what is left of the deadline into the database: a statement that waits
longer, for a lock or for anything else, is ended there and raises django.db.OperationalError.
"""

import json
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection
from psycopg.pq import PipelineStatus
from psycopg.types.json import Jsonb

from issuing.events import AuthorizationRequest

READ = """
SELECT (SELECT version FROM routing_rulebook),
       (SELECT d.response FROM issuing_issuerevent e JOIN issuing_decision d ON d.event_id = e.id
         WHERE e.provider = %(provider)s AND e.event_id = %(event_id)s ORDER BY d.id DESC LIMIT 1),
       a.approved_minor, a.status,
       c.id, c.version, c.status, c.currency, c.per_transaction_limit_minor, c.balance_minor, c.spends_balance,
       h.id, h.wallet_version, h.kyc_status, h.time_zone, h.preference,
       (SELECT jsonb_agg(jsonb_build_array(m.id, m.name, m.network, m.product_id, m.last_four, m.processor_method_id,
                                           m.status, m.expiry_year, m.expiry_month, m.cooling_until, m.currencies,
                                           m.is_backup, m.position) ORDER BY m.position, m.id)::text
          FROM wallet_fundingmethod m WHERE m.cardholder_id = h.id)
  FROM (SELECT 1) AS one
  LEFT JOIN issuing_virtualcard c ON c.issuer_provider = %(provider)s AND c.issuer_card_id = %(card_id)s
  LEFT JOIN wallet_cardholder h ON h.id = c.cardholder_id
  LEFT JOIN issuing_authorization a ON a.provider = %(provider)s
                                   AND a.issuer_authorization_id = %(authorization_id)s
"""

RECORD = "SELECT outcome, response FROM issuing_record_decision(%(proposal)s, %(body)s)"


@dataclass(frozen=True, slots=True)
class CardSeen:
    """The card and its holder as the decision reads them."""

    id: int
    version: int
    status: str
    currency: str
    per_transaction_limit_minor: int
    balance_minor: int
    spends_balance: bool
    cardholder_id: int
    wallet_version: int
    kyc_status: str
    time_zone: str
    preference: str
    methods_json: str | None

    @property
    def methods(self) -> list[list[Any]]:
        """The wallet, an array for each method in the order of READ."""
        return json.loads(self.methods_json) if self.methods_json else []


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a decision is made from; `answered` is the stored answer when the event is not new."""

    rulebook_version: int
    answered: bytes | None
    approved_before_minor: int
    status_before: str
    card: CardSeen | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the committing statement did: recorded, duplicate, twin or stale; and the answer, empty when stale."""

    kind: str
    response: bytes


def read(asked: AuthorizationRequest, *, remaining_ms: float) -> Seen:
    """Reads everything that a decision on this request needs, in one round trip."""
    names = {
        "provider": asked.provider,
        "event_id": asked.event_id,
        "card_id": asked.issuer_card_id,
        "authorization_id": asked.authorization_id,
    }
    version, answered, approved, status, *card = _run(READ, names, remaining_ms)
    return Seen(
        rulebook_version=version,
        answered=answered,
        approved_before_minor=approved or 0,
        status_before=status or "",
        card=CardSeen(*card) if card[0] is not None else None,
    )


def record(proposal: dict[str, Any], body: bytes, *, remaining_ms: float) -> Outcome:
    """Commits a decision under the card's lock, in one round trip; see migration 0012 for what it answers."""
    kind, response = _run(RECORD, {"proposal": Jsonb(proposal), "body": body}, remaining_ms)
    return Outcome(kind, response or b"")


def reconnect_if_broken() -> bool:
    """Throws away a connection that is no longer usable and says whether it did: the next statement makes a new one."""
    raw: psycopg.Connection[Any] | None = connection.connection
    # A commit that failed can leave the pipeline open: such a connection answers nothing any more.
    usable = raw is None or not (raw.closed or raw.pgconn.pipeline_status != PipelineStatus.OFF)
    if usable or connection.in_atomic_block:
        return False
    connection.close()
    return True


def forget_connection() -> None:
    """Throws the connection away, unless it is in somebody's transaction; the next statement makes a new one."""
    if not connection.in_atomic_block:
        connection.close()


def _run(sql: str, params: dict[str, Any], remaining_ms: float) -> tuple[Any, ...]:
    """One row of one statement, which the database ends by itself when the remaining milliseconds are over."""
    connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    with connection.wrap_database_errors:
        if connection.in_atomic_block:
            return _only_row(psycopg.Cursor(raw).execute(sql, params))
        return _in_one_trip(raw, sql, params, max(1, int(remaining_ms)))


def _in_one_trip(raw: psycopg.Connection[Any], sql: str, params: dict[str, Any], limit_ms: int) -> tuple[Any, ...]:
    """Arms the timeout, runs the statement and disarms, sent together: no further round trip, one implicit commit.

    Waiting for a lock counts as well. When the statement fails, the server takes the setting back with the rest.
    """
    cursor, beside = psycopg.Cursor(raw), psycopg.Cursor(raw)
    with raw.pipeline():
        beside.execute(f"SET statement_timeout={limit_ms}")
        _execute_prepared(raw, cursor, sql, params)
        beside.execute("RESET statement_timeout")
    return _only_row(cursor)


def _execute_prepared(
    raw: psycopg.Connection[Any], cursor: psycopg.Cursor[Any], sql: str, params: dict[str, Any]
) -> None:
    """Planned at its first run on a connection; other statements only when they have come back a few times."""
    usual, raw.prepare_threshold = raw.prepare_threshold, 0
    try:
        cursor.execute(sql, params)
    finally:
        raw.prepare_threshold = usual


def _only_row(cursor: psycopg.Cursor[Any]) -> tuple[Any, ...]:
    row = cursor.fetchone()
    assert row is not None, "both statements answer exactly one row"  # noqa: S101
    return tuple(row)
