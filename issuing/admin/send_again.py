"""The page on which staff have a failed event applied again, after the cause was fixed."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from issuing import states
from issuing.inbox import unapplied
from issuing.models import IssuerEvent
from onecard.kit import display
from onecard.kit.admin import BaseAdmin
from onecard.kit.confirmation_pages import Act, ReasonForm, ask, page_action


class SendAgainButton(BaseAdmin):
    """The button “Send it through again”, shown while an event was not applied."""

    @page_action(description="Send it through again", url_path="again", permissions=["again", "view"], icon="replay")
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        event = self._event(request, object_id)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        return _send(request, event, form) if form.is_valid() else _ask(request, event, form)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        event = self.get_object(request, str(object_id))
        return allowed if isinstance(event, IssuerEvent) and event.status != states.Event.HANDLED else []

    def has_again_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Nothing else of an event can be changed, so the change permission stands for this."""
        return request.user.has_perm("issuing.change_issuerevent")

    def _event(self, request: HttpRequest, object_id: str) -> IssuerEvent:
        event = self.get_object(request, object_id)
        if not isinstance(event, IssuerEvent):
            raise Http404
        return event


def _send(request: HttpRequest, event: IssuerEvent, form: ReasonForm) -> HttpResponse:
    try:
        unapplied.send_through_again(event, actor=f"user:{request.user.pk}", reason=form.cleaned_data["reason"])
    except unapplied.NothingToRetryError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, "A worker applies the event again in a moment. Reload this page to see the result.")
    return redirect(_page_of(event))


def _ask(request: HttpRequest, event: IssuerEvent, form: ReasonForm) -> HttpResponse:
    said = event.reason or "Nothing was done about it."
    words = (
        f"It came on {display.moment(event.received_at)}. {said} Mend that first. What it says is applied as if it "
        "had just come; what was applied before is not applied twice."
    )
    act = Act(title=f"Send {event} through again", words=words, button="Send it through", back=_page_of(event))
    return ask(request, act, form)


def _page_of(event: IssuerEvent) -> str:
    return reverse("admin:issuing_issuerevent_change", args=[event.pk])
