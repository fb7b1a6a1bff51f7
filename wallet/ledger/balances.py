"""The balance of each account: kept sums of old postings, and the postings since.

Postings never change, so what was added up once stays right. A page then reads the postings of the last hours only.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db import connection

from onecard.kit import clock
from onecard.kit.row_counts import key_at
from onecard.kit.transactions import transaction, try_lock_name
from wallet.models import LedgerSum, Posting

# A posting takes from one account what it adds to another, so a sum other than 0 means a broken database.
MOVED: Final = """
SELECT account, currency, sum(amount)::bigint FROM (
    SELECT debit AS account, currency, amount_minor AS amount FROM wallet_posting
        WHERE id > %(after)s AND id <= %(last)s
    UNION ALL
    SELECT credit, currency, -amount_minor FROM wallet_posting WHERE id > %(after)s AND id <= %(last)s
) moved GROUP BY account, currency ORDER BY currency, account
"""
# Keys are given out before their rows are committed. No transaction of ours lasts this long.
COMMITTED_WITHIN: Final = dt.timedelta(hours=1)
# Of one statement of a worker.
AT_ONCE: Final = 500_000
NEWEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Balance:
    """Debits less credits of an account in minor units."""

    account: str
    currency: str
    minor: int


def balances() -> list[Balance]:
    """Returns the balance of every account with postings, by currency, as of now."""
    kept = list(LedgerSum.objects.all())
    sums = [Balance(each.account, each.currency, each.balance_minor) for each in kept]
    return _added(sums, moved(after=max((each.through for each in kept), default=0)))


def moved(*, after: int = 0, last: int = NEWEST) -> list[Balance]:
    """Returns what the postings with keys after one and up to another moved, computed from them."""
    with connection.cursor() as cursor:
        cursor.execute(MOVED, {"after": after, "last": last})
        return [Balance(*row) for row in cursor.fetchall()]


def keep_sums() -> None:
    """Adds the postings that are old enough to the kept sums, a part in each transaction."""
    while _keep_part():
        pass


def _keep_part() -> bool:
    """Adds one part; returns whether there may be more."""
    with transaction():
        if not try_lock_name("wallet.ledger_sums"):
            return False
        sums = {(each.account, each.currency): each for each in LedgerSum.objects.all()}
        first = Posting.objects.order_by("pk").values_list("pk", flat=True).first() or 1
        after = max((each.through for each in sums.values()), default=first - 1)
        first_young = key_at(Posting, "recorded_at", clock.now() - COMMITTED_WITHIN)
        last = min((first_young or 1) - 1, after + AT_ONCE)
        if last <= after:
            return False
        for each in moved(after=after, last=last):
            new = LedgerSum(account=each.account, currency=each.currency)
            kept = sums.setdefault((each.account, each.currency), new)
            kept.balance_minor += each.minor
        for kept in sums.values():
            kept.through = last
            kept.save()
    return True


def _added(*parts: Iterable[Balance]) -> list[Balance]:
    found: dict[tuple[str, str], int] = {}
    for part in parts:
        for each in part:
            key = (each.currency, each.account)
            found[key] = found.get(key, 0) + each.minor
    return [Balance(account, currency, minor) for (currency, account), minor in sorted(found.items())]
