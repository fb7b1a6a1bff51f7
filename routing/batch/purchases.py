"""Reads P, the purchases of a batch: user_id,purchase_id,timestamp,mcc,merchant,amount_cents,country,channel."""

import csv
import datetime as dt
import re
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from routing.batch.errors import BatchInputError, shown
from routing.value.spend import Purchase
from routing.value.terms import Channel

COLUMNS = ("user_id", "purchase_id", "timestamp", "mcc", "merchant", "amount_cents", "country", "channel")
CHANNELS = {"online": Channel.ONLINE, "in_store": Channel.IN_STORE}
MOST_CENTS = 10**11
FIRST_YEAR, LAST_YEAR = 1970, 2199
MCC = re.compile(r"\d{1,4}")
CENTS = re.compile(r"\d{1,12}")
COUNTRY = re.compile(r"[A-Za-z]{2}")


class Line(NamedTuple):
    """One purchase of the file."""

    user_id: str
    purchase_id: str
    purchase: Purchase


class LineError(Exception):
    """A sentence about the line that is being read."""


def read_purchases(file: Path, users: Container[str]) -> list[Line]:
    """Returns the purchases in the order of the file. Raises `BatchInputError` for the first line that is wrong."""
    lines: list[Line] = []
    known: set[tuple[str, str]] = set()
    for number, row in _rows(file):
        try:
            line = _read(row, users)
        except LineError as error:
            raise BatchInputError(file, number, str(error)) from error
        if (line.user_id, line.purchase_id) in known:
            problem = f"purchase {shown(line.purchase_id)} of user {shown(line.user_id)} appears twice."
            raise BatchInputError(file, number, problem)
        known.add((line.user_id, line.purchase_id))
        lines.append(line)
    return lines


def _rows(file: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.reader(opened, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(file, header)
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    problem = f"there are {len(row)} fields, but the header has {len(header)}."
                    raise BatchInputError(file, reader.line_num, problem)
                yield reader.line_num, dict(zip(header, row, strict=True))
    except OSError as error:
        raise BatchInputError(file, 1, f"the file cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BatchInputError(file, 1, "the file is not text in UTF-8.") from error
    except csv.Error as error:
        raise BatchInputError(file, reader.line_num, f"this is not CSV: {error}.") from error


def _check_header(file: Path, header: list[str]) -> None:
    if missing := [name for name in COLUMNS if name not in header]:
        raise BatchInputError(file, 1, f"the header lacks {', '.join(missing)}; it must have {','.join(COLUMNS)}.")
    if len(set(header)) != len(header):
        raise BatchInputError(file, 1, "the header has a column twice.")


def _read(row: Mapping[str, str], users: Container[str]) -> Line:
    user_id, purchase_id = row["user_id"].strip(), row["purchase_id"].strip()
    if user_id not in users:
        raise LineError(f"there is no user {shown(user_id)} among the wallets.")
    if not purchase_id:
        raise LineError("a purchase needs a purchase_id.")
    country, channel = row["country"].strip(), row["channel"].strip()
    if not COUNTRY.fullmatch(country):
        raise LineError(f"country must be two letters such as US, not {shown(country)}.")
    if channel not in CHANNELS:
        raise LineError(f"channel must be in_store or online, not {shown(channel)}.")
    purchase = Purchase(
        at=_local_time(row["timestamp"].strip()),
        mcc=_mcc(row["mcc"].strip()),
        merchant=row["merchant"].strip(),
        amount_minor=_cents(row["amount_cents"].strip()),
        country=country.upper(),
        channel=CHANNELS[channel],
    )
    return Line(user_id, purchase_id, purchase)


def _local_time(text: str) -> dt.datetime:
    """The local time as it is written; an offset beside it says nothing more."""
    try:
        at = dt.datetime.fromisoformat(text).replace(tzinfo=None)
    except ValueError as error:
        raise LineError(f"timestamp must be a time such as 2025-03-31T23:59:00, not {shown(text)}.") from error
    # Periods of caps reach beyond the purchase, and calendars end.
    if not FIRST_YEAR <= at.year <= LAST_YEAR:
        raise LineError(f"timestamp must lie in the years {FIRST_YEAR} to {LAST_YEAR}, not {shown(text)}.")
    return at


def _mcc(text: str) -> str:
    if not MCC.fullmatch(text):
        raise LineError(f"mcc must be a merchant category code of four digits, not {shown(text)}.")
    return text.zfill(4)


def _cents(text: str) -> int:
    if not CENTS.fullmatch(text) or int(text) > MOST_CENTS:
        raise LineError(f"amount_cents must be whole cents from 0 to {MOST_CENTS}, not {shown(text)}.")
    return int(text)
