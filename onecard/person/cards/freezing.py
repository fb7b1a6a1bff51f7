"""The buttons of the card: freeze and unfreeze, by its holder."""

import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import ClassVar

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from issuing import states
from issuing.cards import holder as holders_card
from issuing.models import VirtualCard
from onecard.api.access import own
from onecard.kit.errors import OneCardError
from onecard.person.home import contents
from onecard.person.page import PersonPage


class _Button(PersonPage):
    """Makes one domain call with the person's own card; a refusal stands beside the button."""

    menu = "home"

    throttle_scope = "outside"
    call: ClassVar[Callable[[VirtualCard], VirtualCard]]

    def get(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        """Leads back a person who has reloaded or was logged out meanwhile."""
        return redirect("person:home")

    def post(self, request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
        card = own(VirtualCard.objects.filter(cardholder=self.holder).select_related("cardholder"), public_id=public_id)
        try:
            changed = type(self).call(card)
        except OneCardError as error:
            shown = contents(self.holder, refusal=error.message)
            return self.render(request, "home", status=HTTPStatus.CONFLICT, **shown)
        messages.success(request, self.words(changed))
        return redirect("person:home")

    def words(self, card: VirtualCard) -> str:
        raise NotImplementedError


class Freeze(_Button):
    call = holders_card.freeze

    def words(self, card: VirtualCard) -> str:
        return "Your card is frozen: new purchases are declined from now on."


class Unfreeze(_Button):
    call = holders_card.unfreeze

    def words(self, card: VirtualCard) -> str:
        if card.status == states.Card.ACTIVE:
            return "Your card is active again."
        return "Your card is active again as soon as its issuer confirms; look again in a minute."
