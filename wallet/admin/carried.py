"""Read-only pages of carried amounts: what waits for the next charge, and how each amount ended."""

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.range_filters import AmountFilter
from wallet.admin.person_link import person_link
from wallet.models import CarriedAmount

TONE: dict[str, str] = {
    CarriedAmount.Status.WAITING: "info",
    CarriedAmount.Status.ON_CHARGE: "info",
    CarriedAmount.Status.PAID: "good",
    CarriedAmount.Status.WRITTEN_OFF: "warn",
    CarriedAmount.Status.TAKEN_BACK: "neutral",
}


@admin.register(CarriedAmount)
class CarriedAmountAdmin(ReadOnlyAdmin):
    """Amounts carried from one purchase to the cardholder's next charge."""

    list_display = ("when", "amount", "person", "state", "of_purchase", "with_charge")
    list_filter = ("created_at", AmountFilter, "status", "currency")
    list_select_related = ("cardholder", "carrier")
    search_ids = (("purchase",),)
    search_fields = ("purchase", "cardholder__name")
    search_help_text = gettext_lazy("Cardholder, or authorization:1")
    nothing_yet = gettext_lazy(
        "A part of a purchase that is below the processor's minimum, or below its smallest unit, waits here for the "
        "cardholder's next charge; after CARRY_DAYS it is written off."
    )
    fields = (("amount", "state"), "person", ("of_purchase", "with_charge"), "when")

    @admin.display(description=gettext_lazy("When"), ordering="created_at")
    def when(self, row: CarriedAmount) -> str:
        return display.moment(row.created_at)

    @admin.display(description=gettext_lazy("Amount"), ordering="amount_minor")
    def amount(self, row: CarriedAmount) -> str:
        return display.money(row.amount_minor, row.currency)

    @admin.display(description=gettext_lazy("Cardholder"), ordering="cardholder__name")
    def person(self, row: CarriedAmount) -> str | SafeString:
        return person_link(row.cardholder)

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, row: CarriedAmount) -> SafeString:
        return display.label(row.get_status_display(), TONE.get(row.status, "neutral"))

    @admin.display(description=gettext_lazy("Purchase"))
    def of_purchase(self, row: CarriedAmount) -> str:
        return references.link(row.purchase)

    @admin.display(description=gettext_lazy("Goes along with"))
    def with_charge(self, row: CarriedAmount) -> str:
        if row.carrier_id is None:
            return display.NOTHING
        return display.link(
            references.page_of(f"fundingcharge:{row.carrier_id}"),
            _("Charge %(carrier_id)s") % {"carrier_id": row.carrier_id},
        )
