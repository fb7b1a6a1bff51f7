"""A card is asked for, activated, replaced and closed by the person who carries it."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from issuing import states
from issuing.cards import orders, service
from issuing.models import VirtualCard
from onecard.api.access import own
from onecard.person.form_page import FormPage, OnceForm, to_choose
from onecard.person.page import PersonPage
from wallet.models import Cardholder


class OrderForm(OnceForm):
    network = forms.ChoiceField(
        label="Network", choices=VirtualCard.CardType.choices, help_text="A wish: the issuer decides."
    )


class Order(FormPage, PersonPage):
    """Refused with what is missing, and for who has a card."""

    menu = "home"
    throttle_scope = "outside"
    title = "Ask for your card"
    words = "It is a card without plastic: it pays online, and with your phone once it is in its wallet."
    button = "Ask for it"
    back = "person:start"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> OrderForm:
        return OrderForm(data)

    def save(self, request: HttpRequest, form: OrderForm) -> HttpResponse:
        orders.order(
            cardholder=self.holder,
            network=form.cleaned_data["network"],
            requested_by=f"user:{self.person.pk}",
            key=form.key_of(self.person),
        )
        messages.success(request, "Your card is ordered. As soon as it is made, activate it here.")
        return redirect("person:home")


class OnCard(FormPage, PersonPage):
    """A form about one of the person's cards."""

    menu = "home"
    throttle_scope = "outside"
    back = "person:home"
    card: VirtualCard

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> forms.Form:
        self.card = own_card(self.holder, self.kwargs["public_id"])
        return self.form_of(data)

    def form_of(self, data: Any) -> forms.Form:
        return OnceForm(data)

    @property
    def actor(self) -> str:
        return f"user:{self.person.pk}"


class Activate(OnCard):
    title = "Activate your card"
    button = "Activate it"
    words = "From then on it pays. A card that it replaces ends then."

    def save(self, request: HttpRequest, form: OnceForm) -> HttpResponse:
        card = service.activate(card=self.card, requested_by=self.actor, key=form.key_of(self.person))
        is_active = card.status == states.Card.ACTIVE
        said = "Your card is active." if is_active else "Your card is active once its issuer confirms. Look again soon."
        messages.success(request, said)
        return redirect("person:home")


class ReplaceForm(OnceForm):
    reason = forms.ChoiceField(label="What happened to it?", choices=to_choose(states.Replacement.choices))


class Replace(OnCard):
    title = "Replace your card"
    button = "Order another one"
    is_for_good = True
    words = (
        "You get another number, with the same limits and balance. A lost or stolen card declines from this moment. A "
        "damaged or expired one works until you activate the new one."
    )

    def form_of(self, data: Any) -> ReplaceForm:
        return ReplaceForm(data)

    def save(self, request: HttpRequest, form: ReplaceForm) -> HttpResponse:
        orders.replace(
            card=self.card,
            reason=form.cleaned_data["reason"],
            requested_by=self.actor,
            key=form.key_of(self.person),
        )
        messages.success(request, "The new card is ordered. As soon as it is made, activate it here.")
        return redirect("person:home")


class CloseForm(OnceForm):
    reason = forms.CharField(label="Why?", max_length=200, help_text="For the record; the issuer may see it.")


class Close(OnCard):
    title = "Close your card"
    button = "Close it for good"
    is_for_good = True
    words = "A closed card never pays again. Its balance stays yours, and goes to your next card."

    def form_of(self, data: Any) -> CloseForm:
        return CloseForm(data)

    def save(self, request: HttpRequest, form: CloseForm) -> HttpResponse:
        service.close(
            card=self.card,
            reason=form.cleaned_data["reason"],
            requested_by=self.actor,
            key=form.key_of(self.person),
        )
        messages.success(request, "Your card is closed.")
        return redirect("person:home")


def own_card(holder: Cardholder, public_id: uuid.UUID) -> VirtualCard:
    """Returns one of the person's cards; raises NotFound for a foreign one."""
    return own(holder.virtual_cards.select_related("cardholder", "replaces"), public_id=public_id)
