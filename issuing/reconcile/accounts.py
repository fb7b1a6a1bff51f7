"""The accounts At the processor and At the issuers, against what those say that we have at a cut (decision 0054).

Our side is all postings of movements before the cut. Where the other side lists a posting's movement, its time counts
and not ours, so that nothing is before the cut on one side and after it on the other.
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from issuing.models import CardTransaction
from issuing.reconcile import snapshot, stated
from issuing.reconcile.compare import Difference, Row, compare
from issuing.reconcile.snapshot import Query
from issuing.reconcile.stated import MARGIN, IssuersBalance, Stated
from issuing.reconcile.window import Window
from wallet.accounts import Account
from wallet.fees import book as fees
from wallet.models import FundingCharge, FundingRefund
from wallet.processors.stripe.balance import BalanceMovement, Kind
from wallet.references import Subject

# Stripe's issuer and processor are one account of ours, and postings of other issuers name themselves.
MOVED = """
SELECT {key}, {amount}, p.currency, '', '', {at_s}, true
FROM wallet_posting p WHERE (p.debit = %(account)s OR p.credit = %(account)s) AND p.occurred_at >= %(since)s
    AND NOT EXISTS (SELECT FROM issuing_cardtransaction t
        WHERE t.provider <> %(provider)s AND p.key = 'card_transaction:' || t.id)
    AND (NOT starts_with(p.reference, 'issuer:') OR p.reference = 'issuer:' || %(provider)s)
"""
SIGNED = "(CASE WHEN p.debit = %(account)s THEN p.amount_minor ELSE -p.amount_minor END)"
SUMS = MOVED.format(key="p.currency", amount=f"sum{SIGNED}::bigint", at_s="0::bigint") + "GROUP BY p.currency"
RECENT = MOVED.format(key="p.key", amount=SIGNED, at_s="floor(extract(epoch FROM p.occurred_at))::bigint")
EVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
BALANCE = "balance"


Book = Callable[[dt.datetime], None]


def book_once() -> Book:
    """Returns what books fees and own money up to a cut, once for the comparisons of one run."""
    done: set[dt.datetime] = set()

    def book(cut: dt.datetime) -> None:
        if cut not in done:
            fees.book(since=min(fees.unbooked_since(), cut), until=cut)
            done.add(cut)

    return book


def at_processor(window: Window, provider: str, book: Book) -> Iterator[Difference]:
    """Yields the currencies in which At the processor differs from its own balance.

    What the list has up to the cut is booked first. Raises the errors of `stated.by_processor`.
    """
    cut = _cut(window)
    book(cut)
    yield from _differences(Account.PROCESSOR, provider, stated.by_processor(cut), cut)


def at_issuer(window: Window, provider: str, book: Book, issuer: IssuersBalance) -> Iterator[Difference]:
    """Yields the currencies in which At the issuers differs from our balance there, as `at_processor`."""
    cut = _cut(window)
    book(cut)
    yield from _differences(Account.ISSUER, provider, stated.by_issuer(issuer, cut), cut)


def _cut(window: Window) -> dt.datetime:
    """The other side dates to the second."""
    return window.until.replace(microsecond=0)


def _differences(account: str, provider: str, said: Stated, cut: dt.datetime) -> Iterator[Difference]:
    ours = _booked(account, provider, said.movements, cut)
    currencies = sorted({*ours, *said.minor})
    yield from compare(_rows(ours, currencies, cut), _rows(said.minor, currencies, cut))


def _rows(minor: Counter[str], currencies: Sequence[str], cut: dt.datetime) -> Iterator[Row]:
    at_s = int(cut.timestamp())
    return (Row(each, minor[each], each, BALANCE, "", at_s, is_due=True) for each in currencies)


def _booked(account: str, provider: str, listed: list[BalanceMovement], cut: dt.datetime) -> Counter[str]:
    """Returns our postings' balance at the cut: all of them, less those of movements since then."""
    known = _times(listed, provider)
    about = {"account": account, "provider": provider}
    queries = [Query(SUMS, {**about, "since": EVER}), Query(RECENT, {**about, "since": cut - MARGIN})]
    with snapshot.read(*queries, tick=lambda _rows: None) as (sums, recent):
        minor = Counter({row.currency: row.amount_minor for row in sums})
        for row in recent:
            if known.get(_movement_of(row.key), row.at_s) >= int(cut.timestamp()):
                minor[row.currency] -= row.amount_minor
    return minor


def _movement_of(key: str) -> str:
    """Returns under which key a posting's movement is dated: what is paid with a charge is dated as the charge is."""
    return f"charge:{key.rpartition(':')[2]}" if key.startswith("carried_paid:") else key


def _times(listed: list[BalanceMovement], provider: str) -> dict[str, int]:
    """Returns when the other side dates the movements of postings, by the postings' keys; in seconds since 1970."""
    times: dict[str, int] = {}
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for each in reversed(listed):
        at_s = int(each.created_at.timestamp())
        times |= dict.fromkeys(_own_keys(each.id), at_s)
        about = each.processor_charge_id if each.kind == Kind.CHARGE else each.source_id
        for name in (about, each.id):
            first.setdefault(name, at_s)
            last[name] = at_s
    return times | _of_charges(first) | _of_refunds(first, last) | _of_cards(first, provider)


def _own_keys(movement_id: str) -> list[str]:
    """Returns the keys of postings that are made of a movement of the list itself."""
    exchanged = [f"exchange:{movement_id}:{side}" for side in ("out", "in")]
    disputed = Subject.CHARGE_DISPUTE.reference(movement_id)
    return [f"fee:{movement_id}", f"own_money:{movement_id}", disputed, *exchanged]


def _of_charges(first: dict[str, int]) -> dict[str, int]:
    charges = FundingCharge.objects.filter(processor_charge_id__in=first)
    rows = list(charges.values_list("pk", "public_id", "processor_charge_id"))
    return {f"charge:{key}": first[name or ""] for pk, public_id, name in rows for key in (pk, public_id)}


def _of_refunds(first: dict[str, int], last: dict[str, int]) -> dict[str, int]:
    refunds = FundingRefund.objects.filter(processor_refund_id__in=first)
    rows = list(refunds.values_list("public_id", "processor_refund_id"))
    given = {f"refund:{public_id}": first[name or ""] for public_id, name in rows}
    return given | {f"refund_failed:{public_id}": last[name or ""] for public_id, name in rows}


def _of_cards(first: dict[str, int], provider: str) -> dict[str, int]:
    moved = CardTransaction.objects.filter(provider=provider, issuer_transaction_id__in=first)
    rows = moved.values_list("pk", "issuer_transaction_id")
    return {Subject.CARD_TRANSACTION.reference(pk): first[name] for pk, name in rows}
