"""Filters of purchases by what became of them, and why: they select the rows that the charts of the home page count."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.authorizations import failed_answers
from issuing.models import Authorization, PurchaseHour
from issuing.operations.hourly_sums import UNKNOWN_REASON
from onecard.kit.admin import LONGEST_SEARCH, TextFilter
from onecard.kit.text import clean_text

Outcome = PurchaseHour.Outcome


class OutcomeFilter(SimpleListFilter):
    """Approved at all, or declined by us or by the issuer alone."""

    title = gettext_lazy("Outcome")
    parameter_name = "outcome"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(Outcome.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Authorization]) -> QuerySet[Authorization]:
        declined = Q(status=states.Authorization.DECLINED)
        by_issuer = Q(decline_reason=None) | Q(decline_reason="")
        chosen: dict[str | None, Q] = {
            Outcome.APPROVED: ~declined,
            Outcome.DECLINED: declined & ~by_issuer,
            Outcome.DECLINED_BY_ISSUER: declined & by_issuer,
        }
        return queryset.filter(chosen.get(self.value(), Q()))


class ReasonFilter(TextFilter):
    """The code of a decline of ours, or the issuer's word for one of its own."""

    title = gettext_lazy("Reason of the decline")
    parameter_name = "reason"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Authorization]) -> QuerySet[Authorization]:
        reason = clean_text(self.value(), limit=LONGEST_SEARCH)
        if not reason:
            return queryset
        word = "" if reason == UNKNOWN_REASON else reason
        issuers = Q(issuer_reason=word) & (Q(decline_reason=None) | Q(decline_reason=""))
        declined = queryset.filter(status=states.Authorization.DECLINED)
        return declined.filter(Q(decline_reason=reason) | issuers)


class AnswerFilter(SimpleListFilter):
    """Purchases that did not get the answer that they should have had from us, at all or for one reason."""

    title = _("Our answer")
    parameter_name = "answer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("failed", _("Failed, for any reason")), *states.AnswerFailure.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Authorization]) -> QuerySet[Authorization]:
        if self.value() == "failed":
            return failed_answers.failed(queryset)
        return queryset.filter(answer_failed=self.value()) if self.value() else queryset
