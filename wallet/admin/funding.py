"""Read-only pages of obligations and charges: only the wallet's functions move money (money-safety T17)."""

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin, ReadOnlyInline
from onecard.kit.range_filters import AmountFilter
from wallet.admin import labels, payer_words
from wallet.admin.disputes import DisputeInline
from wallet.admin.filters import ChargeAmountFilter, FundingCardFilter
from wallet.admin.money_page import charge_amount, charge_state, obligation_state
from wallet.admin.person_link import person_link
from wallet.admin.refunds import RefundInline
from wallet.casework import payers
from wallet.casework.payers import Payers
from wallet.models import Case, FundingCharge, FundingObligation


class ChargeInline(ReadOnlyInline):
    """The charges of one obligation."""

    model = FundingCharge
    verbose_name_plural = gettext_lazy("charges")
    fields = ("attempt", "method", "state", "problem", "attempts", "next_try", "processor_charge_id")
    readonly_fields = fields
    ordering = ("sequence",)

    @admin.display(description=gettext_lazy("Charge"))
    def attempt(self, charge: FundingCharge) -> str:
        return display.link(
            references.page_of(f"fundingcharge:{charge.pk}"), _("Charge %(sequence)s") % {"sequence": charge.sequence}
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[FundingCharge]:
        return super().get_queryset(request).select_related("method", "obligation")

    @admin.display(description=gettext_lazy("State"))
    def state(self, charge: FundingCharge) -> SafeString:
        return charge_state(charge)

    @admin.display(description=gettext_lazy("Problem"))
    def problem(self, charge: FundingCharge) -> str:
        return labels.failure(charge)

    @admin.display(description=gettext_lazy("Next try"))
    def next_try(self, charge: FundingCharge) -> str:
        return labels.next_try(charge)


class CaseInline(ReadOnlyInline):
    """The cases of one obligation."""

    model = Case
    fields = ("what", "status", "summary", "opened")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("Case"))
    def what(self, case: Case) -> str:
        return display.link(references.page_of(f"case:{case.pk}"), case.get_kind_display())

    @admin.display(description=gettext_lazy("Opened"))
    def opened(self, case: Case) -> str:
        return display.moment(case.opened_at)


@admin.register(FundingObligation)
class FundingObligationAdmin(ReadOnlyAdmin):
    """What cardholders owe for approvals and top-ups."""

    list_display = ("when", "amount", "description", "person", "state", "paid_by", "open_cases")
    list_filter = ("created_at", AmountFilter, FundingCardFilter.by("charges__method"), "status", "currency")
    rises_with_key = ("created_at",)
    list_select_related = ("cardholder",)
    search_ids = (("reference",), ("charges__processor_charge_id",))
    search_fields = ("description", "cardholder__name", "reference", "charges__processor_charge_id")
    search_help_text = gettext_lazy("Merchant, cardholder, decision id or payment intent")
    fields = (
        ("amount", "state"),
        ("given_up", "how"),
        "meaning",
        "description",
        "person",
        "bought",
        "when",
        "public_id",
    )
    inlines = (ChargeInline, RefundInline, CaseInline)

    def get_queryset(self, request: HttpRequest) -> QuerySet[FundingObligation]:
        cases = Case.objects.filter(obligation=OuterRef("pk"), status=Case.Status.OPEN).order_by()
        rows: QuerySet[FundingObligation] = super().get_queryset(request)
        return rows.annotate(open_case_count=Subquery(cases.values("obligation").values(count=Count("pk"))))

    def prepare_rows(self, rows: Sequence[FundingObligation]) -> None:
        """Reads who pays all of them at once."""
        found = payers.of_obligations([each.pk for each in rows])
        for each in rows:
            each.__dict__["payers"] = found.get(each.pk, Payers())

    @admin.display(description=gettext_lazy("When"), ordering="created_at")
    def when(self, obligation: FundingObligation) -> str:
        return display.moment(obligation.created_at)

    @admin.display(description=gettext_lazy("Amount"), ordering="amount_minor")
    def amount(self, obligation: FundingObligation) -> str:
        return display.money(obligation.amount_minor, obligation.currency)

    @admin.display(description=gettext_lazy("Cardholder"), ordering="cardholder__name")
    def person(self, obligation: FundingObligation) -> str | SafeString:
        return person_link(obligation.cardholder)

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, obligation: FundingObligation) -> SafeString:
        return obligation_state(obligation)

    @admin.display(description=gettext_lazy("Given up before it was taken"))
    def given_up(self, obligation: FundingObligation) -> str:
        return display.money(obligation.released_minor or None, obligation.currency)

    @admin.display(description=gettext_lazy("Policy"))
    def how(self, obligation: FundingObligation) -> str:
        return obligation.get_policy_display()

    @admin.display(description=gettext_lazy("In words"))
    def meaning(self, obligation: FundingObligation) -> str:
        return str(labels.OBLIGATION_MEANING.get(obligation.status, display.NOTHING))

    @admin.display(description=gettext_lazy("Paid by"))
    def paid_by(self, obligation: FundingObligation) -> str:
        return payer_words.payers(obligation.__dict__.get("payers", Payers()))

    @admin.display(description=gettext_lazy("Open cases"))
    def open_cases(self, obligation: FundingObligation) -> str:
        return str(getattr(obligation, "open_case_count", 0) or display.NOTHING)

    @admin.display(description=gettext_lazy("Purchase"))
    def bought(self, obligation: FundingObligation) -> str:
        page = references.page_of(obligation.reference) or references.page_of(obligation.purchase)
        words = _("The purchase and why this card was chosen")
        return display.link(page, words) if page else references.in_words(obligation.purchase)


@admin.register(FundingCharge)
class FundingChargeAdmin(ReadOnlyAdmin):
    """Charges of funding cards."""

    inlines = (DisputeInline,)

    ordering = ("-created_at", "-id")
    list_display = ("when", "amount", "method", "state", "problem", "attempts", "next_try")
    list_filter = ("created_at", ChargeAmountFilter, FundingCardFilter, "failure_code", "status", "method__network")
    list_select_related = ("obligation", "method")
    search_ids = (("processor_charge_id",), ("idempotency_key",))
    search_fields = ("processor_charge_id", "idempotency_key", "method__last_four", "obligation__description")
    search_help_text = gettext_lazy("Payment intent, key, last four of the card, or merchant")
    fields = (
        ("amount", "state"),
        "meaning",
        ("method", "obligation"),
        "problem",
        ("attempts", "next_try"),
        ("sent", "finished"),
        ("processor_charge_id", "idempotency_key"),
        ("sequence", "shown_id"),
    )

    @admin.display(description=gettext_lazy("Public id"))
    def shown_id(self, charge: FundingCharge) -> SafeString:
        return display.copyable(charge.public_id)

    @admin.display(description=gettext_lazy("When"), ordering="created_at")
    def when(self, charge: FundingCharge) -> str:
        return display.moment(charge.created_at)

    @admin.display(description=gettext_lazy("Amount"), ordering="obligation__amount_minor")
    def amount(self, charge: FundingCharge) -> str:
        amount = charge_amount(charge)
        return display.money(amount.minor, amount.currency)

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, charge: FundingCharge) -> SafeString:
        return charge_state(charge)

    @admin.display(description=gettext_lazy("In words"))
    def meaning(self, charge: FundingCharge) -> str:
        return str(labels.CHARGE_MEANING.get(charge.status, display.NOTHING))

    @admin.display(description=gettext_lazy("Problem"))
    def problem(self, charge: FundingCharge) -> str:
        return labels.failure(charge)

    @admin.display(description=gettext_lazy("Next try"), ordering="next_attempt_at")
    def next_try(self, charge: FundingCharge) -> str:
        return labels.next_try(charge)

    @admin.display(description=gettext_lazy("First sent"))
    def sent(self, charge: FundingCharge) -> str:
        return display.moment(charge.first_sent_at)

    @admin.display(description=gettext_lazy("Finished"))
    def finished(self, charge: FundingCharge) -> str:
        return display.moment(charge.finished_at)


for kind, view in (
    ("case", "admin:wallet_case_change"),
    ("fundingcharge", "admin:wallet_fundingcharge_change"),
    ("fundingobligation", "admin:wallet_fundingobligation_change"),
    ("obligation", "admin:wallet_fundingobligation_change"),
):
    references.register(kind, lambda key, view=view: reverse(view, args=[key]))  # type: ignore[misc]
