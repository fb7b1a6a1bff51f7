"""The controls in force as frozen values: those of the programme once per process and version, a card's as it is read.

The committing statement compares the version of the programme's controls, the card's and the wallet's, so that nothing
is decided by controls that have changed meanwhile (issuing/sql/controls_changed.sql).
"""

import datetime as dt
import functools
import json
from typing import Any, Final

from django.db import connection

from issuing import states
from issuing.controls.definition import compile_definition
from issuing.controls.evaluation import ControlInForce, Pass
from issuing.controls.in_force import InForce
from onecard.kit.transactions import limited_read

# What a decision reads of a control, as a JSON array. The scope comes first in their order: it is the wider one's turn.
COLUMNS: Final = """jsonb_build_array(v.id, k.id, k.name, v.reason_code, v.sentence, v.state, v.definition, k.scope,
    k.excluded_card_ids, k.excluded_cardholder_ids, k.card_id)"""
IN_FORCE: Final = f"('{states.ControlState.ACTIVE.value}', '{states.ControlState.SHADOW.value}')"
# Of a card `c`. The controls of a card go on with the cards that take its place. With OFFSET each step is a look at an
# index, and never a join that reads the controls of all cards.
_IN_FORCE_OF: Final = f"""CROSS JOIN LATERAL (SELECT * FROM issuing_controlversion v
    WHERE v.control_id = k.id AND v.state IN {IN_FORCE} OFFSET 0) v"""  # noqa: S608  (a constant)
OF_CARD: Final = f"""(SELECT jsonb_agg(found.control ORDER BY found.is_of_card, found.id)::text FROM (
    SELECT {COLUMNS} AS control, true AS is_of_card, v.id
        FROM unnest(CASE WHEN c.replaces_id IS NULL THEN ARRAY[c.id] ELSE ARRAY(
            WITH RECURSIVE family (id, before) AS (
                SELECT c.id, c.replaces_id
                UNION
                SELECT e.id, e.replaces_id FROM family JOIN issuing_virtualcard e ON e.id = family.before
            ) SELECT id FROM family) END) AS of_card (id)
        CROSS JOIN LATERAL (SELECT * FROM issuing_control k WHERE k.card_id = of_card.id OFFSET 0) k
        {_IN_FORCE_OF}
    UNION ALL
    SELECT {COLUMNS}, false, v.id
        FROM (SELECT * FROM issuing_control k WHERE k.cardholder_id = c.cardholder_id OFFSET 0) k
        {_IN_FORCE_OF}
    ) found)"""  # noqa: S608  (constants)
PASSES: Final = """(SELECT jsonb_agg(jsonb_build_array(p.id, p.control_id, p.merchant_network_id, p.merchant_name,
    p.most_minor, extract(epoch FROM p.until)))::text FROM issuing_controlpass p
    WHERE p.card_id = c.id AND p.used_at IS NULL AND p.until > now())"""
OF_PROGRAMME: Final = f"""SELECT version, (SELECT jsonb_agg({COLUMNS} ORDER BY v.id)::text
    FROM issuing_control k JOIN issuing_controlversion v ON v.control_id = k.id AND v.state IN {IN_FORCE}
    WHERE k.scope = 'programme') FROM issuing_controlbook"""  # noqa: S608  (constants)

_compiled: tuple[int, InForce] | None = None


def of_programme(*, version: int, limit_ms: float = 1000) -> InForce:
    """Returns the programme's controls in force.

    `version` is what the caller has just read from the database. Only the first purchase after a change reads anything
    here, and the database ends that after `limit_ms` (django.db.OperationalError).
    """
    global _compiled  # noqa: PLW0603  (the process's one compiled book; swapped whole, so threads need no lock)
    book = _compiled
    if book is None or book[0] != version:
        with limited_read(limit_ms), connection.cursor() as cursor:
            cursor.execute(OF_PROGRAMME)
            found, text = cursor.fetchone()
        book = _compiled = (int(found), of_text(text))
    return book[1]


def is_compiled(*, version: int) -> bool:
    """Returns whether `of_programme` answers from this process's memory."""
    return _compiled is not None and _compiled[0] == version


def forget() -> None:
    """Drops what this process has compiled, as a restart does: for tests."""
    global _compiled  # noqa: PLW0603  (see `of_programme`)
    _compiled = None


def current() -> InForce:
    """Returns the programme's controls in force, as of now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT version FROM issuing_controlbook")
        return of_programme(version=int(cursor.fetchone()[0]))


@functools.lru_cache(maxsize=4096)
def of_text(text: str | None) -> InForce:
    """Returns the controls in the JSON that COLUMNS makes; raises DefinitionError for one that nobody can apply."""
    return InForce(_control(each) for each in json.loads(text or "[]"))


def passes_of(text: str | None, *, now: dt.datetime) -> tuple[Pass, ...]:
    """Returns the passes that are still open, from the JSON that PASSES makes."""
    if not text:
        return ()
    return tuple(Pass(*values) for *values, until in json.loads(text) if until > now.timestamp())


def _control(values: list[Any]) -> ControlInForce:
    version, control, name, reason, sentence, state, definition, scope, cards, cardholders, card_id = values
    return ControlInForce(
        version_id=version,
        control_id=control,
        name=name,
        reason=reason,
        sentence=sentence,
        is_shadow=state == states.ControlState.SHADOW,
        rule=compile_definition(definition, scope=scope),
        excluded_cards=frozenset(cards),
        excluded_cardholders=frozenset(cardholders),
        card_id=card_id,
    )
