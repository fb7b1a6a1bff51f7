"""Filters of the wallet's lists: by the funding card, and by the amounts that the lists show."""

from typing import Any

from django.db.models import BigIntegerField, Case, F, QuerySet, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy

from onecard.kit.admin_filters import CardFilter
from onecard.kit.range_filters import AmountFilter, in_range
from wallet import states
from wallet.models import FundingMethod


class FundingCardFilter(CardFilter):
    """By the card of the wallet that was charged: its last four digits, the processor's id pm_…, or its public id."""

    title = gettext_lazy("funding card")
    parameter_name = "funding_card"
    path = "method"
    cards = FundingMethod
    ids = (("processor_method_id",), ("public_id",))
    hint = gettext_lazy("Last four, or pm_…")


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
