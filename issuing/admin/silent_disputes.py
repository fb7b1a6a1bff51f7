"""The page on which staff end a dispute about which its issuer reports nothing any more."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from issuing.clearing import dispute_money
from issuing.disputes import silent as silent_disputes
from issuing.models import Dispute
from onecard.kit import display
from onecard.kit.admin import BaseAdmin
from onecard.kit.confirmation_pages import Act, ReasonForm, ask, page_action


class EndingButton(BaseAdmin):
    """The button “Nothing more will come”, shown when a dispute has been silent for long."""

    @page_action(description="Nothing more will come", url_path="end", permissions=["end", "view"], icon="event_busy")
    def end_silent(self, request: HttpRequest, object_id: str) -> HttpResponse:
        dispute = self._dispute(request, object_id)
        why_not = silent_disputes.why_not(dispute)
        if why_not:
            messages.error(request, why_not)
            return redirect(_page_of(dispute))
        form = ReasonForm(request.POST if request.method == "POST" else None)
        return _end(request, dispute, form) if form.is_valid() else _ask(request, dispute, form)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        dispute = self.get_object(request, str(object_id))
        return allowed if isinstance(dispute, Dispute) and not silent_disputes.why_not(dispute) else []

    def has_end_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Nothing else of a dispute can be changed, so the change permission stands for this."""
        return request.user.has_perm("issuing.change_dispute")

    def _dispute(self, request: HttpRequest, object_id: str) -> Dispute:
        dispute = self.get_object(request, object_id)
        if not isinstance(dispute, Dispute):
            raise Http404
        return dispute


def _end(request: HttpRequest, dispute: Dispute, form: ReasonForm) -> HttpResponse:
    reason = form.cleaned_data["reason"]
    try:
        outcome = silent_disputes.end(dispute=dispute, reason=reason, actor=f"user:{request.user.pk}")
    except silent_disputes.StillOpenError as error:
        form.add_error(None, error.message)
        return _ask(request, dispute, form)
    messages.success(request, f"The dispute is {outcome} now, and its case is closed.")
    return redirect(_page_of(dispute))


def _ask(request: HttpRequest, dispute: Dispute, form: ReasonForm) -> HttpResponse:
    came_back = dispute_money.came_back_minor(dispute)
    how = f"won: {display.money(came_back, dispute.currency)} came back" if came_back else "lost: nothing came back"
    words = (
        f"Its issuer has said nothing of it since {display.moment(dispute.updated_at)}. Look it up in the issuer's "
        f"dashboard first. As the money stands it is {how}. Ending it moves no money, and what the issuer may still "
        "say of it counts."
    )
    act = Act(title=str(dispute), words=words, button="End it", back=_page_of(dispute))
    return ask(request, act, form)


def _page_of(dispute: Dispute) -> str:
    return reverse("admin:issuing_dispute_change", args=[dispute.pk])
