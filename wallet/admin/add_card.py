"""The page on which staff have a person's funding card added: by the person, on the processor's own page."""

import uuid
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from onecard.kit.admin import BaseAdmin, row_or_404
from onecard.kit.confirmation_pages import (
    Confirmation,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
    way_back,
)
from wallet.methods import card_links, setups
from wallet.models import Cardholder

ADD = "add-card"
WORDS = gettext_lazy(
    "This makes a page at the card processor, on which the person enters their card. Its address works once, for a "
    "day, and is shown for you to copy. We get what the processor says of the card, and never its number. Prepaid "
    "cards are refused, and so is a card that is in the wallet already."
)


class LinkForm(forms.Form):
    """Whether to mail the address; the key makes a second click the same page and the same mail."""

    request_key = forms.UUIDField(widget=forms.HiddenInput)
    by_mail = forms.BooleanField(label=gettext_lazy("Mail it"), required=False, initial=True)

    def __init__(self, holder: Cardholder, data: Any) -> None:
        super().__init__(data, initial={"request_key": uuid.uuid4()})
        if holder.user.email:
            self.fields["by_mail"].label = _("Mail it to %(address)s") % {"address": holder.user.email}
        else:
            del self.fields["by_mail"]


@dataclass(frozen=True, slots=True)
class Link:
    """The address of the page, and the mailbox to which it went, or "".

    `is_refused` says that it should have been mailed and was not.
    """

    address: str
    mailed_to: str = ""
    is_refused: bool = False


class AddCardAdmin(BaseAdmin):
    """Gives a wallet's page its button “Add a funding card”."""

    def has_add_card_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm("wallet.add_fundingmethod")

    @page_action(
        description=gettext_lazy("Add a funding card"), url_path=ADD, permissions=["add_card", "view"], icon="add_card"
    )
    def add_card(self, request: HttpRequest, object_id: str) -> HttpResponse:
        holder = row_or_404(self, request, object_id)
        confirmation = Confirmation(
            title=_("Add a funding card to the wallet of %(person)s") % {"person": holder.name},
            words=WORDS,
            button=_("Make the page"),
            back=change_page(holder),
        )
        call = partial(_begin, holder, actor_of(request))
        shown = replace(confirmation, back=way_back(request, confirmation.back))
        form = LinkForm(holder, posted(request))
        return ask_or_do(request, confirmation, form, call, done=partial(_show, request, shown), row=holder)


def _begin(holder: Cardholder, actor: str, *, request_key: uuid.UUID, by_mail: bool = False) -> Link:
    back_to = settings.PUBLIC_URL + reverse("funding-card-saved")
    address = setups.begin_on_page(holder, request_id=request_key, back_to=back_to, actor=actor)
    if not by_mail:
        return Link(address)
    is_mailed = card_links.mail_link(holder, address=address, request_id=request_key, actor=actor)
    return Link(address, holder.user.email if is_mailed else "", is_refused=not is_mailed)


def _show(request: HttpRequest, confirmation: Confirmation, link: Link) -> HttpResponse:
    """Shows the address; it is never kept by a cache, because whoever has it can add a card."""
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": confirmation.title,
        "confirmation": confirmation,
        "link": link,
    }
    answer = TemplateResponse(request, "admin/wallet/card_page.html", context)
    answer["Cache-Control"] = "no-store"
    return answer
