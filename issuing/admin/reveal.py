"""The page that shows a card's number: it asks for a reason, shortly after the second factor, and shows it once."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from issuing.card_data.reveal import NotAllowedError, reveal_to_staff
from issuing.card_data.vault import LONGEST_REASON, REVEAL_PERMISSION, SHORTEST_REASON
from issuing.issuers.base import CardData
from issuing.models import VirtualCard
from onecard.kit import display
from onecard.kit.admin import BaseAdmin, row_or_404
from onecard.kit.confirmation_pages import (
    AreaWidget,
    Confirmation,
    ask_or_do,
    change_page,
    page_action,
    posted,
    way_back,
)
from onecard.users.models import User

SHOWN_FOR_S = 60


class RevealForm(forms.Form):
    """The reason."""

    reason = forms.CharField(
        label=gettext_lazy("Why must you see the number?"),
        min_length=SHORTEST_REASON,
        max_length=LONGEST_REASON,
        widget=AreaWidget({"rows": 3}),
        help_text=gettext_lazy("It stands in the audit trail with your name."),
    )


class RevealAdmin(BaseAdmin):
    """Gives a virtual card's page its button “Reveal the number”."""

    def has_reveal_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Returns whether the person may reveal.

        A method, since a dotted name would query the database at every start.
        """
        return request.user.has_perm(REVEAL_PERMISSION)

    @page_action(
        description=gettext_lazy("Reveal the number"),
        url_path="reveal",
        permissions=["reveal", "view"],
        icon="visibility",
    )
    def reveal(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return reveal_page(request, row_or_404(self, request, object_id))


@sensitive_post_parameters()
@sensitive_variables()
def reveal_page(request: HttpRequest, card: VirtualCard) -> HttpResponse:
    """Returns the form, or the number as the answer to its POST."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    confirmation = Confirmation(
        title=_("Reveal the number of %(card)s") % {"card": card},
        words=_(
            "It is the card of %(name)s. The number is shown for %(seconds)s seconds, once. That "
            "you looked, and why, is in the audit trail."
        )
        % {"name": card.cardholder.name, "seconds": SHOWN_FOR_S},
        button=_("Reveal"),
        back=change_page(card),
        danger=True,
        needs_fresh_code=True,
    )
    reveal = partial(_reveal, card, request.user)
    return ask_or_do(
        request, confirmation, RevealForm(posted(request)), reveal, done=partial(_shown, request, card), row=card
    )


@sensitive_variables()
def _reveal(card: VirtualCard, user: User, **asked: str) -> CardData:
    try:
        return reveal_to_staff(card=card, user=user, **asked)
    except NotAllowedError as error:
        raise PermissionDenied from error


@sensitive_variables()
def _shown(request: HttpRequest, card: VirtualCard, data: CardData) -> HttpResponse:
    number = data.number
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": _("The number of %(card)s") % {"card": card},
        "number": " ".join(number[place : place + 4] for place in range(0, len(number), 4)),
        "cvv": data.cvv or display.NOTHING,
        "expiry": f"{card.expiry_month:02d}/{card.expiry_year}" if card.expiry_month else display.NOTHING,
        "holder": card.cardholder.name,
        "seconds": SHOWN_FOR_S,
        "back": way_back(request, change_page(card)),
    }
    answer = TemplateResponse(request, "admin/issuing/virtualcard/revealed.html", context)
    answer["Cache-Control"] = "no-store"
    # Rendered now, while the values here are still marked as sensitive to error reports.
    return answer.render()
