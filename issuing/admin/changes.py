"""Card changes: the requests to issuers about cards. Read-only, but for a button that asks again at once."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.admin.card_actions import show_change_result
from issuing.admin.card_filter import VirtualCardFilter
from issuing.cards import changes as card_changes
from issuing.errors import CardRefusedError
from issuing.models import CardChange
from onecard.kit import display, references
from onecard.kit.admin import ReadOnlyAdmin, row_of, row_or_404
from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
)

CHANGE_TONE: dict[str, str] = {
    states.Change.INTENDED: "info",
    states.Change.SENDING: "info",
    states.Change.DONE: "good",
    states.Change.REFUSED: "bad",
    states.Change.SUPERSEDED: "neutral",
}
ASK_AGAIN = gettext_lazy("Ask the issuer again")


@admin.register(CardChange)
class CardChangeAdmin(ReadOnlyAdmin):
    """Requests to issuers about cards, and their results."""

    actions_detail = ("ask_again",)
    list_display = ("asked", "kind", "card", "state", "requested_by", "attempts", "failure_message")
    list_filter = ("created_at", VirtualCardFilter, "status", "kind", "card__issuer_provider")
    rises_with_key = ("created_at",)
    list_select_related = ("card",)
    search_ids = (("key",), ("card__issuer_provider", "card__issuer_card_id"))
    search_fields = ("card__issuer_card_id", "card__last_four", "key")
    search_help_text = gettext_lazy("Issuer's card id, last four or key")
    fields = (
        ("card", "kind", "state"),
        ("reason", "requested_by"),
        ("attempts", "failure_code", "failure_message"),
        ("asked", "next_try", "key"),
    )
    nothing_yet = gettext_lazy("They appear here when a card is made, frozen, closed or given new limits.")

    @page_action(description=ASK_AGAIN, url_path="again", permissions=["ask", "view"], icon="replay")
    def ask_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        change = row_or_404(self, request, object_id)
        return ask_or_do(
            request,
            _confirmation(change),
            ReasonForm(posted(request)),
            partial(card_changes.ask_again, change=change, requested_by=actor_of(request)),
            done=lambda _nothing: _show(request, change),
            refusals=(CardRefusedError,),
            row=change,
        )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Allows the button while the change waits for its next attempt."""
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        change = row_of(self, request, object_id)
        return allowed if change is not None and change.status == states.Change.INTENDED else []

    def has_ask_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Who may change a card may ask its issuer again."""
        return request.user.has_perm("issuing.change_virtualcard")

    @admin.display(description=gettext_lazy("Asked"), ordering="created_at")
    def asked(self, change: CardChange) -> str:
        return display.moment(change.created_at)

    @admin.display(description=gettext_lazy("Next try"))
    def next_try(self, change: CardChange) -> str:
        waits = change.status in states.OPEN_CHANGE
        return display.moment(change.next_attempt_at) if waits and change.next_attempt_at else display.NOTHING

    @admin.display(description=gettext_lazy("State"), ordering="status")
    def state(self, change: CardChange) -> SafeString:
        return display.label(change.get_status_display(), CHANGE_TONE.get(change.status, "info"))


def _confirmation(change: CardChange) -> Confirmation:
    words = _(
        "%(failure_message)s Mend that first. The same key goes to the issuer again, so what it "
        "has done already is not done twice. If it fails again, it is tried later as before."
    ) % {"failure_message": change.failure_message}
    return Confirmation(title=f"{ASK_AGAIN}: {change}", words=words, button=ASK_AGAIN, back=change_page(change))


def _show(request: HttpRequest, change: CardChange) -> None:
    change.refresh_from_db()
    show_change_result(request, change, done=_("The issuer has done it."))


references.register("cardchange", lambda key: reverse("admin:issuing_cardchange_change", args=[key]))
