"""Events from issuers, holds on limits, and spending counters. Read-only."""

from django.contrib import admin
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from issuing import states
from issuing.admin.card_filter import VirtualCardFilter
from issuing.admin.send_again import SendAgainButton
from issuing.inbox import bodies
from issuing.models import Authorization, Hold, IssuerEvent, SpendWindow
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.range_filters import AmountFilter
from wallet.admin.person_link import person_link

EVENT_TONE: dict[str, str] = {
    states.Event.RECEIVED: "info",
    states.Event.HANDLED: "good",
    states.Event.KEPT: "neutral",
    states.Event.REJECTED: "bad",
}


@admin.register(IssuerEvent)
class IssuerEventAdmin(SendAgainButton, ReadOnlyAdmin):
    """The inbox: every delivery with a genuine signature, as it arrived."""

    actions_detail = ("send_again",)

    list_display = ("when", "kind", "state", "reason", "object_id", "event_id")
    list_display_links = ("when", "kind")
    list_filter = ("status", "provider", "event_type", "received_at")
    rises_with_key = ("received_at",)
    search_ids = (("provider", "event_id"), ("object_id",))
    search_fields = ("event_id", "object_id", "event_type")
    search_help_text = gettext_lazy("Id of the event, id of its object (iauth_…, pi_…), or kind")
    fields = (
        ("kind", "state"),
        "reason",
        ("failures", "next_try"),
        ("event_id", "object_id"),
        ("provider", "when", "handled"),
        "purchase",
        "covered",
        "pretty",
    )

    @admin.display(description=gettext_lazy("Received"), ordering="received_at")
    def when(self, event: IssuerEvent) -> str:
        return display.moment(event.received_at)

    @admin.display(description=gettext_lazy("Kind"), ordering="event_type")
    def kind(self, event: IssuerEvent) -> str:
        return event.event_type or _("Unknown")

    @admin.display(description=gettext_lazy("Status"), ordering="status")
    def state(self, event: IssuerEvent) -> SafeString:
        return display.label(event.get_status_display(), EVENT_TONE.get(event.status, "neutral"))

    @admin.display(description=gettext_lazy("Handled"))
    def handled(self, event: IssuerEvent) -> str:
        return display.moment(event.handled_at)

    @admin.display(description=gettext_lazy("Applying it failed"), ordering="attempts")
    def failures(self, event: IssuerEvent) -> str:
        return _("Never") if not event.attempts else _("Once") if event.attempts == 1 else f"{event.attempts} times"

    @admin.display(description=gettext_lazy("Next try"))
    def next_try(self, event: IssuerEvent) -> str:
        waits = event.status == states.Event.RECEIVED
        return display.moment(event.next_attempt_at) if waits and event.next_attempt_at else display.NOTHING

    @admin.display(description=gettext_lazy("Purchase"))
    def purchase(self, event: IssuerEvent) -> str:
        rows = Authorization.objects.filter(provider=event.provider, issuer_authorization_id=event.object_id)
        found = rows.first() if event.object_id else None
        return display.link(references.page_of(found.reference), found) if found else display.NOTHING

    @admin.display(description=gettext_lazy("Card data"))
    def covered(self, event: IssuerEvent) -> str:
        if not event.original_mac:
            return _("None was seen; the body is as it came.")
        return _("Card data in it was covered before it was stored. Proof of what came: %(original_mac)s") % {
            "original_mac": event.original_mac
        }

    @admin.display(description=gettext_lazy("Body"))
    def pretty(self, event: IssuerEvent) -> SafeString:
        return display.preformatted(bodies.in_words(bodies.bodies_of([event]).get(event.pk)))


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    """The amounts that approvals hold on a card's limits until they end."""

    list_display = ("placed", "amount", "state", "merchant", "card", "ended")
    list_filter = (
        "placed_at",
        AmountFilter.of("amount_minor", "authorization__currency"),
        VirtualCardFilter.by("authorization__card"),
        "status",
    )
    rises_with_key = ("placed_at",)
    list_select_related = ("authorization__card",)
    search_ids = (("authorization__provider", "authorization__issuer_authorization_id"),)
    search_fields = ("authorization__merchant_name", "authorization__issuer_authorization_id")
    search_help_text = gettext_lazy("Merchant or issuer's id")
    fields = (("amount", "state"), "authorization", ("day", "month"), ("placed", "ended"))

    @admin.display(description=gettext_lazy("Placed"), ordering="placed_at")
    def placed(self, hold: Hold) -> str:
        return display.moment(hold.placed_at)

    @admin.display(description=gettext_lazy("Ended"), ordering="ended_at")
    def ended(self, hold: Hold) -> str:
        return display.moment(hold.ended_at)

    @admin.display(description=gettext_lazy("Amount"), ordering="amount_minor")
    def amount(self, hold: Hold) -> str:
        return display.money(hold.amount_minor, hold.authorization.currency)

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, hold: Hold) -> SafeString:
        return display.label(hold.get_status_display(), "info" if hold.status == states.Hold.PLACED else "neutral")

    @admin.display(description=gettext_lazy("Merchant"))
    def merchant(self, hold: Hold) -> str:
        return hold.authorization.merchant_name

    @admin.display(description=gettext_lazy("Virtual card"))
    def card(self, hold: Hold) -> str:
        return str(hold.authorization.card or display.NOTHING)


@admin.register(SpendWindow)
class SpendWindowAdmin(ReadOnlyAdmin):
    """What a card has spent in one of its days or months."""

    ordering = ("-id",)
    list_display = ("starts", "ends", "kind", "card", "holder", "spent", "limit")
    list_filter = ("kind", "starts_at")
    list_select_related = ("card__cardholder",)
    search_fields = ("card__last_four", "card__cardholder__name")
    search_help_text = gettext_lazy("Last four or cardholder")
    fields = (("card", "kind"), ("spent", "limit"), ("starts", "ends"))

    @admin.display(description=pgettext_lazy("a time", "From"), ordering="starts_at")
    def starts(self, window: SpendWindow) -> str:
        return display.moment(window.starts_at)

    @admin.display(description=pgettext_lazy("a time", "To"), ordering="ends_at")
    def ends(self, window: SpendWindow) -> str:
        return display.moment(window.ends_at)

    @admin.display(description=gettext_lazy("Cardholder"))
    def holder(self, window: SpendWindow) -> str | SafeString:
        return person_link(window.card.cardholder)

    @admin.display(description=gettext_lazy("Spent"), ordering="spent_minor")
    def spent(self, window: SpendWindow) -> str:
        return display.money(window.spent_minor, window.card.currency)

    @admin.display(description=gettext_lazy("Limit today"))
    def limit(self, window: SpendWindow) -> str:
        is_day = window.kind == SpendWindow.Kind.DAY
        limit_minor = window.card.daily_limit_minor if is_day else window.card.monthly_limit_minor
        return display.money(limit_minor, window.card.currency)


references.register("issuerevent", lambda key: reverse("admin:issuing_issuerevent_change", args=[key]))
# Events refused for their mode, account or version have one case per reason; the inbox lists the events.
references.register(
    "stripe",
    lambda _reason: f"{reverse('admin:issuing_issuerevent_changelist')}?status__exact=kept&provider__exact=stripe",
)
