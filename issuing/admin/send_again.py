"""The page on which staff have a failed event applied again, after the cause was fixed."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.inbox import unapplied
from issuing.models import IssuerEvent
from onecard.kit import display
from onecard.kit.admin import BaseAdmin, row_or_404
from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
)


class SendAgainButton(BaseAdmin):
    """The button “Send it through again”, for every event but a question that was answered."""

    @page_action(
        description=gettext_lazy("Send it through again"),
        url_path="again",
        permissions=["again", "view"],
        icon="replay",
    )
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        event = row_or_404(self, request, object_id)
        return ask_or_do(
            request,
            _confirmation(event),
            ReasonForm(posted(request)),
            partial(unapplied.send_through_again, event, actor=actor_of(request)),
            done=_("A worker applies the event again in a moment. Reload this page to see the result."),
            refusals=(unapplied.NothingToRetryError,),
            row=event,
        )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        event = self.get_object(request, str(object_id))
        return allowed if isinstance(event, IssuerEvent) and not unapplied.is_answered(event) else []

    def has_again_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Returns whether the person has the change permission: nothing else of an event can be changed."""
        return request.user.has_perm("issuing.change_issuerevent")


def _confirmation(event: IssuerEvent) -> Confirmation:
    if event.status == states.Event.HANDLED:
        words = _(
            "It came on %(received_at)s and was applied on %(handled_at)s. A worker applies it once more: what was "
            "applied changes nothing, and only what is missing of it is made up for."
        ) % {"received_at": display.moment(event.received_at), "handled_at": display.moment(event.handled_at)}
    else:
        words = _words(event)
    return Confirmation(
        title=_("Send %(event)s through again") % {"event": event},
        words=words,
        button=_("Send it through"),
        back=change_page(event),
    )


def _words(event: IssuerEvent) -> str:
    said = event.reason or _("Nothing was done about it.")
    return _(
        "It came on %(received_at)s. %(said)s Mend that first. What it says is applied as if it "
        "had just come; what was applied before is not applied twice."
    ) % {"received_at": display.moment(event.received_at), "said": said}
