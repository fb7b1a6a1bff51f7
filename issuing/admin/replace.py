"""The page on which staff have a card replaced: its number is lost, stolen or worn out, the limits and balance stay."""

import uuid
from functools import partial
from typing import Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.cards import orders
from issuing.errors import CardRefusedError
from issuing.models import VirtualCard
from onecard.kit.admin import BaseAdmin, row_or_404
from onecard.kit.confirmation_pages import (
    Confirmation,
    SelectWidget,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
    way_back,
)
from wallet.admin.person_link import person_link

REPLACE: Final = "replace"
REPLACEABLE: Final = (states.Card.ACTIVE, states.Card.FROZEN, states.Card.SUSPENDED)


class ReplaceForm(forms.Form):
    """What happened to the card; the key makes a second click the same request."""

    reason = forms.ChoiceField(
        label=gettext_lazy("What happened to it"), choices=states.Replacement.choices, widget=SelectWidget
    )
    key = forms.UUIDField(widget=forms.HiddenInput)


class ReplaceAdmin(BaseAdmin):
    """Gives a virtual card's page its button “Replace”."""

    def has_replace_permission(self, request: HttpRequest, *_object: object) -> bool:
        """Returns whether the user may both stop this card and order another one."""
        return request.user.has_perms(("issuing.change_virtualcard", "issuing.add_virtualcard"))

    @page_action(
        description=gettext_lazy("Replace"),
        url_path=REPLACE,
        permissions=["replace", "view"],
        icon="published_with_changes",
    )
    def replace_card(self, request: HttpRequest, object_id: str) -> HttpResponse:
        card: VirtualCard = row_or_404(self, request, object_id)
        confirmation = Confirmation(
            title=_("Replace %(card)s") % {"card": card},
            words=_(
                "The issuer makes another card with the same limits and balance. A lost or stolen card is closed for "
                "good at once; a damaged or expired one goes on until the new one is activated."
            ),
            button=_("Replace"),
            back=change_page(card),
            danger=True,
            facts=[(_("Cardholder"), person_link(card.cardholder))],
        )
        return ask_or_do(
            request,
            confirmation,
            ReplaceForm(posted(request), initial={"key": uuid.uuid4()}),
            partial(orders.replace, card=card, requested_by=actor_of(request)),
            done=partial(_show, request),
            refusals=(CardRefusedError,),
            row=card,
        )


def _show(request: HttpRequest, card: VirtualCard) -> HttpResponse:
    if card.issuer_card_id:
        messages.success(request, _("%(card)s is made. It waits to be activated.") % {"card": card})
    else:
        messages.warning(request, _("The new card is ordered. The issuer is asked again by itself until it answers."))
    return redirect(way_back(request, change_page(card)))
