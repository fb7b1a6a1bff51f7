"""Filters of purchases by what became of them, and why: they select the rows that the charts of the home page count."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, NullIf
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.authorizations import failed_answers
from issuing.models import Authorization, Decision, PurchaseHour
from issuing.operations.hourly_sums import UNKNOWN_REASON
from onecard.kit.admin_filters import TextFilter
from onecard.kit.range_filters import AmountFilter, in_range

Outcome = PurchaseHour.Outcome


class PurchaseAmountFilter(AmountFilter):
    """By the amount that the list shows: what was approved, else what was asked for last (purchase_lines.py)."""

    def between(
        self, rows: QuerySet[Authorization], least: int | None, most: int | None, currency: str
    ) -> QuerySet[Authorization]:
        rounds = Decision.objects.filter(authorization=OuterRef("pk")).order_by("-pk")
        asked = Coalesce(NullIf(Subquery(rounds.values("amount_minor")[:1]), Value(0)), F("declined_minor"))
        approved = Q(approved_minor__gt=0) & in_range("approved_minor", least, most)
        declined = Q(approved_minor=0) & in_range("asked_minor", least, most)
        return rows.alias(asked_minor=asked).filter(approved | declined, currency=currency)


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

    def select(self, rows: QuerySet[Authorization]) -> QuerySet[Authorization]:
        reason = self.value()
        word = "" if reason == UNKNOWN_REASON else reason
        issuers = Q(issuer_reason=word) & (Q(decline_reason=None) | Q(decline_reason=""))
        declined = rows.filter(status=states.Authorization.DECLINED)
        return declined.filter(Q(decline_reason=reason) | issuers)


class AnswerFilter(SimpleListFilter):
    """Purchases that did not get the answer that they should have had from us, at all or for one reason."""

    title = gettext_lazy("Our answer")
    parameter_name = "answer"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("failed", _("Failed, for any reason")), *states.AnswerFailure.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Authorization]) -> QuerySet[Authorization]:
        if self.value() == "failed":
            return failed_answers.failed(queryset)
        return queryset.filter(answer_failed=self.value()) if self.value() else queryset


class StandInFilter(SimpleListFilter):
    """Purchases that somebody answered in the place of an ordinary decision of ours: we, the issuer or the network."""

    title = gettext_lazy("Stand-in")
    parameter_name = "stood_in"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("any", _("Anybody stood in")), *states.StoodIn.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Authorization]) -> QuerySet[Authorization]:
        if not self.value():
            return queryset
        stood_in = queryset.exclude(stood_in="")
        return stood_in if self.value() == "any" else stood_in.filter(stood_in=self.value())
