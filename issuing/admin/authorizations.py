"""Purchases: the request, our answer and its reason, the card that pays, and the outcome. Read-only."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.admin import purchase_lines, purchase_page
from issuing.admin.card_filter import VirtualCardFilter
from issuing.admin.outcome_filters import (
    AnswerFilter,
    OutcomeFilter,
    PurchaseAmountFilter,
    ReasonFilter,
    StandInFilter,
)
from issuing.admin.purchase_buttons import PurchaseButtons
from issuing.models import Authorization, Decision
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.admin_filters import MccFilter
from routing.models import MerchantCategory
from wallet.admin.filters import FundingCardFilter

TONE: dict[str, str] = {
    states.Authorization.APPROVED: "good",
    states.Authorization.SETTLED: "good",
    states.Authorization.DECLINED: "bad",
    states.Authorization.REVERSED: "neutral",
    states.Authorization.EXPIRED: "neutral",
}


@admin.register(Authorization)
class AuthorizationAdmin(PurchaseButtons, ReadOnlyAdmin):
    """Purchases, newest first."""

    list_display = ("when", "merchant", "category", "amount", "state", "paid_by")
    list_display_links = ("when", "merchant")
    ordering = ("-created_at", "-id")
    list_filter = (
        "created_at",
        PurchaseAmountFilter,
        VirtualCardFilter,
        FundingCardFilter.by("decisions__obligation__charges__method"),
        MccFilter,
        ReasonFilter,
        "status",
        OutcomeFilter,
        AnswerFilter,
        StandInFilter,
        "provider",
    )
    search_ids = (
        ("provider", "issuer_authorization_id"),
        ("decisions__obligation__charges__processor_charge_id",),
        # The issuer shows it in the authorization's metadata.
        ("decisions__public_id",),
    )
    search_fields = (
        "issuer_authorization_id",
        "decisions__obligation__charges__processor_charge_id",
        "decisions__public_id",
        "merchant_name",
        "card__last_four",
        "decisions__obligation__charges__method__last_four",
    )
    search_help_text = gettext_lazy(
        "Issuer's id, PaymentIntent, merchant, last four of either card, or a decision's id"
    )
    nothing_yet = gettext_lazy("Run make purchase or manage.py purchase to simulate one.")
    fields = ("issuer_authorization_id",)
    change_form_template = "admin/issuing/authorization/purchase_page.html"

    def get_urls(self) -> list[URLPattern]:
        by_decision = path(
            "of-decision/<uuid:public_id>/",
            self.admin_site.admin_view(self.of_decision),
            name="issuing_authorization_of_decision",
        )
        return [by_decision, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Authorization]:
        categories = MerchantCategory.objects.filter(code=OuterRef("mcc"))
        rows: QuerySet[Authorization] = super().get_queryset(request)
        rounds = Decision.objects.filter(authorization=OuterRef("pk")).order_by("-pk")
        return rows.annotate(
            category_name=Subquery(categories.values("description")[:1]),
            # The filters of the outcome and its reason look at it.
            decline_reason=Subquery(rounds.values("decline_reason")[:1]),
        )

    def prepare_rows(self, rows: Sequence[Authorization]) -> None:
        """Reads who pays and why it was declined for all of them at once."""
        purchase_lines.attach(rows)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        authorization = self.get_object(request, object_id)
        if authorization is None or request.method != "GET" or not self.has_view_permission(request, authorization):
            return super().change_view(request, object_id, form_url, extra_context)
        page = purchase_page.build(authorization)
        heading = f"{self.merchant(authorization)} {self.amount(authorization)}"
        context = {
            "title": _("Purchase"),
            "purchase_page": page,
            "state": self.state(authorization),
            "heading": heading,
        }
        return super().change_view(request, object_id, form_url, (extra_context or {}) | context)

    def of_decision(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        """Returns the purchase that a decision belongs to."""
        decision = get_object_or_404(Decision.objects.only("authorization_id"), public_id=public_id)
        page = reverse("admin:issuing_authorization_change", args=[decision.authorization_id])
        return redirect(f"{page}#decision-{public_id}")

    @admin.display(description=gettext_lazy("When"), ordering="created_at")
    def when(self, purchase: Authorization) -> str:
        return display.moment(purchase.created_at)

    @admin.display(description=gettext_lazy("Merchant"), ordering="merchant_name")
    def merchant(self, purchase: Authorization) -> str:
        return purchase.merchant_name or purchase.issuer_authorization_id

    @admin.display(description="MCC", ordering="mcc")
    def category(self, purchase: Authorization) -> str:
        return f"{purchase.mcc} {getattr(purchase, 'category_name', None) or ''}".strip() or display.NOTHING

    @admin.display(description=gettext_lazy("Amount"), ordering="approved_minor")
    def amount(self, purchase: Authorization) -> str:
        minor = purchase.approved_minor or purchase_lines.line_of(purchase).asked_minor
        return display.money(minor, purchase.currency)

    @admin.display(description=gettext_lazy("Status"), ordering="status")
    def state(self, purchase: Authorization) -> SafeString:
        return display.label(purchase.get_status_display(), TONE.get(purchase.status, "neutral"))

    @admin.display(description=gettext_lazy("Paid by, or why not"))
    def paid_by(self, purchase: Authorization) -> str:
        return purchase_lines.line_of(purchase).paid_or_why_not


references.register("authorization", lambda key: reverse("admin:issuing_authorization_change", args=[key]))
references.register("decision", lambda key: reverse("admin:issuing_authorization_of_decision", args=[key]))
# What a case about failed answers is about.
references.register("answers", lambda _issuer: f"{reverse('admin:issuing_authorization_changelist')}?answer=failed")
# What a case about an answer of stand-in is about that no purchase has.
references.register(
    "stand_in", lambda _name: f"{reverse('admin:issuing_authorization_changelist')}?stood_in={states.StoodIn.ONE_CARD}"
)
