"""What funding cards kept of stored purchases: what was approved less what was given up or went back. Only reads."""

from collections.abc import Collection

from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from issuing.backtest.stored import StoredDecision
from onecard.kit.money import Money
from wallet import states
from wallet.models import FundingObligation


def kept_of(decisions: Collection[StoredDecision]) -> dict[int, Money]:
    """Returns what was kept of each decision's amount, by its id, in one query.

    A refund counts from when the ledger has it: it has succeeded, and did not fail later. What nobody was charged for
    yet counts whole.
    """
    whole = {each.id: each.paid for each in decisions}
    succeeded = Q(refunds__status=states.Refund.SUCCEEDED)
    rows = FundingObligation.objects.filter(decision__in=whole).annotate(
        back_minor=Coalesce(Sum("refunds__amount_minor", filter=succeeded), 0)
    )
    names = ("decision", "released_minor", "back_minor")
    gone = {key: given_up + back for key, given_up, back in rows.values_list(*names)}
    return {key: Money(max(0, paid.minor - gone.get(key, 0)), paid.currency) for key, paid in whole.items()}
