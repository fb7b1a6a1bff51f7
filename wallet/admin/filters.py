"""Filters of the wallet's lists: by the funding card, and by the amounts that the lists show."""

from typing import Any, Final

from django.contrib.admin import SimpleListFilter
from django.db.models import BigIntegerField, Case, F, QuerySet, When
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from onecard.kit import clock
from onecard.kit.admin_filters import CardFilter
from onecard.kit.range_filters import AmountFilter, in_range
from wallet import states
from wallet.methods.condition_counts import holders_with
from wallet.models import FundingMethod

CARD_STATES: Final = {
    "active": gettext_lazy("Can pay"),
    "expiring": gettext_lazy("Can pay, and expires soon"),
    "cooling": gettext_lazy("Rests after a declined charge"),
    "expired": gettext_lazy("Expired"),
    "disabled": gettext_lazy("Switched off"),
    "detached": gettext_lazy("Gone at the processor"),
}


class FundingCardFilter(CardFilter):
    """By the card of the wallet that was charged: its last four digits, the processor's id pm_…, or its public id."""

    title = gettext_lazy("funding card")
    parameter_name = "funding_card"
    path = "method"
    cards = FundingMethod
    ids = (("processor_method_id",), ("public_id",))
    hint = gettext_lazy("Last four, or pm_…")


class CardStateFilter(SimpleListFilter):
    """People who have a funding card that stands so (wallet/methods/condition.py)."""

    title = gettext_lazy("A funding card")
    parameter_name = "cards"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(CARD_STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        state = self.value()
        return queryset.filter(holders_with(state, clock.now())) if state in CARD_STATES else queryset


class ChargeAmountFilter(AmountFilter):
    """By the amount of a charge: what was taken, or else what its card is asked for (money_page.charge_amount)."""

    currency = "obligation__currency"

    def between(self, rows: QuerySet[Any], least: int | None, most: int | None, currency: str) -> QuerySet[Any]:
        whole = F("obligation__amount_minor")
        shown = Case(
            When(status=states.Charge.SUCCEEDED, then=whole - F("obligation__released_minor")),
            default=Coalesce(F("amount_minor"), whole),
            output_field=BigIntegerField(),
        )
        condition = in_range("shown_minor", least, most)
        found: QuerySet[Any] = rows.alias(shown_minor=shown).filter(condition, obligation__currency=currency)
        return found
