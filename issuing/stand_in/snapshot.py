"""Reads the machine's snapshot of cards: one signed row of a small database file for each card.

A row's signature covers when the snapshot was taken, so that a row of an older file is refused. A row that is missing,
altered or too old gives no card, and then nothing is approved.
"""

import contextlib
import functools
import hashlib
import hmac
import json
import logging
import sqlite3
import time
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from issuing.stand_in import files
from issuing.stand_in.policy import FrozenCard

log = logging.getLogger(__name__)

TABLES: Final = """
CREATE TABLE taken (at REAL NOT NULL, mac BLOB NOT NULL);
CREATE TABLE card (
    provider TEXT, id TEXT, is_usable INTEGER, is_controlled INTEGER, currency TEXT, most_minor INTEGER,
    purchase_limit_minor INTEGER, day_left_minor INTEGER, month_left_minor INTEGER, method_id INTEGER,
    mac BLOB, PRIMARY KEY (provider, id)
) WITHOUT ROWID;
"""
COLUMNS: Final = (
    "is_usable, is_controlled, currency, most_minor, purchase_limit_minor, day_left_minor, month_left_minor, method_id"
)
_parts = attrgetter(*COLUMNS.split(", "))
FIND: Final = f"SELECT (SELECT at FROM taken), mac, {COLUMNS} FROM card WHERE provider = ? AND id = ?"  # noqa: S608
TAKEN: Final = "SELECT at, mac FROM taken"


def find(provider: str, issuer_card_id: str) -> tuple[FrozenCard | None, float]:
    """Returns the card and when the snapshot was taken, in seconds since 1970; None and 0 without a usable snapshot."""
    place = files.folder()
    row = _row(place / files.SNAPSHOT, FIND, (provider, issuer_card_id)) if place else None
    if row is None:
        return None, 0.0
    taken_at, mac, is_usable, is_controlled, *rest = row
    values = (bool(is_usable), bool(is_controlled), *rest)
    card = FrozenCard(**dict(zip(COLUMNS.split(", "), values, strict=True)))
    if not hmac.compare_digest(mac, mac_of(taken_at, provider, issuer_card_id, card)):
        log.error("stand-in: the snapshot's row of a card has a wrong signature, so its purchases are declined")
        return None, 0.0
    if is_too_old(taken_at):
        return None, 0.0
    return card, taken_at


def taken_at(place: Path) -> float:
    """Returns when the snapshot was taken, in seconds since 1970; 0 without one, or if its signature is wrong."""
    path = place / files.SNAPSHOT
    row = _row(path, TAKEN, ()) if path.exists() else None
    return row[0] if row and hmac.compare_digest(row[1], mac_of(row[0])) else 0.0


def is_too_old(taken_at: float) -> bool:
    """Returns whether nothing may be approved from a snapshot of this moment; one of the future is no better."""
    return not -1 <= time.time() - taken_at <= settings.STAND_IN_SNAPSHOT_MAX_AGE_S


def mac_of(taken_at: float, *names: object) -> bytes:
    """Returns the signature of a row by a key that is derived from SECRET_KEY."""
    plain = json.dumps([taken_at, *(_parts(each) if isinstance(each, FrozenCard) else each for each in names)])
    return hmac.digest(_key(settings.SECRET_KEY), plain.encode(), "sha256")


@functools.lru_cache(maxsize=2)
def _key(secret: str) -> bytes:
    """Returns the key that django.utils.crypto.salted_hmac would derive for each of a million rows."""
    return hashlib.sha256(b"issuing.stand_in.snapshot" + secret.encode()).digest()


def _row(path: Path, sql: str, values: tuple[str, ...]) -> tuple[Any, ...] | None:
    """Returns the row; None where there is none, or where the file cannot be read."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as link:
            return link.execute(sql, values).fetchone()  # type: ignore[no-any-return]
    except sqlite3.Error as error:
        log.error("stand-in: the snapshot %s cannot be read: %s", path, error)  # noqa: TRY400  (no bug of ours)
        return None
