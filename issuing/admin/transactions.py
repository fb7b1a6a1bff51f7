"""Card transactions and top-ups: read-only, except for facts that no issuer reported."""

from typing import ClassVar

from django.contrib import admin
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.admin.card_filter import VirtualCardFilter
from issuing.admin.currency_conversion import ENTER_CONVERSION, ConversionButton
from issuing.admin.match_correction import RELINK, RelinkButton
from issuing.admin.refund_matching import LINK, OF_NONE, LinkingButtons
from issuing.clearing import currency_conversion, manual_matching, match_correction
from issuing.models import CardFunding, CardTransaction
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.admin_filters import MccFilter
from onecard.kit.range_filters import AmountFilter
from wallet.admin.filters import FundingCardFilter

PROCESSING_TONE: dict[str, str] = {
    CardTransaction.Processing.PENDING: "info",
    CardTransaction.Processing.APPROVED: "good",
    CardTransaction.Processing.SETTLED: "good",
    CardTransaction.Processing.DECLINED: "bad",
}
FUNDING_TONE: dict[str, str] = {
    states.Funding.REQUESTED: "info",
    states.Funding.CREDITED: "good",
    states.Funding.FAILED: "bad",
}


@admin.register(CardTransaction)
class CardTransactionAdmin(LinkingButtons, RelinkButton, ConversionButton, ReadOnlyAdmin):
    """Captures, refunds and disputes under the issuer's own ids."""

    actions_detail = ("say_purchase", "say_none", "correct_link", "enter_worth")
    why_not: ClassVar = {
        LINK: manual_matching.why_not,
        OF_NONE: manual_matching.why_not_of_none,
        RELINK: match_correction.why_not,
        ENTER_CONVERSION: currency_conversion.why_not,
    }
    list_display = ("when", "kind", "merchant_name", "amount", "state", "card", "source")
    list_display_links = ("when", "kind")
    list_filter = (
        "occurred_at",
        AmountFilter,
        VirtualCardFilter,
        MccFilter,
        "transaction_type",
        "processing_status",
        "source",
        "provider",
    )
    list_select_related = ("card",)
    search_ids = (("provider", "issuer_transaction_id"), ("provider", "issuer_authorization_id"))
    search_fields = ("issuer_transaction_id", "issuer_authorization_id", "merchant_name", "card__last_four")
    search_help_text = gettext_lazy("Issuer's id of the transaction or authorization, merchant, or last four")
    fields = (
        ("kind", "amount"),
        ("state", "source"),
        ("abroad", "converted"),
        "cash",
        ("merchant_name", "merchant_location"),
        ("merchant_category", "mcc"),
        ("card", "purchase"),
        ("issuer_transaction_id", "issuer_authorization_id"),
        ("issuer_card_id", "contradicted"),
        ("provider", "issuer_event_type"),
        ("authorization_code",),
        ("when", "recorded"),
    )
    nothing_yet = gettext_lazy("They come with the issuer's webhooks, with a sync, or from old documents.")

    @admin.display(description=gettext_lazy("When"), ordering="occurred_at")
    def when(self, movement: CardTransaction) -> str:
        return display.moment(movement.occurred_at)

    @admin.display(description=gettext_lazy("Recorded"), ordering="recorded_at")
    def recorded(self, movement: CardTransaction) -> str:
        return display.moment(movement.recorded_at)

    @admin.display(description=gettext_lazy("Kind"), ordering="transaction_type")
    def kind(self, movement: CardTransaction) -> str:
        return movement.get_transaction_type_display()

    @admin.display(description=gettext_lazy("Amount"), ordering="amount_minor")
    def amount(self, movement: CardTransaction) -> str:
        return display.money(movement.amount_minor, movement.currency)

    @admin.display(description=gettext_lazy("In the merchant's currency"))
    def abroad(self, movement: CardTransaction) -> str:
        if movement.merchant_amount_minor is None:
            return _("The same")
        return display.money(movement.merchant_amount_minor, movement.merchant_currency)

    @admin.display(description=gettext_lazy("In the purchase's currency"))
    def converted(self, movement: CardTransaction) -> str:
        purchase = movement.authorization
        if purchase is None or movement.currency == purchase.currency:
            return _("The same") if purchase else display.NOTHING
        if movement.purchase_minor is None:
            return _("Not known")
        return display.money(movement.purchase_minor, purchase.currency)

    @admin.display(description=gettext_lazy("Purchase"))
    def purchase(self, movement: CardTransaction) -> str:
        found = movement.authorization
        if found is not None:
            return display.link(references.page_of(found.reference), found)
        since = movement.of_no_purchase_at
        return (
            _("Of none here, as somebody said on %(since)s") % {"since": display.moment(since)}
            if since
            else _("Not known here")
        )

    @admin.display(description=gettext_lazy("Contradiction"))
    def contradicted(self, movement: CardTransaction) -> str:
        """What it was kept for stays as evidence; it is no question any more once a person has said whose it is."""
        if not movement.contradiction:
            return _("None")
        said = (
            _("Nobody has said yet whose it is.") if movement.is_contradicted else _("A person has said whose it is.")
        )
        return f"{said} {movement.contradiction}"

    @admin.display(description=gettext_lazy("Cash in it, and the machine's fee"))
    def cash(self, movement: CardTransaction) -> str:
        parts = (movement.cash_minor, movement.atm_fee_minor)
        return ", ".join(display.money(minor, movement.currency) for minor in parts) if any(parts) else _("None")

    @admin.display(description=gettext_lazy("State"), ordering="processing_status")
    def state(self, movement: CardTransaction) -> SafeString:
        tone = PROCESSING_TONE.get(movement.processing_status, "neutral")
        return display.label(movement.get_processing_status_display(), tone)


@admin.register(CardFunding)
class CardFundingAdmin(ReadOnlyAdmin):
    """Top-ups: requested, charged to their source, and credited."""

    list_display = ("asked", "amount", "state", "card", "source", "requested_by")
    list_display_links = ("asked", "amount")
    list_filter = ("created_at", AmountFilter, VirtualCardFilter, FundingCardFilter.by("source"), "status")
    list_select_related = ("card", "source")
    search_ids = (("request_key",),)
    search_fields = ("card__last_four", "card__cardholder__name", "request_key")
    search_help_text = gettext_lazy("Last four, cardholder or request key")
    fields = (("amount", "state"), ("card", "source"), "obligation", ("requested_by", "request_key"), "asked")
    nothing_yet = gettext_lazy("They appear here when somebody puts money on a card.")

    @admin.display(description=gettext_lazy("Asked"), ordering="created_at")
    def asked(self, funding: CardFunding) -> str:
        return display.moment(funding.created_at)

    @admin.display(description=gettext_lazy("Amount"), ordering="amount_minor")
    def amount(self, funding: CardFunding) -> str:
        return display.money(funding.amount_minor, funding.currency)

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, funding: CardFunding) -> SafeString:
        return display.label(funding.get_status_display(), FUNDING_TONE.get(funding.status, "neutral"))


for name in ("card_transaction", "cardtransaction"):  # as the cases call it, and the trail
    references.register(name, lambda key: reverse("admin:issuing_cardtransaction_change", args=[key]))
