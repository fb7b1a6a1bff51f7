"""The sections of the home page, for the rooms that this person may enter. None reads a long table."""

from typing import Any

from django.http import HttpRequest

from issuing.operations import hourly_sums
from onecard.desk.home import books, decision_time, periods, purchases, waiting
from onecard.kit import clock

# The task counts every quarter of a minute; later than this it stands still.
STALE_AFTER_S = 180


def sections(request: HttpRequest) -> dict[str, Any]:
    """Returns what templates/desk/home/sections.html shows, by name; a section without permission is missing."""
    return {
        **(_charts(request) if request.user.has_perm("issuing.view_authorization") else {}),
        **({"cases": waiting.open_cases()} if request.user.has_perm("wallet.view_case") else {}),
        **({"unknown": waiting.unknown_charges()} if request.user.has_perm("wallet.view_fundingcharge") else {}),
        **({"last": books.last_reconciliation()} if request.user.has_perm("issuing.view_reconcilerun") else {}),
        **({"balances": books.balances()} if request.user.has_perm("wallet.view_posting") else {}),
        **({"rewards": books.rewards()} if request.user.has_perm("issuing.view_rewardentry") else {}),
    }


def _charts(request: HttpRequest) -> dict[str, Any]:
    period = periods.chosen(request.GET.get("period"))
    slots = period.slots_until_now()
    counted_until = hourly_sums.counted_until()
    age_s = (clock.now() - counted_until).total_seconds() if counted_until else None
    return {
        "period": period,
        "periods": list(periods.PERIODS.values()),
        "counted_until": counted_until,
        "is_stale": age_s is not None and age_s > STALE_AFTER_S,
        "purchases": purchases.section(period, slots),
        "decision_time": decision_time.section(slots),
    }
