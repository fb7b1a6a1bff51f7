"""Virtual cards: their list and page; the buttons do everything that moves money or needs the issuer."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from audit.edits import AuditedAdmin, VersionedForm
from issuing import states
from issuing.admin.card_actions import CardActionsAdmin
from issuing.admin.card_filter import VirtualCardFilter
from issuing.admin.limits import LimitsAdmin
from issuing.admin.new_card import NewCardAdmin
from issuing.admin.replace import ReplaceAdmin
from issuing.admin.reveal import RevealAdmin
from issuing.admin.top_up import PutMoneyAdmin
from issuing.cards.flags import flags_of
from issuing.models import VirtualCard
from onecard.kit import display, references
from onecard.kit.range_filters import AmountFilter
from wallet.admin.person_link import person_link

TONE: dict[str, str] = {
    states.Card.ACTIVE: "good",
    states.Card.PENDING: "info",
    states.Card.FROZEN: "warn",
    states.Card.SUSPENDED: "warn",
    states.Card.CLOSED: "neutral",
}


@admin.register(VirtualCard)
class VirtualCardAdmin(
    CardActionsAdmin, LimitsAdmin, ReplaceAdmin, PutMoneyAdmin, RevealAdmin, NewCardAdmin, AuditedAdmin
):
    """Virtual cards. The issuer makes them, so Django's own pages neither add nor delete any."""

    form = VersionedForm
    version_field = "version"
    list_display = ("card", "holder", "state", "one_purchase", "a_day", "a_month", "balance", "issuer_card_id")
    list_filter = (
        VirtualCardFilter.by(""),
        AmountFilter.of("balance_minor", "currency", gettext_lazy("balance")),
        "created_at",
        "status",
        "issuer_provider",
        "card_type",
    )
    rises_with_key = ("created_at",)
    list_select_related = ("cardholder",)
    search_ids = (("issuer_provider", "issuer_card_id"),)
    search_fields = ("last_four", "issuer_card_id", "cardholder__name")
    search_help_text = gettext_lazy("Last four, issuer's card id or cardholder")
    readonly_fields = (
        "holder",
        "one_purchase",
        "a_day",
        "a_month",
        "state",
        "balance",
        "card_type",
        "last_four",
        "expiry",
        "issuer_provider",
        "issuer_card_id",
        "synced",
        "flags",
        "shown_id",
    )
    fieldsets = (
        (
            gettext_lazy("Limits, counted in the cardholder's own days"),
            {"fields": (("one_purchase", "a_day", "a_month"),)},
        ),
        (gettext_lazy("Money on the card"), {"fields": (("balance", "spends_balance"),)}),
        (
            gettext_lazy("The card"),
            {"fields": (("holder", "state"), ("card_type", "last_four", "expiry"), ("flags", "shown_id"))},
        ),
        (gettext_lazy("At the issuer"), {"fields": (("issuer_provider", "issuer_card_id", "synced"),)}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("Card"), ordering="last_four")
    def card(self, card: VirtualCard) -> str:
        return str(card)

    @admin.display(description=gettext_lazy("Cardholder"), ordering="cardholder__name")
    def holder(self, card: VirtualCard) -> str | SafeString:
        return person_link(card.cardholder)

    @admin.display(description=gettext_lazy("Status"), ordering="status")
    def state(self, card: VirtualCard) -> SafeString:
        return display.label(card.get_status_display(), TONE.get(card.status, "neutral"))

    @admin.display(description=gettext_lazy("One purchase"), ordering="per_transaction_limit_minor")
    def one_purchase(self, card: VirtualCard) -> str:
        return display.money(card.per_transaction_limit_minor, card.currency)

    @admin.display(description=gettext_lazy("A day"), ordering="daily_limit_minor")
    def a_day(self, card: VirtualCard) -> str:
        return display.money(card.daily_limit_minor, card.currency)

    @admin.display(description=gettext_lazy("A month"), ordering="monthly_limit_minor")
    def a_month(self, card: VirtualCard) -> str:
        return display.money(card.monthly_limit_minor, card.currency)

    @admin.display(description=gettext_lazy("Balance"), ordering="balance_minor")
    def balance(self, card: VirtualCard) -> str:
        return display.money(card.balance_minor, card.currency)

    @admin.display(description=gettext_lazy("Public id"))
    def shown_id(self, card: VirtualCard) -> SafeString:
        return display.copyable(card.public_id)

    @admin.display(description=gettext_lazy("Expires"))
    def expiry(self, card: VirtualCard) -> str:
        return f"{card.expiry_month:02d}/{card.expiry_year}" if card.expiry_month else display.NOTHING

    @admin.display(description=gettext_lazy("Compliance flags"))
    def flags(self, card: VirtualCard) -> str:
        return ", ".join(flags_of(card)) or display.NOTHING

    @admin.display(description=gettext_lazy("Last synced"))
    def synced(self, card: VirtualCard) -> str:
        return display.moment(card.last_synced_at)


references.register("virtualcard", lambda key: reverse("admin:issuing_virtualcard_change", args=[key]))
