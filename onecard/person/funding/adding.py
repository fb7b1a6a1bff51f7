"""A funding card is added on the processor's own page: its number never comes here.

The button makes such a page and shows the link to it: a form of ours may lead nowhere else (the content policy). From
there the person comes back to `Saved`, which says what became of the card; a worker takes it into the wallet.
"""

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from onecard.api.access import own
from onecard.person.form_page import FormPage, OnceForm
from onecard.person.page import PersonPage
from wallet import states
from wallet.methods import setups
from wallet.models import CardSetup


class AddCard(FormPage, PersonPage):
    """The same key makes the same page, so that a second click begins nothing new."""

    menu = "account"
    throttle_scope = "outside"
    title = "Add a card"
    button = "Continue"
    template = "funding/add"
    back = "person:wallet"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> OnceForm:
        return OnceForm(data)

    def save(self, request: HttpRequest, form: OnceForm) -> HttpResponse:
        key = form.key_of(self.person)
        back_to = settings.PUBLIC_URL + reverse("person:wallet-saved", args=[key])
        address = setups.begin_on_page(self.holder, request_id=key, back_to=back_to, actor=f"user:{self.person.pk}")
        return self.render(request, "funding/processor", address=address)


class Saved(PersonPage):
    """What became of a card that was given to the processor: in the wallet, refused with a reason, or under way."""

    menu = "account"

    def get(self, request: HttpRequest, request_id: uuid.UUID) -> HttpResponse:
        setup = own(CardSetup.objects.filter(cardholder=self.holder).select_related("method"), request_id=request_id)
        is_open = setup.status == states.CardSetup.OPEN
        return self.render(request, "funding/saved", setup=setup, is_open=is_open, has_card=bool(setup.method))
