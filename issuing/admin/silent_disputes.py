"""The page on which staff end a dispute about which its issuer reports nothing any more."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.clearing import dispute_money
from issuing.disputes import silent as silent_disputes
from issuing.models import Dispute
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
    turn_away,
)


class EndingButton(BaseAdmin):
    """The button “Nothing more will come”, shown when a dispute has been silent for long."""

    @page_action(
        description=gettext_lazy("Nothing more will come"),
        url_path="end",
        permissions=["end", "view"],
        icon="event_busy",
    )
    def end_silent(self, request: HttpRequest, object_id: str) -> HttpResponse:
        dispute = row_or_404(self, request, object_id)
        why_not = silent_disputes.why_not(dispute)
        if why_not:
            return turn_away(request, why_not, change_page(dispute))
        return ask_or_do(
            request,
            _confirmation(dispute),
            ReasonForm(posted(request)),
            partial(silent_disputes.end, dispute=dispute, actor=actor_of(request)),
            done=lambda status: messages.success(
                request, _("The dispute is %(status)s now, and its case is closed.") % {"status": status}
            ),
            refusals=(silent_disputes.StillOpenError,),
            row=dispute,
        )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        dispute = self.get_object(request, str(object_id))
        return allowed if isinstance(dispute, Dispute) and not silent_disputes.why_not(dispute) else []

    def has_end_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Returns whether the person has the change permission: nothing else of a dispute can be changed."""
        return request.user.has_perm("issuing.change_dispute")


def _confirmation(dispute: Dispute) -> Confirmation:
    came_back = dispute_money.came_back_minor(dispute)
    how = (
        _("won: %(came_back)s came back") % {"came_back": display.money(came_back, dispute.currency)}
        if came_back
        else _("lost: nothing came back")
    )
    words = _(
        "Its issuer has said nothing of it since %(updated_at)s. Look it up in the issuer's "
        "dashboard first. As the money stands it is %(how)s. Ending it moves no money, and what "
        "the issuer may still say of it counts."
    ) % {"updated_at": display.moment(dispute.updated_at), "how": how}
    return Confirmation(title=str(dispute), words=words, button=_("End it"), back=change_page(dispute))
