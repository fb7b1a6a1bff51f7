"""What the event loop reads of pasts: those of some cards, and which decisions were written out since it looked."""

import struct
from collections.abc import Sequence
from typing import Final

from issuing.history import card_history, followed
from issuing.history.card_history import NO_HISTORY, History
from issuing.history.followed import Look, Made
from onecard.kit.postgresql.loop_connection import LoopConnection, bigint_array

# A card's past has no version that the commit compares, so a card in memory has it read anew; its rest has.
READ_PASTS: Final = (
    f"SELECT card_id, json_build_array({card_history.COLUMNS})::text FROM issuing_cardhistory"  # noqa: S608 (constants)
    " WHERE card_id = ANY($1)"
).encode()
# $1 is the newest decision of the look before, $2 how many it may read. One value for all of them costs the process
# less than a row for each.
LOOK: Final = b"""
SELECT newest.id, newest.id - $1 > $2,
       (SELECT string_agg(uuid_send(public_id) || int8send(card_id), '')
          FROM (SELECT public_id, card_id FROM issuing_journal WHERE card_id IS NOT NULL ORDER BY id LIMIT $2 + 1) j),
       (SELECT string_agg(uuid_send(d.public_id) || int8send(a.card_id), '')
          FROM issuing_decision d JOIN issuing_authorization a ON a.id = d.authorization_id
         WHERE d.id > $1 AND d.corrects_id IS NULL AND a.card_id IS NOT NULL
           AND newest.id - $1 <= $2)
  FROM (SELECT coalesce(max(id), 0) AS id FROM issuing_decision) newest
"""
# Above every key, so that the first look counts no decision as written since.
NO_LOOK_BEFORE: Final = 2**62
_MADE: Final = struct.Struct(">16sq")


async def read_pasts(link: LoopConnection, cards: Sequence[int], *, remaining_ms: float) -> list[History]:
    """Reads the pasts of these cards; an empty one for a card without any."""
    rows = await link.run(READ_PASTS, [bigint_array(list(cards))], limit_ms=remaining_ms)
    found = {int.from_bytes(card or b"", "big"): History.of(text) for card, text in rows}
    return [found.get(card, NO_HISTORY) for card in cards]


async def look(link: LoopConnection, newest_id: int | None, *, remaining_ms: float) -> Look:
    """Reads which decisions wait in the journal, and which were written out after `newest_id`; None is none."""
    since = NO_LOOK_BEFORE if newest_id is None else newest_id
    params = [each.to_bytes(8, "big") for each in (since, followed.MOST_DECISIONS)]
    ((newest, are_too_many, waiting, written),) = await link.run(LOOK, params, limit_ms=remaining_ms)
    still_waiting = _made(waiting)
    is_whole = are_too_many == b"\0" and len(still_waiting) <= followed.MOST_DECISIONS
    return Look(int.from_bytes(newest or b"", "big"), still_waiting, _made(written) if is_whole else None)


def _made(packed: bytes | None) -> frozenset[Made]:
    return frozenset(_MADE.iter_unpack(packed or b""))
