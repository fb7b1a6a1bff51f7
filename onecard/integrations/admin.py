"""Webhook endpoints of people and their deliveries. Their owners change them; staff look, switch and send again."""

from typing import Any
from urllib.parse import urlsplit

from django.contrib import admin
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.integrations.admin_buttons import DeliveryButtons, EndpointButtons
from onecard.integrations.models import Delivery, Endpoint
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin
from onecard.kit.admin_filters import TextFilter
from onecard.kit.words import Words

TONE: dict[str, str] = {
    Delivery.Status.WAITING: "warn",
    Delivery.Status.SENDING: "info",
    Delivery.Status.DELIVERED: "good",
    Delivery.Status.GIVEN_UP: "bad",
}
OFF_BY: dict[str, Words] = {
    Endpoint.OffBy.HOLDER: gettext_lazy("Off by its owner"),
    Endpoint.OffBy.STAFF: gettext_lazy("Off by staff"),
    Endpoint.OffBy.FAILURES: gettext_lazy("Off after failures"),
}


class EndpointFilter(TextFilter):
    """Filters deliveries of one endpoint, by its number."""

    title = gettext_lazy("endpoint (its number)")
    parameter_name = "endpoint"
    input_mode = "numeric"

    def select(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        number = self.value()
        is_key = number.isascii() and number.isdecimal() and len(number) < 19
        return rows.filter(endpoint=int(number)) if is_key else rows.none()


@admin.register(Endpoint)
class EndpointAdmin(EndpointButtons, ReadOnlyAdmin):
    """Endpoints, newest first. Nobody sees a secret here."""

    actions_detail = ("replay_since", "switch_off", "switch_on")
    list_display = ("number", "owner", "host", "state", "types_sent", "failing")
    list_display_links = ("number",)
    list_filter = ("off_by", "created_at")
    list_select_related = ("user",)
    search_ids = (("public_id",),)
    search_fields = ("user__email", "url", "description", "public_id")
    search_help_text = gettext_lazy("The endpoint's id, its owner's e-mail address, or a part of its address")
    nothing_yet = gettext_lazy("People register them through the API (POST /api/v1/webhook-endpoints).")
    fields = (
        ("number", "state"),
        ("owner", "its_id"),
        "address",
        "description",
        "types_sent",
        ("failing", "paused"),
        "old_secret",
        ("made", "gone"),
        "log",
    )

    @admin.display(description=gettext_lazy("Number"), ordering="id")
    def number(self, row: Endpoint) -> str:
        return str(row.pk)

    @admin.display(description=gettext_lazy("Owner"))
    def owner(self, row: Endpoint) -> SafeString:
        return display.link(references.page_of(f"user:{row.user_id}"), row.user)

    @admin.display(description=gettext_lazy("Its id in the API"))
    def its_id(self, row: Endpoint) -> str:
        return str(row.public_id)

    @admin.display(description=gettext_lazy("Address"))
    def address(self, row: Endpoint) -> str:
        return row.url

    @admin.display(description=gettext_lazy("Host"), ordering="url")
    def host(self, row: Endpoint) -> str:
        return urlsplit(row.url).hostname or display.NOTHING

    @admin.display(description=gettext_lazy("State"))
    def state(self, row: Endpoint) -> SafeString:
        if row.deleted_at:
            return display.label(_("Deleted"), "neutral")
        if row.off_by:
            return display.label(OFF_BY.get(row.off_by, _("Off")), "bad")
        return display.label(_("Failing"), "warn") if row.failing_since else display.label(_("On"), "good")

    @admin.display(description=gettext_lazy("Is told of"))
    def types_sent(self, row: Endpoint) -> str:
        return _("Everything") if row.events == ["*"] else display.joined(row.events)

    @admin.display(description=gettext_lazy("Nothing but failures since"), ordering="failing_since")
    def failing(self, row: Endpoint) -> str:
        return f"{display.moment(row.failing_since)} ({display.age(row.failing_since)})" if row.failing_since else "-"

    @admin.display(description=gettext_lazy("Nothing is sent before"))
    def paused(self, row: Endpoint) -> str:
        return display.moment(row.paused_until)

    @admin.display(description=gettext_lazy("The old secret signs as well until"))
    def old_secret(self, row: Endpoint) -> str:
        return display.moment(row.old_secret_until)

    @admin.display(description=gettext_lazy("Added"))
    def made(self, row: Endpoint) -> str:
        return display.moment(row.created_at)

    @admin.display(description=gettext_lazy("Deleted"))
    def gone(self, row: Endpoint) -> str:
        return display.moment(row.deleted_at)

    @admin.display(description=gettext_lazy("Deliveries"))
    def log(self, row: Endpoint) -> SafeString:
        url = f"{reverse('admin:integrations_delivery_changelist')}?endpoint={row.pk}"
        return display.link(url, _("What was sent to it in the last 30 days"))


@admin.register(Delivery)
class DeliveryAdmin(DeliveryButtons, ReadOnlyAdmin):
    """Deliveries, newest first."""

    actions_detail = ("send_again",)
    list_display = ("written", "kind", "to", "state", "answered", "attempts", "due")
    list_display_links = ("written", "kind")
    list_filter = ("status", "event__type", EndpointFilter, "created_at")
    list_select_related = ("event", "endpoint__user")
    search_ids = (("public_id",), ("event__public_id",))
    search_fields = ("endpoint__user__email", "endpoint__url", "public_id", "event__public_id")
    search_help_text = gettext_lazy(
        "The id of a delivery or an event, the owner's e-mail address, or a part of the address"
    )
    nothing_yet = gettext_lazy("They come with what people hear of, for those who have a webhook endpoint.")
    fields = (
        ("kind", "state"),
        ("to", "endpoint_page"),
        ("public_id", "of_event"),
        ("written", "arrived"),
        ("attempts", "due"),
        ("answered", "took"),
        "failure_message",
        "answer_text",
        "body",
    )

    @admin.display(description=gettext_lazy("Written"), ordering="id")
    def written(self, row: Delivery) -> str:
        return display.moment(row.created_at)

    @admin.display(description=gettext_lazy("Event"), ordering="event__type")
    def kind(self, row: Delivery) -> str:
        return row.event.get_type_display()

    @admin.display(description=gettext_lazy("Event's id"))
    def of_event(self, row: Delivery) -> str:
        return str(row.event.public_id)

    @admin.display(description=gettext_lazy("To"))
    def to(self, row: Delivery) -> str:
        return f"{row.endpoint.user} at {urlsplit(row.endpoint.url).hostname}"

    @admin.display(description=gettext_lazy("Endpoint"))
    def endpoint_page(self, row: Delivery) -> SafeString:
        return display.link(
            reverse("admin:integrations_endpoint_change", args=[row.endpoint_id]),
            _("Number %(endpoint_id)s") % {"endpoint_id": row.endpoint_id},
        )

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, row: Delivery) -> SafeString:
        return display.label(row.get_status_display(), TONE.get(row.status, "neutral"))

    @admin.display(description=gettext_lazy("Last answer"), ordering="status_code")
    def answered(self, row: Delivery) -> str:
        return str(row.status_code) if row.status_code else (row.failure_message or display.NOTHING)

    @admin.display(description=gettext_lazy("It took"))
    def took(self, row: Delivery) -> str:
        return f"{row.took_ms} ms" if row.took_ms is not None else display.NOTHING

    @admin.display(description=gettext_lazy("Next attempt"), ordering="next_attempt_at")
    def due(self, row: Delivery) -> str:
        return display.moment(row.next_attempt_at)

    @admin.display(description=gettext_lazy("Arrived"))
    def arrived(self, row: Delivery) -> str:
        return display.moment(row.delivered_at)

    @admin.display(description=gettext_lazy("Beginning of the answer"))
    def answer_text(self, row: Delivery) -> SafeString:
        return display.preformatted(row.answer or "(empty)")

    @admin.display(description=gettext_lazy("What is sent"))
    def body(self, row: Delivery) -> SafeString:
        sent = display.pretty_body(row.event.body.encode()) if row.event.body else _("(made with the first attempt)")
        return display.preformatted(sent)


references.register("endpoint", lambda key: reverse("admin:integrations_endpoint_change", args=[key]))
references.register("delivery", lambda key: reverse("admin:integrations_delivery_change", args=[key]))
