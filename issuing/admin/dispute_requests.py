"""What cardholders ask to have disputed: staff read it and its evidence, submit it to the issuer, or refuse it."""

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
from issuing.admin.dispute_request_actions import ReviewButtons
from issuing.issuers.disputes import takes_files
from issuing.models import DisputeRequest
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.range_filters import AmountFilter
from wallet.admin.person_link import person_link

TONE: dict[str, str] = {
    states.DisputeRequest.REQUESTED: "warn",
    states.DisputeRequest.ACCEPTED: "info",
    states.DisputeRequest.SENDING: "info",
    states.DisputeRequest.SUBMITTED: "good",
    states.DisputeRequest.REFUSED: "neutral",
    states.DisputeRequest.REJECTED: "bad",
    states.DisputeRequest.WITHDRAWN: "neutral",
}


@admin.register(DisputeRequest)
class DisputeRequestAdmin(ReviewButtons, ReadOnlyAdmin):
    """The queue: requests to dispute a purchase, newest first."""

    actions_detail = ("submit_request", "evidence_request", "refuse_request")
    list_display = ("asked", "who", "amount", "reason", "state", "due")
    list_display_links = ("asked",)
    list_filter = (
        "created_at",
        "due_at",
        AmountFilter,
        VirtualCardFilter.by("authorization__card"),
        "status",
        "reason",
    )
    list_select_related = ("cardholder",)
    search_fields = ("cardholder__name", "authorization__merchant_name")
    search_help_text = gettext_lazy("Cardholder or merchant")
    fields = (
        ("amount", "state"),
        ("reason", "who"),
        "text",
        ("files", "files_at_issuer"),
        ("purchase", "capture"),
        ("due", "asked"),
        ("at_issuer", "withdrawal"),
        ("refusal", "failure_message"),
    )
    nothing_yet = gettext_lazy("They come when cardholders dispute a purchase in their app.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DisputeRequest]:
        rows: QuerySet[DisputeRequest] = super().get_queryset(request)
        return rows.select_related("cardholder", "authorization", "transaction", "dispute")

    @admin.display(description=gettext_lazy("Asked for"), ordering="created_at")
    def asked(self, row: DisputeRequest) -> str:
        return display.moment(row.created_at)

    @admin.display(description=gettext_lazy("Due"), ordering="due_at")
    def due(self, row: DisputeRequest) -> str:
        return display.moment(row.due_at)

    @admin.display(description=gettext_lazy("Cardholder"), ordering="cardholder__name")
    def who(self, row: DisputeRequest) -> str | SafeString:
        return person_link(row.cardholder)

    @admin.display(description=gettext_lazy("Disputed"), ordering="amount_minor")
    def amount(self, row: DisputeRequest) -> str:
        return display.money(row.amount_minor, row.currency)

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, row: DisputeRequest) -> SafeString:
        return display.label(row.get_status_display(), TONE.get(row.status, "neutral"))

    @admin.display(description=gettext_lazy("Purchase"))
    def purchase(self, row: DisputeRequest) -> str:
        return display.link(references.page_of(row.authorization.reference), row.authorization)

    @admin.display(description=gettext_lazy("Capture"))
    def capture(self, row: DisputeRequest) -> str:
        return display.link(reverse("admin:issuing_cardtransaction_change", args=[row.transaction_id]), row.transaction)

    @admin.display(description=gettext_lazy("Dispute at the issuer"))
    def at_issuer(self, row: DisputeRequest) -> str:
        return (
            display.link(references.page_of(f"dispute:{row.dispute_id}"), row.dispute) if row.dispute else _("None yet")
        )

    @admin.display(description=gettext_lazy("To withdraw it"))
    def withdrawal(self, row: DisputeRequest) -> str:
        """What to do when the cardholder wants a submitted dispute ended: no issuer has a call for it."""
        if row.status != states.DisputeRequest.SUBMITTED:
            return display.NOTHING
        issuer = row.transaction.get_provider_display()
        return _(
            "%(issuer)s has no call that takes a submitted dispute back. Ask its support to end the "
            "dispute, and name its id. How it ended, and its money, come with the issuer's events."
        ) % {"issuer": issuer}

    @admin.display(description=gettext_lazy("Evidence at the issuer"))
    def files_at_issuer(self, row: DisputeRequest) -> str:
        """Returns which file goes along: an issuer takes one, or has no route for files."""
        files, issuer = list(row.evidence.defer("sealed")), row.transaction.get_provider_display()
        if not files:
            return display.NOTHING
        by_hand = _("download it here, and give it to the issuer's support or in its dashboard.")
        if not takes_files(row.transaction.provider):
            return _("%(issuer)s has no route for files that we know of. What it needs of them, %(by_hand)s") % {
                "issuer": issuer,
                "by_hand": by_hand,
            }
        chosen = [each.name for each in files if each.goes_to_issuer]
        goes = (
            _("%(document)s goes along.") % {"document": chosen[0]}
            if chosen
            else _("One that you choose goes along when you submit it.")
        )
        return _("%(goes)s %(issuer)s takes one document. Any further one, %(by_hand)s") % {
            "goes": goes,
            "issuer": issuer,
            "by_hand": by_hand,
        }

    @admin.display(description=gettext_lazy("Evidence"))
    def files(self, row: DisputeRequest) -> str:
        # Their content is large, and is opened one file at a time.
        found = row.evidence.defer("sealed")
        lines = format_html_join(
            ", ",
            "{}",
            ((display.link(reverse("admin:issuing_disputeevidence_change", args=[each.pk]), each),) for each in found),
        )
        return lines or _("None")


references.register("dispute_request", lambda key: reverse("admin:issuing_disputerequest_change", args=[key]))
