"""Takes the machine's snapshot: all cards in batches, into a new file that takes the old one's place at once.

Nothing but what stand-in decides by is in it: no card number, no name.
"""

import contextlib
import functools
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import connection

from issuing import states
from issuing.controls import compiled, without_database
from issuing.controls.evaluation import ControlInForce
from issuing.stand_in import files, snapshot
from issuing.stand_in.policy import FrozenCard
from wallet import reference_rates
from wallet.models import FundingMethod, KycStatus
from wallet.states import BLOCKING_FLAGS

BATCH: Final = 5000
# A card's windows are found as a decision finds them (issuing/sql/open_window.sql). The funding card is the backup, or
# without one the first that can be charged (routing/engine.py says when it can).
CARDS: Final = f"""
SELECT c.id, c.issuer_provider, c.issuer_card_id, c.currency,
    c.status = %(active)s AND c.stop_reported_at IS NULL AND NOT c.spends_balance AND h.kyc_status = %(verified)s
        AND NOT (h.compliance_flags && %(blocking)s::varchar[] OR c.compliance_flags ?| %(blocking)s::text[]),
    c.per_transaction_limit_minor,
    c.daily_limit_minor - coalesce((SELECT w.spent_minor FROM issuing_spendwindow w
        WHERE w.card_id = c.id AND w.kind = 'day' AND w.starts_at > now() - interval '70 days'
            AND w.starts_at <= now() AND w.ends_at > now() ORDER BY w.starts_at DESC LIMIT 1), 0),
    c.monthly_limit_minor - coalesce((SELECT w.spent_minor FROM issuing_spendwindow w
        WHERE w.card_id = c.id AND w.kind = 'month' AND w.starts_at > now() - interval '70 days'
            AND w.starts_at <= now() AND w.ends_at > now() ORDER BY w.starts_at DESC LIMIT 1), 0),
    coalesce((SELECT m.id FROM wallet_fundingmethod m
        WHERE m.cardholder_id = h.id AND m.status = %(chargeable)s AND h.processor_customer_id <> ''
            AND c.currency = ANY(m.currencies) AND (m.cooling_until IS NULL OR m.cooling_until <= now())
            AND (m.expiry_year, m.expiry_month) >= (extract(year FROM now() AT TIME ZONE 'UTC' + interval '14 hours'),
                                                    extract(month FROM now() AT TIME ZONE 'UTC' + interval '14 hours'))
        ORDER BY m.is_backup DESC, m.position, m.id LIMIT 1), 0),
    h.id, {compiled.OF_CARD}
FROM (SELECT * FROM issuing_virtualcard WHERE id > %(after)s ORDER BY id LIMIT %(batch)s) c
JOIN LATERAL (SELECT * FROM wallet_cardholder WHERE id = c.cardholder_id LIMIT 1) h ON true
ORDER BY c.id
"""  # noqa: S608  (a constant)
PUT: Final = "INSERT INTO card VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def take(place: Path, *, progress: Callable[[int], object] = lambda _cards: None) -> int:
    """Takes a snapshot and returns how many cards it holds; raises files.BusyError while another process takes one.

    Raises OSError or sqlite3.Error when the disk does not take it, and django.db.DatabaseError: the snapshot before
    then stays as it was.
    """
    with files.locked(place, files.SNAPSHOT_LOCK):
        new = place / f"{files.SNAPSHOT}.new"
        new.unlink(missing_ok=True)
        new.touch(mode=0o600)
        count = _write(new, time.time(), progress)
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(place / files.SNAPSHOT)
        files.sync_folder(place)
    return count


def _write(path: Path, taken_at: float, progress: Callable[[int], object]) -> int:
    count = 0
    with contextlib.closing(sqlite3.connect(path)) as link, link:
        # The file counts only once it has its name, so its own journal is not needed.
        link.execute("PRAGMA journal_mode = OFF")
        link.execute("PRAGMA synchronous = OFF")
        link.executescript(snapshot.TABLES)
        link.execute("INSERT INTO taken VALUES (?, ?)", (taken_at, snapshot.mac_of(taken_at)))
        programme = compiled.current()
        for batch in _batches():
            link.executemany(PUT, (_signed(taken_at, row, programme) for row in batch if row[2]))
            count += len(batch)
            progress(len(batch))
        link.commit()
    return count


def _batches() -> Iterator[list[tuple[Any, ...]]]:
    names: dict[str, Any] = {
        "active": states.Card.ACTIVE,
        "verified": KycStatus.VERIFIED,
        "blocking": [flag.value for flag in BLOCKING_FLAGS],
        "chargeable": FundingMethod.Status.ACTIVE,
        "batch": BATCH,
    }
    after = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(CARDS, {**names, "after": after})
            batch = cursor.fetchall()
        if not batch:
            return
        yield batch
        after = batch[-1][0]


def _signed(taken_at: float, row: tuple[Any, ...], programme: Sequence[ControlInForce]) -> tuple[Any, ...]:
    key, provider, card_id, currency, is_usable, purchase_minor, day_minor, month_minor, method_id, holder, own = row
    card = FrozenCard(
        is_usable=is_usable,
        is_controlled=without_database.may_decline((*programme, *compiled.of_text(own)), card=key, cardholder=holder),
        currency=currency,
        most_minor=_most_minor(settings.STAND_IN_CARD_AMOUNT, currency),
        purchase_limit_minor=purchase_minor,
        day_left_minor=day_minor,
        month_left_minor=month_minor,
        method_id=method_id,
    )
    mac = snapshot.mac_of(taken_at, provider, card_id, card)
    return (
        provider, card_id, int(card.is_usable), int(card.is_controlled), card.currency, card.most_minor,
        card.purchase_limit_minor, card.day_left_minor, card.month_left_minor, card.method_id, mac,
    )  # fmt: skip


@functools.cache
def _most_minor(cents: int, currency: str) -> int:
    return reference_rates.of_dollars(cents, currency) or 0
