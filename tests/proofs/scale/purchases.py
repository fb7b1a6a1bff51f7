"""Two years of purchases, with all that a decision writes or looks up, by the purchase's number n.

The bodies of their events are left out, since no statement looks one up.

They are spread evenly over time, and over all cards: some buy a thousand times as often as others, wherever they are.
Of a hundred purchases 90 were approved, charged and settled; the others were declined.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from tests.proofs.desk.rows import MERCHANTS
from tests.proofs.desk.table import PAID, one_of
from tests.proofs.scale.table import Table, ranges, scattered

DAYS: Final = 730
ZONE: Final = "America/New_York"
MICROSECOND: Final = dt.timedelta(microseconds=1)
# The windows of a card. Their keys follow from the card and the time, so that a hold names them without a search.
DAY, MONTH = "day", "month"


@dataclass(frozen=True, slots=True)
class History:
    """`count` purchases, numbered from 1, at cards numbered from 0; the last one is made just before `until`."""

    count: int
    cards: int
    until: dt.datetime

    def tables(self) -> Iterator[Table]:
        """Returns the tables in the order in which they are filled."""
        yield from self._windows()
        yield self._table("issuing_issuerevent", _EVENT)
        yield self._table("issuing_authorization", _AUTHORIZATION)
        yield self._table("wallet_fundingobligation", _OBLIGATION, where=PAID)
        yield self._table("wallet_fundingcharge", _CHARGE, where=PAID)
        yield self._table("outbox_message", _MESSAGE, where=PAID)
        yield self._table("issuing_decision", _DECISION)
        yield self._table("issuing_hold", _HOLD, where=PAID)
        yield self._table("audit_entry", _TRAIL)

    @property
    def since(self) -> dt.datetime:
        return self.until - dt.timedelta(days=DAYS)

    @property
    def step(self) -> dt.timedelta:
        """The time between two purchases."""
        return dt.timedelta(days=DAYS) // (self.count + 1)

    def months(self) -> tuple[tuple[int, int], ...]:
        """Returns the numbers of each month's purchases, the months being those of the cards' holders."""
        # A moment lies in a month of the zone, and the first purchase at or after the next month's start in the next.
        ends, start = [], self.since.astimezone(ZoneInfo(ZONE))
        while start < self.until:
            start = _next_month(start)
            last = -((self.since - start) // self.step) - 1 if start < self.until else self.count
            ends.append(min(last, self.count))
        return tuple((before + 1, end) for before, end in zip([0, *ends], ends, strict=False) if end > before)

    def _table(self, name: str, columns: dict[str, str], *, where: str = "true") -> Table:
        return Table(name, ranges(1, self.count), columns, source=self._source(), where=where)

    def _windows(self) -> Iterator[Table]:
        """A window holds what was approved in it, so its purchases are made into it by one statement."""
        for kind in (DAY, MONTH):
            source = (
                f"(SELECT {kind}_id AS id, card, {kind} AS starts, sum(amount) AS spent FROM {self._source()} "
                f"WHERE {PAID} GROUP BY 1, 2, 3) AS one"
            )
            columns = {
                "id": "id", "card_id": "card + 1", "kind": f"'{kind}'", "starts_at": f"starts AT TIME ZONE '{ZONE}'",
                "ends_at": f"(starts + interval '1 {kind}') AT TIME ZONE '{ZONE}'", "spent_minor": "spent",
            }  # fmt: skip
            yield Table("issuing_spendwindow", self.months(), columns, source=source)

    def _source(self) -> str:
        """Returns the purchases of a range: number, card, time, amount, and the windows that they count in."""
        since, step_us = self.since.isoformat(), self.step // MICROSECOND
        first_day = (self.since - dt.timedelta(days=1)).date().isoformat()
        day_ids = (DAYS + 3) * self.cards
        return f"""
            (SELECT n, card, at, 150 + n * 7919 %% 19000 AS amount, day, month,
                    (day::date - date '{first_day}') * {self.cards}::bigint + card + 1 AS day_id,
                    (extract(year FROM month) * 12 + extract(month FROM month))::bigint * {self.cards} + {day_ids}
                        + card + 1 AS month_id,
                    n > {self.count - self.count // 200} AS recent
             FROM (SELECT n, floor(drawn * drawn * {self.cards})::bigint * {scattered(self.cards)} %% {self.cards}
                              AS card,
                          at, date_trunc('day', at AT TIME ZONE '{ZONE}') AS day,
                          date_trunc('month', at AT TIME ZONE '{ZONE}') AS month
                   FROM (SELECT n, (n * 2654435761 %% 4294967296)::float8 / 4294967296 AS drawn,
                                timestamptz '{since}' + n * interval '{step_us} microseconds' AS at
                         FROM generate_series(%s::bigint, %s::bigint) AS n) AS numbered) AS placed) AS purchase"""


def _next_month(moment: dt.datetime) -> dt.datetime:
    later = moment.replace(day=28) + dt.timedelta(days=4)
    return later.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


# Ids as random as an issuer's, so that a new one belongs anywhere in an index, and texts as long as real ones.
_OBJECT: Final = "'iauth_' || md5('purchase ' || n)"
_PUBLIC: Final = "md5('decision ' || n)::uuid"
_EVENT: Final = {
    "id": "n", "provider": "'stripe'", "event_id": "'evt_' || md5('event ' || n)",
    "event_type": "'issuing_authorization.request'", "object_id": _OBJECT,
    "fingerprint": "md5('what ' || n) || md5('it says ' || n)", "received_at": "at", "status": "'handled'",
    "reason": "''", "handled_at": "at",
}  # fmt: skip
_AUTHORIZATION: Final = {
    "id": "n", "provider": "'stripe'", "issuer_authorization_id": _OBJECT, "card_id": "card + 1",
    "status": f"CASE WHEN NOT ({PAID}) THEN 'declined' WHEN recent THEN 'approved' ELSE 'settled' END",
    "approved_minor": f"CASE WHEN {PAID} THEN amount ELSE 0 END", "currency": "'USD'",
    "mcc": one_of(("5411", "5812", "5541", "4121", "4511", "5912", "5311", "7011", "5732")),
    "merchant_name": f"{one_of(MERCHANTS)} || ' #' || n * 31 %% 997", "merchant_category": "'restaurants'",
    "merchant_city": "'San Francisco'", "merchant_country": "'US'", "merchant_network_id": "'244026512345678'",
    "created_at": "at", "updated_at": "at",
}  # fmt: skip
_OBLIGATION: Final = {
    "id": "n", "public_id": "md5('obligation ' || n)::uuid", "cardholder_id": "card + 1",
    "reference": f"'decision:' || {_PUBLIC}", "purchase": "'authorization:' || n",
    "description": f"{one_of(MERCHANTS)} || ' #' || n * 31 %% 997", "amount_minor": "amount", "currency": "'USD'",
    "policy": "'charge_now'", "status": "'funded'", "created_at": "at", "updated_at": "at",
}  # fmt: skip
_CHARGE: Final = {
    "id": "n", "public_id": "md5('charge ' || n)::uuid", "obligation_id": "n", "method_id": "4 * card + 1 + n %% 4",
    "sequence": "1", "status": "'succeeded'", "idempotency_key": "'charge:' || md5('charge ' || n)::uuid",
    "processor_charge_id": "'pi_' || md5('intent ' || n)", "attempts": "1", "first_sent_at": "at",
    "finished_at": "at", "created_at": "at", "updated_at": "at",
}  # fmt: skip
_MESSAGE: Final = {
    "id": "n", "topic": "'funding.requested'", "payload": "jsonb_build_object('charge_id', n)", "attempts": "1",
    "created_at": "at", "published_at": "at",
}  # fmt: skip
_DECISION: Final = {
    "id": "n", "public_id": _PUBLIC, "event_id": "n", "authorization_id": "n",
    "obligation_id": f"CASE WHEN {PAID} THEN n END", "round_key": "'0'", "approved": PAID, "amount_minor": "amount",
    "currency": "'USD'", "rule": f"CASE WHEN {PAID} THEN 'network' ELSE '' END",
    "decline_reason": f"CASE WHEN {PAID} THEN '' ELSE 'limit_day' END", "trace": "'{}'::jsonb",
    "timings_ms": "jsonb_build_object('record', 2)", "response": r"'\x7b7d'::bytea", "decided_at": "at",
}  # fmt: skip
_HOLD: Final = {
    "id": "n", "decision_id": "n", "authorization_id": "n", "day_id": "day_id", "month_id": "month_id",
    "amount_minor": "amount", "status": "CASE WHEN recent THEN 'placed' ELSE 'released' END", "placed_at": "at",
}  # fmt: skip
_TRAIL: Final = {
    "id": "n", "actor": "'issuer:stripe'", "subject_type": "'authorization'", "subject_id": "n::text",
    "action": f"CASE WHEN {PAID} THEN 'authorization.approved' ELSE 'authorization.declined' END",
    "details": f"jsonb_build_object('decision', {_PUBLIC}, 'amount_minor', amount)", "recorded_at": "at",
}  # fmt: skip
