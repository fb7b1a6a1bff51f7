"""What purchases earned, by month, card or category, and what routing gained."""

import datetime as dt
from typing import Any, Final

from django.http import HttpRequest, HttpResponse

from issuing.models import RewardEntry
from issuing.rewards.totals import Total, totals
from onecard.kit import display
from onecard.kit.money import Money
from onecard.person.page import PersonPage
from routing.annual_fees import annual_fees

BY: Final = {"month": "month", "card": "method", "category": "category"}


class Rewards(PersonPage):
    """The rewards book summed up; an unknown grouping is shown as months."""

    menu = "rewards"

    def get(self, request: HttpRequest) -> HttpResponse:
        by = request.GET.get("by", "month")
        by = by if by in BY else "month"
        found = totals(by=BY[by], cardholder=self.holder.user.get_username())
        fees = self._fees() if by == "card" else {}
        groups = [_group(each, by, fees.get(each.key)) for each in found]
        return self.render(request, "rewards", by=by, choices=list(BY), groups=groups)

    def _fees(self) -> dict[str, Money]:
        """What each card costs a year, by its id as the totals have it."""
        cards = self.holder.funding_methods.select_related("product")
        mccs = RewardEntry.objects.filter(method__in=cards).values_list("mcc", flat=True).distinct()
        return {str(card): fee for card, fee in annual_fees(cards, mccs).items()}


def _group(total: Total, by: str, fee: Money | None) -> dict[str, Any]:
    value = total.value
    return {
        "label": _label(by, total.label),
        "purchases": value.charges,
        "spent": Money(value.spent_minor, total.currency),
        "earned": [f"{each} ({each.programme})" for each in total.earned],
        "value": display.total(value.face, total.currency),
        "low": display.total(value.low, total.currency),
        "high": display.total(value.high, total.currency),
        "benefit": display.total(value.benefit, total.currency),
        "is_gain": value.benefit > 0,
        "fee": fee if fee is not None and fee.minor else None,
    }


def _label(by: str, label: str) -> str:
    """November 2026 for the month 2026-11; what names another group as it is."""
    return f"{dt.date.fromisoformat(label + '-01'):%B %Y}" if by == "month" else label
