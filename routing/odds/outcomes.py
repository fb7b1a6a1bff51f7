"""What the banks of funding cards answered to charges, as odds count them. Only reads.

A charge counts when its card's bank approved it, or when its failure is about the card (wallet/processors/blame.py). A
failure of our account, of the request, or without any answer says nothing of the card.
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any, Final

from django.db.models import Count, QuerySet

from routing.value.likelihood import Counts, Group, Outcome
from wallet import states
from wallet.models import FundingCharge, FundingMethod
from wallet.processors import blame
from wallet.processors.blame import Blame

Status = states.Charge
# Days that count. A card that its bank declined long ago is judged by what came since.
RECENT: Final = dt.timedelta(days=90)
APPROVED: Final = (Status.SUCCEEDED, Status.HELD, Status.CAPTURING)
DECLINED: Final = (Status.DECLINED, Status.REFUSED, Status.REQUIRES_ACTION)


def is_approval(status: str, failure_code: str) -> bool | None:
    """Returns whether the card's bank approved a charge; None where the charge says nothing of the card."""
    if status in APPROVED:
        return True
    return False if blame.of_outcome(status, failure_code) == Blame.CARD else None


def group_of(method: FundingMethod) -> Group:
    """Returns what a card has in common with others: its network, and the issuer of its product."""
    return Group(method.network, method.product.issuer if method.product else "")


def count(since: dt.datetime) -> dict[int, Counts]:
    """Returns the outcomes of charges made since then, by funding method. One query."""
    found: dict[int, Counts] = {}
    rows = _charges(since).values_list("method_id", "status", "failure_code").annotate(n=Count("pk")).order_by()
    for method_id, status, code, number in rows.iterator():
        approved = is_approval(status, code)
        if approved is not None:
            counts = Counts(number if approved else 0, number)
            found[method_id] = found.get(method_id, Counts()).plus(counts)
    return found


def list_outcomes(since: dt.datetime, until: dt.datetime) -> Iterator[Outcome]:
    """Yields every outcome of charges made in this time, the oldest first, for a backtest."""
    names = ("created_at", "method_id", "method__network", "method__product__issuer", "status", "failure_code")
    rows: Any = _charges(since).filter(created_at__lt=until).order_by("created_at", "pk").values_list(*names)
    for at, method_id, network, issuer, status, code in rows.iterator():
        approved = is_approval(status, code)
        if approved is not None:
            yield Outcome(at, str(method_id), Group(network, issuer or ""), approved)


def _charges(since: dt.datetime) -> QuerySet[FundingCharge]:
    return FundingCharge.objects.filter(created_at__gte=since, status__in=(*APPROVED, *DECLINED))
