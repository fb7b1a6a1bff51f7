"""Keeps one case per remaining difference, with the amount at stake, and closes it when the difference is gone.

A difference with an issuer or the processor that staff have settled is not opened again while it stays the same.
"""

import datetime as dt
import hashlib

from django.db import connection

from issuing.reconcile.compare import Difference, Kind, Row
from issuing.reconcile.comparisons import Comparison
from issuing.reconcile.window import Window
from onecard.kit.money import MAX_AMOUNT_MINOR, Money, MoneyError, currency_exponent
from onecard.kit.transactions import transaction
from wallet import cases
from wallet.models import Case

# A case's reference has 120 characters; an issuer's id alone may be as long.
LONGEST_KEY = 60
SAID = {
    Kind.MISSING_HERE: "{there} with {side}, and nothing here",
    Kind.MISSING_THERE: "{here} here, and nothing with {side}",
    Kind.AMOUNT: "{here} here, {there} with {side}",
    Kind.CURRENCY: "{here} here, {there} with {side}",
    Kind.STATE: "{here} here, {there} with {side}",
    Kind.DUPLICATE: "{here} here, {there} with {side}, one of them twice",
    Kind.UNKNOWN_OUTCOME: "{here} here, {there} with {side}",
}
# Open cases of this comparison that it did not find again.
GONE = """
SELECT reference, about_at FROM wallet_case c
WHERE kind = %s AND status = 'open' AND split_part(reference, ':', 3) = %s
    AND NOT EXISTS (SELECT FROM reconcile_found f WHERE f.reference = c.reference)
"""


def begin() -> None:
    """Starts a list, in this session, of the differences that a comparison finds."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS reconcile_found")
        cursor.execute("CREATE TEMPORARY TABLE reconcile_found (reference text)")


def note(comparison: Comparison, difference: Difference) -> None:
    """Adds a remaining difference to that list."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO reconcile_found VALUES (%s)", [reference_of(comparison, difference)])


def settled_case(comparison: Comparison, difference: Difference) -> Case | None:
    """Returns the case with which staff settled exactly this: the same amount, and not opened again.

    It applies only to what another side lists: our own books can be corrected, and a sentence empties no account
    (money-safety I12).
    """
    if not comparison.provider:
        return None
    money = stake(difference)
    same = Case.objects.filter(
        kind=Case.Kind.RECONCILIATION,
        reference=reference_of(comparison, difference),
        amount_minor=money.minor,
        currency=money.currency,
    )
    newest = same.order_by("-pk").first()
    return newest if newest is not None and newest.resolution else None


def open_case(comparison: Comparison, difference: Difference) -> Case:
    """Returns the case of a difference, dated by its movement: the open one, or a new one."""
    with transaction():
        case = cases.open_case(
            kind=Case.Kind.RECONCILIATION,
            reference=reference_of(comparison, difference),
            money=stake(difference),
            summary=words(comparison, difference),
        )
        Case.objects.filter(pk=case.pk, about_at=None).update(about_at=_moment(difference.at_s))
        return case


def resolve_gone(comparison: Comparison, window: Window) -> int:
    """Resolves the cases that a finished comparison did not find again; returns how many.

    A case about something outside the window stays open, since it was not compared.
    """
    with connection.cursor() as cursor:
        cursor.execute(GONE, [Case.Kind.RECONCILIATION, comparison.label])
        gone = cursor.fetchall()
    looked_at = (reference for reference, about_at in gone if _was_looked_at(comparison, about_at, window))
    return sum(map(_resolve, looked_at))


def older_open(comparison: Comparison, window: Window) -> int:
    """Returns the number of open cases of a comparison about movements before the window."""
    ours = Case.objects.filter(kind=Case.Kind.RECONCILIATION, status=Case.Status.OPEN, about_at__lt=window.since)
    return 0 if comparison.of_all_time else ours.filter(reference__contains=f":{comparison.label}:").count()


def reference_of(comparison: Comparison, difference: Difference) -> str:
    """reconcile:<class>:<comparison>:<key>; a key that is too long is cut and gets a hash."""
    key = difference.key
    if len(key) > LONGEST_KEY:
        key = f"{key[:LONGEST_KEY]}~{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    return f"reconcile:{difference.kind}:{comparison.label}:{key}"


def stake(difference: Difference) -> Money:
    """Returns the amount at stake: the gap between two amounts, else the whole amount; never negative."""
    here, there = difference.here, difference.there
    row = there or here
    assert row is not None  # noqa: S101  (a difference has a row)
    both = difference.kind == Kind.AMOUNT and here is not None and there is not None
    minor = abs(here.amount_minor - there.amount_minor) if both and here and there else abs(row.amount_minor)
    known = [side.currency for side in (here, there) if side is not None and _is_currency(side.currency)]
    # An issuer's currency may be invalid; the case must still be readable.
    return Money(min(minor, MAX_AMOUNT_MINOR), known[0]) if known else Money(0, "USD")


def words(comparison: Comparison, difference: Difference) -> str:
    """Returns a sentence for staff."""
    said = SAID[difference.kind].format(
        here=side_in_words(difference.here), there=side_in_words(difference.there), side=comparison.other_side
    )
    return f"{difference.key}: {said}."


def side_in_words(row: Row | None) -> str:
    """Returns one side's row, in a few words."""
    if row is None:
        return "nothing"
    money = Money(row.amount_minor, row.currency) if _is_currency(row.currency) else f"{row.amount_minor} units"
    return f"{row.state} {money}"


def _resolve(reference: str) -> int:
    with transaction():
        return cases.resolve_cases(reference=reference, kinds=(Case.Kind.RECONCILIATION,))


def _was_looked_at(comparison: Comparison, about_at: dt.datetime | None, window: Window) -> bool:
    return about_at is not None and (comparison.of_all_time or window.is_due(about_at))


def _moment(at_s: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(at_s, dt.UTC)


def _is_currency(code: str) -> bool:
    try:
        currency_exponent(code)
    except MoneyError:
        return False
    return True
