"""One month looked back on: what was earned, what one card alone would have earned, and what was left on the table."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse

from issuing.rewards.monthly.chart import charts_of
from issuing.rewards.monthly.mail import sent_notice
from issuing.rewards.monthly.months import MonthError, current_month, earlier_month, month_after, month_for
from issuing.rewards.monthly.report import reports_of
from issuing.rewards.monthly.words import hint_of
from onecard.person.page import PersonPage


class MonthlyReport(PersonPage):
    """The report as it stands now, of the last whole month if none is named."""

    menu = "rewards"
    throttle_scope = "preview"

    def get(self, request: HttpRequest, month: str = "") -> HttpResponse:
        try:
            first = month_for(self.holder, month)
        except MonthError as error:
            return self.render(request, "refused", status=HTTPStatus.NOT_FOUND, words=error.message)
        current = current_month(self.holder)
        found = reports_of(self.holder, first)
        return self.render(
            request,
            "month",
            month=first,
            is_over=first < current,
            earlier=earlier_month(self.holder, first),
            later=month_after(first) if first < current else None,
            sent=sent_notice(self.holder, first),
            reports=[(each, charts_of(each), hint_of(each)) for each in found],
        )
