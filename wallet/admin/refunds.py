"""Read-only pages of refunds to funding cards."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin, ReadOnlyInline
from onecard.kit.range_filters import AmountFilter
from onecard.kit.words import Words
from wallet.admin.filters import FundingCardFilter
from wallet.admin.money_page import refund_problem, refund_state
from wallet.models import FundingRefund

MEANING: dict[str, Words] = {
    "intended": gettext_lazy("Written down. It is sent by itself, or as soon as the charge has succeeded."),
    "sending": gettext_lazy("A worker is asking the processor now. If that worker died, the sweeper asks again."),
    "unknown": gettext_lazy("The processor's answer was lost: it may or may not have given it back. We keep asking."),
    "succeeded": gettext_lazy("The processor gives it back; the card's bank may take days to show it."),
    "failed": gettext_lazy("The processor cannot give it back; a case says what to do."),
    "canceled": gettext_lazy(
        "What it was to give back was never paid, or it failed and another refund was sent in its place."
    ),
}


@admin.register(FundingRefund)
class FundingRefundAdmin(ReadOnlyAdmin):
    """Refunds, finished or under way."""

    list_display = ("when", "amount", "card", "state", "reason", "problem", "attempts")
    list_filter = (
        "created_at",
        AmountFilter.of("amount_minor", "obligation__currency"),
        FundingCardFilter.by("charge__method"),
        "status",
    )
    list_select_related = ("obligation", "charge__method")
    search_ids = (("processor_refund_id",), ("charge__processor_charge_id",), ("obligation__purchase",))
    search_fields = (
        "processor_refund_id",
        "charge__processor_charge_id",
        "obligation__description",
        "obligation__purchase",
        "obligation__cardholder__name",
    )
    search_help_text = gettext_lazy("Refund or payment intent, merchant, cardholder, or authorization:1")
    nothing_yet = gettext_lazy("A refund is written when less is owed than was paid, or by the button of a case.")
    fields = (
        ("amount", "state"),
        "meaning",
        ("card", "obligation"),
        "reason",
        "problem",
        ("attempts", "charge"),
        ("sent", "finished"),
        ("processor_refund_id", "idempotency_key"),
        ("when", "public_id"),
    )

    @admin.display(description=gettext_lazy("When"), ordering="created_at")
    def when(self, refund: FundingRefund) -> str:
        return display.moment(refund.created_at)

    @admin.display(description=gettext_lazy("Amount"), ordering="amount_minor")
    def amount(self, refund: FundingRefund) -> str:
        return display.money(refund.amount_minor, refund.obligation.currency)

    @admin.display(description=gettext_lazy("Back to"))
    def card(self, refund: FundingRefund) -> str:
        return str(refund.charge.method) if refund.charge else _("Waits until it is paid")

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, refund: FundingRefund) -> SafeString:
        return refund_state(refund)

    @admin.display(description=gettext_lazy("In words"))
    def meaning(self, refund: FundingRefund) -> str:
        return str(MEANING.get(refund.status, display.NOTHING))

    @admin.display(description=gettext_lazy("Problem"))
    def problem(self, refund: FundingRefund) -> str:
        return refund_problem(refund)

    @admin.display(description=gettext_lazy("First sent"))
    def sent(self, refund: FundingRefund) -> str:
        return display.moment(refund.first_sent_at)

    @admin.display(description=gettext_lazy("Finished"))
    def finished(self, refund: FundingRefund) -> str:
        return display.moment(refund.finished_at)


class RefundInline(ReadOnlyInline):
    """The refunds of one obligation."""

    model = FundingRefund
    verbose_name_plural = gettext_lazy("refunds")
    fields = ("what", "state", "reason", "problem", "processor_refund_id")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[FundingRefund]:
        return super().get_queryset(request).select_related("obligation", "charge__method")

    @admin.display(description=gettext_lazy("Refund"))
    def what(self, refund: FundingRefund) -> str:
        return display.link(references.page_of(f"fundingrefund:{refund.pk}"), refund.money)

    @admin.display(description=gettext_lazy("State"))
    def state(self, refund: FundingRefund) -> SafeString:
        return refund_state(refund)

    @admin.display(description=gettext_lazy("Problem"))
    def problem(self, refund: FundingRefund) -> str:
        return refund_problem(refund)


references.register("fundingrefund", lambda key: reverse("admin:wallet_fundingrefund_change", args=[key]))
