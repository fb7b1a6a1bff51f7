"""What cardholders ask to have disputed: staff read it and its evidence, submit it to the issuer, or refuse it."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from issuing import states
from issuing.admin.dispute_request_actions import ReviewButtons
from issuing.models import DisputeRequest
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin

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

    actions_detail = ("submit_request", "refuse_request")
    list_display = ("asked", "who", "amount", "reason", "state", "due")
    list_display_links = ("asked", "who")
    list_filter = ("status", "reason", "due_at")
    list_select_related = ("cardholder",)
    search_fields = ("cardholder__name", "authorization__merchant_name")
    search_help_text = "Cardholder or merchant"
    fields = (
        ("amount", "state"),
        ("reason", "who"),
        "text",
        "files",
        ("purchase", "capture"),
        ("due", "asked"),
        "at_issuer",
        ("refusal", "failure_message"),
    )
    nothing_yet = "They come when cardholders dispute a purchase in their app."

    def get_queryset(self, request: HttpRequest) -> QuerySet[DisputeRequest]:
        rows: QuerySet[DisputeRequest] = super().get_queryset(request)
        return rows.select_related("cardholder", "authorization", "transaction", "dispute")

    @admin.display(description="Asked for", ordering="created_at")
    def asked(self, row: DisputeRequest) -> str:
        return display.moment(row.created_at)

    @admin.display(description="Due", ordering="due_at")
    def due(self, row: DisputeRequest) -> str:
        return display.moment(row.due_at)

    @admin.display(description="Cardholder", ordering="cardholder__name")
    def who(self, row: DisputeRequest) -> str:
        return row.cardholder.name

    @admin.display(description="Disputed", ordering="amount_minor")
    def amount(self, row: DisputeRequest) -> str:
        return display.money(row.amount_minor, row.currency)

    @admin.display(description="State", ordering="status")
    def state(self, row: DisputeRequest) -> SafeString:
        return display.label(row.get_status_display(), TONE.get(row.status, "neutral"))

    @admin.display(description="Purchase")
    def purchase(self, row: DisputeRequest) -> str:
        return display.link(references.page_of(row.authorization.reference), row.authorization)

    @admin.display(description="Capture")
    def capture(self, row: DisputeRequest) -> str:
        return display.link(reverse("admin:issuing_cardtransaction_change", args=[row.transaction_id]), row.transaction)

    @admin.display(description="Dispute at the issuer")
    def at_issuer(self, row: DisputeRequest) -> str:
        return display.link(references.page_of(f"dispute:{row.dispute_id}"), row.dispute) if row.dispute else "None yet"

    @admin.display(description="Evidence")
    def files(self, row: DisputeRequest) -> str:
        # Their content is large, and is opened one file at a time.
        found = row.evidence.defer("sealed")
        lines = format_html_join(
            ", ",
            "{}",
            ((display.link(reverse("admin:issuing_disputeevidence_change", args=[each.pk]), each),) for each in found),
        )
        return lines or "None"


references.register("dispute_request", lambda key: reverse("admin:issuing_disputerequest_change", args=[key]))
