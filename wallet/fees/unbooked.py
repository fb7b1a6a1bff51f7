"""Balance transactions that nobody could book: a case for each, the hour to read again for it, and the case's end.

A case stands until its transaction is booked, or a person has settled it; then it is not brought up again.
"""

import datetime as dt
from collections.abc import Iterable

from django.db.models import QuerySet

from onecard.kit.money import MAX_AMOUNT_MINOR, Money
from onecard.kit.transactions import require_transaction, transaction
from wallet import cases
from wallet.models import Case
from wallet.processors.stripe.balance import UnreadableMovement

KIND = Case.Kind.RECONCILIATION
ABOUT = "balance_transaction:"
LONGEST_WHY = 90


def open_case(left: UnreadableMovement, *, hour: dt.datetime) -> None:
    """Has one case open for it that says in which hour of the list it is; in the caller's transaction.

    One that a person has settled is not opened again.
    """
    require_transaction("A case about a balance transaction")
    reference = f"{ABOUT}{left.id}"
    if Case.objects.filter(kind=KIND, reference=reference).exclude(resolution="").exists():
        return
    case = cases.open_case(kind=KIND, reference=reference, money=_stake(left), summary=_words(left))
    Case.objects.filter(pk=case.pk, about_at=None).update(about_at=hour)


def with_open_case(ids: Iterable[str]) -> set[str]:
    """Those of them that have an open case."""
    found = open_cases().filter(reference__in=[f"{ABOUT}{each}" for each in ids])
    return {reference.removeprefix(ABOUT) for reference in found.values_list("reference", flat=True)}


def resolve(movement_id: str) -> None:
    """Ends its case: it is booked."""
    with transaction():
        cases.resolve_cases(reference=f"{ABOUT}{movement_id}", kinds=(KIND,))


def hours() -> list[dt.datetime]:
    """When the hours of the list begin that hold a transaction with an open case, each once, the oldest first."""
    return sorted({hour for hour in open_cases().values_list("about_at", flat=True) if hour})


def open_cases() -> QuerySet[Case]:
    """What a person has to look at."""
    return Case.objects.filter(kind=KIND, status=Case.Status.OPEN, reference__startswith=ABOUT)


def _stake(left: UnreadableMovement) -> Money:
    """A case must be readable even where nobody knows a currency."""
    return Money(min(left.amount_minor, MAX_AMOUNT_MINOR), left.currency) if left.currency else Money(0, "USD")


def _words(left: UnreadableMovement) -> str:
    return (
        f"Stripe's balance transaction {left.id} is not booked: {left.why[:LONGEST_WHY].rstrip('.')}. "
        "Look it up under Balance in Stripe's dashboard; `book_fees` tries it again every night."
    )
