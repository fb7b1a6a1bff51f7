"""Disputes at the issuers: the disputed purchase, the status, and the money that moved.

Staff can end silent ones only.
"""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.admin.card_filter import VirtualCardFilter
from issuing.admin.silent_disputes import EndingButton
from issuing.models import CardTransaction, Dispute, DisputeRequest
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.range_filters import AmountFilter
from onecard.kit.words import Words
from wallet.models import Case

TONE: dict[str, str] = {
    states.Dispute.UNSUBMITTED: "warn",
    states.Dispute.SUBMITTED: "info",
    states.Dispute.WON: "good",
    states.Dispute.LOST: "bad",
    states.Dispute.EXPIRED: "neutral",
}
MEANING: dict[str, Words] = {
    states.Dispute.UNSUBMITTED: gettext_lazy(
        "Begun at the issuer. Without evidence it runs out, and nothing comes back."
    ),
    states.Dispute.SUBMITTED: gettext_lazy(
        "The merchant's side may answer. What is credited meanwhile belongs to nobody yet."
    ),
    states.Dispute.WON: gettext_lazy("The money came back, and with it what the cardholder paid."),
    states.Dispute.LOST: gettext_lazy(
        "The merchant keeps the money. What had come back was taken again, and is charged again."
    ),
    states.Dispute.EXPIRED: gettext_lazy("Nobody submitted it in time, so nothing came back."),
}


@admin.register(Dispute)
class DisputeAdmin(EndingButton, ReadOnlyAdmin):
    """Disputes, newest first."""

    actions_detail = ("end_silent",)
    list_display = ("opened", "amount", "state", "why", "purchase", "provider")
    list_display_links = ("opened", "amount")
    list_filter = (
        "opened_at",
        AmountFilter,
        VirtualCardFilter.by("authorization__card"),
        "reason",
        "status",
        "provider",
    )
    list_select_related = ("authorization",)
    search_ids = (("provider", "issuer_dispute_id"),)
    search_fields = ("issuer_dispute_id", "issuer_transaction_id", "authorization__merchant_name")
    search_help_text = gettext_lazy("Issuer's id of the dispute or of the disputed transaction, or merchant")
    fields = (
        ("amount", "state"),
        "meaning",
        ("why", "purchase"),
        "disputed",
        "moved",
        "case",
        ("issuer_dispute_id", "provider"),
        ("opened", "closed"),
    )
    nothing_yet = gettext_lazy("They come with the issuer's webhooks, once a purchase is disputed in its dashboard.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Dispute]:
        rows: QuerySet[Dispute] = super().get_queryset(request)
        return rows.select_related("authorization", "transaction")

    @admin.display(description=gettext_lazy("Opened"), ordering="opened_at")
    def opened(self, dispute: Dispute) -> str:
        return display.moment(dispute.opened_at)

    @admin.display(description=gettext_lazy("Over since"))
    def closed(self, dispute: Dispute) -> str:
        if dispute.closed_at is None and dispute.status not in states.OPEN_DISPUTE:
            return _("Ended by a person on %(updated_at)s: its issuer did not say") % {
                "updated_at": display.moment(dispute.updated_at)
            }
        return display.moment(dispute.closed_at)

    @admin.display(description=gettext_lazy("At stake"), ordering="amount_minor")
    def amount(self, dispute: Dispute) -> str:
        return display.money(dispute.amount_minor, dispute.currency)

    @admin.display(description=gettext_lazy("Reason"), ordering="reason")
    def why(self, dispute: Dispute) -> str:
        known = dict(DisputeRequest.Reason.choices)
        return str(known.get(dispute.reason) or dispute.reason.replace("_", " ").capitalize()) or display.NOTHING

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, dispute: Dispute) -> SafeString:
        return state(dispute)

    @admin.display(description=gettext_lazy("Which means"))
    def meaning(self, dispute: Dispute) -> str:
        return str(MEANING.get(dispute.status, display.NOTHING))

    @admin.display(description=gettext_lazy("Purchase"))
    def purchase(self, dispute: Dispute) -> str:
        found = dispute.authorization
        return display.link(references.page_of(found.reference), found) if found else _("Not known here yet")

    @admin.display(description=gettext_lazy("Disputed"))
    def disputed(self, dispute: Dispute) -> str:
        found = dispute.transaction
        return _linked(found) if found else dispute.issuer_transaction_id or display.NOTHING

    @admin.display(description=gettext_lazy("What it moved"))
    def moved(self, dispute: Dispute) -> str:
        # Found by purchase, because names have no index.
        rows = CardTransaction.objects.filter(
            authorization=dispute.authorization_id,
            provider=dispute.provider,
            issuer_transaction_id__startswith=f"{dispute.issuer_dispute_id}:",
        )
        lines = format_html_join(", ", "{}", ((_linked(row),) for row in rows.order_by("pk")))
        return lines or _("Nothing yet")

    @admin.display(description=gettext_lazy("Case"))
    def case(self, dispute: Dispute) -> str:
        found = Case.objects.filter(kind=Case.Kind.DISPUTE, reference=f"dispute:{dispute.pk}").first()
        return display.link(references.page_of(f"case:{found.pk}"), found) if found else display.NOTHING


def state(dispute: Dispute) -> SafeString:
    """Returns the status, with a colour."""
    return display.label(dispute.get_status_display(), TONE.get(dispute.status, "neutral"))


def _linked(movement: CardTransaction) -> str:
    return display.link(reverse("admin:issuing_cardtransaction_change", args=[movement.pk]), movement)


references.register("dispute", lambda key: reverse("admin:issuing_dispute_change", args=[key]))
