"""Read-only pages of disputes of our charges: which are open, when evidence is due, and how each ended."""

from django.contrib import admin
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit import clock, display, references
from onecard.kit.admin import ReadOnlyAdmin, ReadOnlyInline
from onecard.kit.range_filters import AmountFilter
from onecard.kit.words import Words
from wallet import states
from wallet.admin.filters import FundingCardFilter
from wallet.models import FundingDispute
from wallet.processors.stripe.disputes import REASONS

TONE: dict[str, str] = {
    states.FundingDispute.WARNING_NEEDS_RESPONSE: "warn",
    states.FundingDispute.WARNING_UNDER_REVIEW: "info",
    states.FundingDispute.WARNING_CLOSED: "good",
    states.FundingDispute.NEEDS_RESPONSE: "bad",
    states.FundingDispute.UNDER_REVIEW: "info",
    states.FundingDispute.WON: "good",
    states.FundingDispute.LOST: "bad",
    states.FundingDispute.PREVENTED: "good",
}
NEXT: dict[str, Words] = {
    states.FundingDispute.WARNING_NEEDS_RESPONSE: gettext_lazy(
        "The bank only asks. Answer in the processor's dashboard (Payments, Disputes), or refund the charge."
    ),
    states.FundingDispute.NEEDS_RESPONSE: gettext_lazy(
        "Submit the evidence in the processor's dashboard (Payments, Disputes) before it is due: the purchase's "
        "merchant, time and authorization, and that the cardholder has used the card before. The card is off in "
        "its wallet; switch it on there when the cardholder has settled it with their bank."
    ),
    states.FundingDispute.LOST: gettext_lazy(
        "The purchase stands, so its cardholder owes what the bank took: see the open case about what nobody paid."
    ),
}


@admin.register(FundingDispute)
class FundingDisputeAdmin(ReadOnlyAdmin):
    """Disputes that the banks of funding cards opened against our charges."""

    list_display = ("when", "amount", "card", "state", "why", "due", "taken")
    list_filter = (
        "opened_at",
        "due_at",
        AmountFilter,
        FundingCardFilter.by("charge__method"),
        "status",
        "reason",
    )
    list_select_related = ("charge__method", "charge__obligation")
    search_ids = (("processor_dispute_id",),)
    search_fields = ("processor_dispute_id", "processor_charge_id", "charge__obligation__cardholder__name")
    search_help_text = gettext_lazy("Dispute or payment intent, or cardholder")
    nothing_yet = gettext_lazy(
        "A dispute comes by itself when the bank of a funding card takes a charge back or asks about it. Have the "
        "processor send charge.dispute events to this system's webhook."
    )
    fields = (
        ("amount", "state"),
        "next_step",
        ("why", "due"),
        ("card", "of_charge"),
        ("taken", "lost"),
        ("when", "closed"),
        ("processor_dispute_id", "processor_charge_id"),
    )

    @admin.display(description=gettext_lazy("Opened"), ordering="opened_at")
    def when(self, dispute: FundingDispute) -> str:
        return display.moment(dispute.opened_at)

    @admin.display(description=gettext_lazy("Amount"), ordering="amount_minor")
    def amount(self, dispute: FundingDispute) -> str:
        return display.money(dispute.amount_minor, dispute.currency)

    @admin.display(description=gettext_lazy("Card"))
    def card(self, dispute: FundingDispute) -> str:
        return str(dispute.charge.method) if dispute.charge else _("No charge of ours")

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, dispute: FundingDispute) -> SafeString:
        return dispute_state(dispute)

    @admin.display(description=gettext_lazy("The bank's reason"))
    def why(self, dispute: FundingDispute) -> str:
        return REASONS.get(dispute.reason, dispute.reason.replace("_", " ")).capitalize() or display.NOTHING

    @admin.display(description=gettext_lazy("Evidence is due"), ordering="due_at")
    def due(self, dispute: FundingDispute) -> str:
        return due_in_words(dispute)

    @admin.display(description=gettext_lazy("What to do"))
    def next_step(self, dispute: FundingDispute) -> str:
        return str(NEXT.get(dispute.status, _("Nothing: the bank decides, or has decided.")))

    @admin.display(description=gettext_lazy("Charge"))
    def of_charge(self, dispute: FundingDispute) -> str:
        page = references.page_of(f"fundingcharge:{dispute.charge_id}")
        return display.link(page, dispute.charge) if dispute.charge else display.NOTHING

    @admin.display(description=gettext_lazy("Taken by the bank"), ordering="withdrawn_minor")
    def taken(self, dispute: FundingDispute) -> str:
        return display.money(dispute.withdrawn_minor, dispute.currency)

    @admin.display(description=gettext_lazy("Lost for good"))
    def lost(self, dispute: FundingDispute) -> str:
        return display.money(dispute.lost_minor, dispute.currency)

    @admin.display(description=gettext_lazy("Closed"))
    def closed(self, dispute: FundingDispute) -> str:
        return display.moment(dispute.closed_at)


class DisputeInline(ReadOnlyInline):
    """The disputes of one charge."""

    model = FundingDispute
    verbose_name_plural = gettext_lazy("disputes")
    fields = ("what", "state", "due")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("Dispute"))
    def what(self, dispute: FundingDispute) -> str:
        return display.link(references.page_of(f"fundingdispute:{dispute.pk}"), dispute.money)

    @admin.display(description=gettext_lazy("State"))
    def state(self, dispute: FundingDispute) -> SafeString:
        return dispute_state(dispute)

    @admin.display(description=gettext_lazy("Evidence is due"))
    def due(self, dispute: FundingDispute) -> str:
        return due_in_words(dispute)


def dispute_state(dispute: FundingDispute) -> SafeString:
    """Returns the state as a coloured label."""
    return display.label(dispute.get_status_display(), TONE.get(dispute.status, "neutral"))


def due_in_words(dispute: FundingDispute) -> str:
    """Returns when evidence is due, and says so when the date has passed."""
    if dispute.due_at is None or dispute.status in states.DISPUTE_ENDS:
        return display.NOTHING
    late = _(" (too late)") if dispute.due_at < clock.now() else ""
    return f"{display.moment(dispute.due_at)}{late}"


def _page(dispute_id: str) -> str:
    found = FundingDispute.objects.filter(processor_dispute_id=dispute_id).values_list("pk", flat=True).first()
    return reverse("admin:wallet_fundingdispute_change", args=[found]) if found else ""


references.register("charge_dispute", _page)
references.register("fundingdispute", lambda key: reverse("admin:wallet_fundingdispute_change", args=[key]))
