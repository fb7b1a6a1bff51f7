"""Cases of balance transactions that could not be booked, and the hours to read again for them.

A case stays open until its transaction is booked or a person resolves it. It is not opened again.
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
    """Opens one case that names the transaction and its hour, in the caller's transaction.

    It does not reopen a case that a person resolved.
    """
    require_transaction("A case about a balance transaction")
    reference = f"{ABOUT}{left.id}"
    if Case.objects.filter(kind=KIND, reference=reference).exclude(resolution="").exists():
        return
    case = cases.open_case(kind=KIND, reference=reference, money=_stake(left), summary=_words(left))
    Case.objects.filter(pk=case.pk, about_at=None).update(about_at=hour)


def with_open_case(ids: Iterable[str]) -> set[str]:
    """Returns the ids that have an open case."""
    found = open_cases().filter(reference__in=[f"{ABOUT}{each}" for each in ids])
    return {reference.removeprefix(ABOUT) for reference in found.values_list("reference", flat=True)}


def resolve(movement_id: str) -> None:
    """Closes the case of a transaction that was booked."""
    with transaction():
        cases.resolve_cases(reference=f"{ABOUT}{movement_id}", kinds=(KIND,))


def hours() -> list[dt.datetime]:
    """Returns the start of each hour with an open case, each once, oldest first."""
    return sorted({hour for hour in open_cases().values_list("about_at", flat=True) if hour})


def open_cases() -> QuerySet[Case]:
    """Returns the open cases of unbooked transactions."""
    return Case.objects.filter(kind=KIND, status=Case.Status.OPEN, reference__startswith=ABOUT)


def _stake(left: UnreadableMovement) -> Money:
    """Returns the amount at stake, or no money for an unknown currency: the case must be readable."""
    return Money(min(left.amount_minor, MAX_AMOUNT_MINOR), left.currency) if left.currency else Money(0, "USD")


def _words(left: UnreadableMovement) -> str:
    return (
        f"Stripe's balance transaction {left.id} is not booked: {left.why[:LONGEST_WHY].rstrip('.')}. "
        "Look it up under Balance in Stripe's dashboard; `book_fees` tries it again every night."
    )
