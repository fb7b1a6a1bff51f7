"""The buttons of endpoints and deliveries: switch off and on, send one again, or all since a time."""

import datetime as dt
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from onecard.integrations import replay, switching
from onecard.integrations.models import Delivery, Endpoint
from onecard.kit import clock, display
from onecard.kit.admin import BaseAdmin, row_of, row_or_404
from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    TextWidget,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
)

PERMISSIONS = ["switch", "view"]


class ReplayForm(ReasonForm):
    """Since when, and whether what has arrived is sent again too."""

    since = forms.DateTimeField(label=gettext_lazy("Since"), widget=TextWidget())
    only_missed = forms.BooleanField(
        required=False,
        initial=True,
        label=gettext_lazy("Only what it has not taken"),
        help_text=gettext_lazy("Unticked: everything once more."),
    )
    field_order = ("since", "only_missed", "reason")

    def __init__(self, data: Any) -> None:
        yesterday = display.typed_moment(clock.now() - dt.timedelta(days=1))
        super().__init__(data, initial={"since": yesterday})
        words = _("In your time zone, %(zone)s, such as %(example)s.")
        self.fields["since"].help_text = words % {"zone": timezone.get_current_timezone_name(), "example": yesterday}


class EndpointButtons(BaseAdmin):
    """Gives an endpoint's page its buttons."""

    @page_action(
        description=gettext_lazy("Send again since…"), url_path="replay", permissions=PERMISSIONS, icon="replay"
    )
    def replay_since(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(self, request, object_id)
        page = Confirmation(
            title=_("Send events again since a time"),
            words=_(
                "Each event keeps its id, so the receiver knows those that it has handled. What the endpoint missed "
                "while it was off is sent too. Events are kept for 30 days."
            ),
            button=_("Send them again"),
            back=change_page(row),
            facts=_facts(row),
        )
        call = partial(replay.replay, row, actor=actor_of(request))
        done = partial(_show_sent, request)
        return ask_or_do(request, page, ReplayForm(posted(request)), call, done=done, row=row)

    @page_action(description=gettext_lazy("Switch off"), url_path="off", permissions=PERMISSIONS, icon="toggle_off")
    def switch_off(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(self, request, object_id)
        page = Confirmation(
            title=_("Switch the endpoint off"),
            words=_(
                "Nothing more is sent to it, and what waits is given up. Its owner cannot switch it on again; only "
                "staff can."
            ),
            button=_("Switch it off"),
            back=change_page(row),
            danger=True,
            facts=_facts(row),
        )
        call = partial(switching.switch_off, row, by=Endpoint.OffBy.STAFF, actor=actor_of(request))
        form = ReasonForm(posted(request))
        return ask_or_do(request, page, form, call, done=_("The endpoint is switched off."), row=row)

    @page_action(description=gettext_lazy("Switch on"), url_path="on", permissions=PERMISSIONS, icon="toggle_on")
    def switch_on(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row = row_or_404(self, request, object_id)
        page = Confirmation(
            title=_("Switch the endpoint on"),
            words=_("New events go to it again. What it missed is sent only when somebody replays it."),
            button=_("Switch it on"),
            back=change_page(row),
            facts=_facts(row),
        )
        call = partial(switching.switch_on, row, actor=actor_of(request), is_staff=True)
        form = ReasonForm(posted(request))
        return ask_or_do(request, page, form, call, done=_("The endpoint is switched on."), row=row)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Only what can be done now."""
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        row = row_of(self, request, object_id)
        if row is None or row.deleted_at is not None:
            return []
        out = ("switch_on",) if row.is_on else ("switch_off", "replay_since")
        if row.off_by and row.off_by != Endpoint.OffBy.STAFF:
            out = ("replay_since",)
        return [each for each in allowed if not str(each.action_name).endswith(out)]

    def has_switch_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Nothing else of an endpoint can be changed here, so the change permission stands for this."""
        return request.user.has_perm("integrations.change_endpoint")


class DeliveryButtons(BaseAdmin):
    """Gives a delivery's page its button."""

    @page_action(
        description=gettext_lazy("Send again"), url_path="again", permissions=["resend", "view"], icon="replay"
    )
    def send_again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        row: Delivery = row_or_404(self, request, object_id)
        page = Confirmation(
            title=_("Send %(type)s again") % {"type": repr(row.event.get_type_display())},
            words=_("It goes out now, with the same id and body, and for three days until it is taken."),
            button=_("Send it again"),
            back=change_page(row),
            facts=_facts(row.endpoint),
        )
        call = partial(replay.again, row, actor=actor_of(request))
        form = ReasonForm(posted(request))
        return ask_or_do(request, page, form, call, done=_("It is sent again: look here in a moment."), row=row)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        row = row_of(self, request, object_id)
        return allowed if row is not None and row.endpoint.is_on else []

    def has_resend_permission(self, request: HttpRequest, *_object: object) -> bool:
        """As for its endpoint."""
        return request.user.has_perm("integrations.change_endpoint")


def _facts(row: Endpoint) -> tuple[tuple[str, object], ...]:
    return (
        (_("Owner"), row.user),
        (_("Address"), row.url),
        (_("Nothing but failures since"), display.moment(row.failing_since)),
    )


def _show_sent(request: HttpRequest, sent: int) -> None:
    messages.success(
        request,
        ngettext("%(count)s event is sent again.", "%(count)s events are sent again.", sent) % {"count": sent},
    )
