"""Recomputes the ledger from its postings and compares it with the rows that moved money (money-safety I1, I13)."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from wallet.accounts import Account
from wallet.ledger import balances
from wallet.models import LedgerSum

CHARGED = """
SELECT 'charge:' || c.public_id AS key, o.amount_minor - o.released_minor AS amount_minor, o.currency
FROM wallet_fundingcharge c JOIN wallet_fundingobligation o ON o.id = c.obligation_id WHERE c.status = 'succeeded'
"""
# A refund that was returned after it was posted has both postings; one that never succeeded has none.
GIVEN_BACK = """
SELECT 'refund:' || r.public_id AS key, r.amount_minor, o.currency
FROM wallet_fundingrefund r JOIN wallet_fundingobligation o ON o.id = r.obligation_id WHERE r.status = 'succeeded'
"""
CHARGE_POSTINGS = """
SELECT key, amount_minor, currency FROM wallet_posting WHERE starts_with(key, 'charge:')
"""
REFUND_POSTINGS = """
SELECT key, amount_minor, currency FROM wallet_posting p WHERE starts_with(key, 'refund:')
    AND NOT EXISTS (SELECT FROM wallet_posting b WHERE b.key = 'refund_failed:' || substr(p.key, 8))
"""
BOTH_WAYS = """
SELECT coalesce(ours.key, posted.key), ours.amount_minor, ours.currency, posted.amount_minor, posted.currency
FROM ({ours}) ours FULL OUTER JOIN ({posted}) posted ON posted.key = ours.key
WHERE ours.key IS NULL OR posted.key IS NULL
    OR (ours.amount_minor, ours.currency) IS DISTINCT FROM (posted.amount_minor, posted.currency)
ORDER BY 1
"""
REVERSED = """
SELECT b.key FROM wallet_posting b LEFT JOIN wallet_posting p ON p.key = 'refund:' || substr(b.key, 15)
WHERE starts_with(b.key, 'refund_failed:')
    AND (p.key IS NULL OR (p.amount_minor, p.currency, p.debit, p.credit)
        IS DISTINCT FROM (b.amount_minor, b.currency, b.credit, b.debit))
ORDER BY 1
"""
# An exchange has a posting in each currency, both in one commit.
ONE_SIDED = """
SELECT p.key FROM wallet_posting p WHERE starts_with(p.key, 'exchange:') AND NOT EXISTS (
    SELECT FROM wallet_posting o WHERE o.currency <> p.currency AND o.key =
        CASE WHEN p.key LIKE '%:out' THEN left(p.key, -4) || ':in' ELSE left(p.key, -3) || ':out' END)
ORDER BY 1
"""


# What banks took back and nobody lost yet: by the disputes, and by the ledger.
DISPUTED = """
SELECT coalesce(d.currency, p.currency), coalesce(d.minor, 0), coalesce(p.minor, 0) FROM (
    SELECT currency, sum(withdrawn_minor - lost_minor)::bigint AS minor FROM wallet_fundingdispute
    WHERE charge_id IS NOT NULL GROUP BY currency
) d FULL OUTER JOIN (
    SELECT currency, sum(CASE WHEN debit = 'funding_disputes' THEN amount_minor ELSE -amount_minor END)::bigint AS minor
    FROM wallet_posting WHERE debit = 'funding_disputes' OR credit = 'funding_disputes' GROUP BY currency
) p ON p.currency = d.currency
WHERE coalesce(d.minor, 0) <> coalesce(p.minor, 0) ORDER BY 1
"""


CARRIED = """
SELECT coalesce(r.currency, p.currency), coalesce(r.minor, 0), coalesce(p.minor, 0) FROM (
    SELECT currency, sum(amount_minor)::bigint AS minor FROM wallet_carriedamount
    WHERE status IN ('waiting', 'on_charge') GROUP BY currency
) r FULL OUTER JOIN (
    SELECT currency, sum(CASE WHEN debit = 'carried' THEN amount_minor ELSE -amount_minor END)::bigint AS minor
    FROM wallet_posting WHERE debit = 'carried' OR credit = 'carried' GROUP BY currency
) p ON p.currency = r.currency
WHERE coalesce(r.minor, 0) <> coalesce(p.minor, 0) ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Problem:
    """A disagreement between the ledger and the rows, as a sentence; `about` is the key or reference."""

    about: str
    said: str


def check() -> list[Problem]:
    """Returns every problem of the wallet's ledger; empty when it is right. Reads all postings."""
    both_ways = [*_both_ways(CHARGED, CHARGE_POSTINGS), *_both_ways(GIVEN_BACK, REFUND_POSTINGS)]
    return [*_sums(), *_kept(), *both_ways, *_turned(), *_exchanged(), *_disputed(), *_carried()]


def _sums() -> Iterator[Problem]:
    totals: dict[str, int] = {}
    for balance in balances.moved():
        totals[balance.currency] = totals.get(balance.currency, 0) + balance.minor
        if balance.account not in Account.values:
            yield Problem(balance.account, f"The account {balance.account!r} is not in the chart.")
    for currency, total in totals.items():
        if total:
            yield Problem(currency, f"All accounts in {currency} sum up to {total} instead of 0.")


def _kept() -> Iterator[Problem]:
    """Adds up again what the kept sums stand for."""
    kept = {(each.account, each.currency): each for each in LedgerSum.objects.all()}
    last = max((each.through for each in kept.values()), default=0)
    posted = {(each.account, each.currency): each.minor for each in balances.moved(last=last)}
    for key in sorted({*kept, *posted}):
        stored = kept[key].balance_minor if key in kept else 0
        if stored != posted.get(key, 0) or (key in kept and kept[key].through != last):
            about, currency = key
            said = f"The kept sum is {stored} {currency}, and postings up to {last} add up to {posted.get(key, 0)}."
            yield Problem(about, f"{about}: {said}")


def _both_ways(ours: str, posted: str) -> Iterator[Problem]:
    with connection.cursor() as cursor:
        cursor.execute(BOTH_WAYS.format(ours=ours, posted=posted))
        for key, minor, currency, posted_minor, posted_currency in cursor.fetchall():
            here = "has no row that succeeded" if minor is None else f"is {minor} {currency}"
            there = "has no posting" if posted_minor is None else f"is posted as {posted_minor} {posted_currency}"
            yield Problem(key, f"{key} {here}, and {there}.")


def _turned() -> Iterator[Problem]:
    with connection.cursor() as cursor:
        cursor.execute(REVERSED)
        for (key,) in cursor.fetchall():
            yield Problem(key, f"{key} reverses nothing that was posted.")


def _exchanged() -> Iterator[Problem]:
    with connection.cursor() as cursor:
        cursor.execute(ONE_SIDED)
        for (key,) in cursor.fetchall():
            yield Problem(key, f"{key} has no other side in another currency.")


def _disputed() -> Iterator[Problem]:
    with connection.cursor() as cursor:
        cursor.execute(DISPUTED)
        for currency, disputed, posted in cursor.fetchall():
            said = f"Disputes of our charges keep {disputed} {currency}, and {posted} is posted."
            yield Problem("funding_disputes", said)


def _carried() -> Iterator[Problem]:
    with connection.cursor() as cursor:
        cursor.execute(CARRIED)
        for currency, waiting, posted in cursor.fetchall():
            yield Problem("carried", f"{waiting} {currency} are carried to next charges, and {posted} is posted.")
