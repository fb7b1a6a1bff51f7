"""The wallet: its cards in their order, what each is called and earns, the backup card, and the preference."""

import uuid
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from onecard.api.access import own
from onecard.person.form_page import FormPage
from onecard.person.page import PersonPage
from onecard.person.shown import methods_of
from wallet import card_removal
from wallet.methods import changes, products
from wallet.models import Cardholder, CardProduct, FundingMethod, Preference

NO_PRODUCT: Final = "Its network's usual rewards"


class PreferenceForm(forms.Form):
    preference = forms.ChoiceField(label="Rewards that you want to earn", choices=Preference.choices)


class Wallet(FormPage, PersonPage):
    """The list of cards, with the preference above it."""

    menu = "account"
    title = "Wallet"
    template = "funding/wallet"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> PreferenceForm:
        return PreferenceForm(data, initial={"preference": self.holder.preference})

    def save(self, request: HttpRequest, form: PreferenceForm) -> HttpResponse:
        changes.prefer(
            self.holder, form.cleaned_data["preference"], actor=f"user:{self.person.pk}", check=lambda _: None
        )
        messages.success(request, "Saved. It counts from your next purchase on.")
        return redirect("person:wallet")

    def more(self, request: HttpRequest) -> dict[str, Any]:
        return {"wallet": methods_of(self.holder)}


class CardForm(forms.Form):
    """What its owner may say of a card; the processor says the rest."""

    name = forms.CharField(label="Name", max_length=120)
    product = forms.ModelChoiceField(
        label="Which card it is", queryset=CardProduct.objects.none(), required=False, empty_label=NO_PRODUCT,
        help_text="Its own rewards count then.",
    )  # fmt: skip
    position = forms.IntegerField(
        label="Place in your wallet",
        min_value=1,
        max_value=1000,
        help_text="Of cards that earn the same, the first pays.",
    )
    is_backup = forms.BooleanField(
        label="Backup card", required=False, help_text="It pays where no other card can be chosen. There is one."
    )

    def __init__(self, data: Any, card: FundingMethod, place: int) -> None:
        now = {"name": card.name, "product": card.product_id, "position": place, "is_backup": card.is_backup}
        super().__init__(data, initial=now)
        self.fields["product"].queryset = products.suggest(network=card.network)  # type: ignore[attr-defined]


class FundingCard(FormPage, PersonPage):
    """One card, changed by its owner."""

    menu = "account"
    template = "funding/card"
    back = "person:wallet"

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> CardForm:
        self.card = own_method(self.holder, self.kwargs["public_id"])
        ids = [each.pk for each in changes.cards_of(self.holder)]
        return CardForm(data, self.card, ids.index(self.card.pk) + 1)

    def save(self, request: HttpRequest, form: CardForm) -> HttpResponse:
        wanted = {name: form.cleaned_data[name] for name in form.changed_data}
        changes.change(self.holder, self.card.pk, actor=f"user:{self.person.pk}", check=lambda _: None, **wanted)
        messages.success(request, "Saved. It counts from your next purchase on.")
        return redirect("person:wallet")

    def more(self, request: HttpRequest) -> dict[str, Any]:
        return {"title": self.card.name, "card": self.card}


class RemoveCard(FormPage, PersonPage):
    """From then on it pays nothing, and the processor forgets it. Not while it owes."""

    menu = "account"
    throttle_scope = "outside"
    button = "Remove it"
    is_for_good = True
    back = "person:wallet"
    words = "It pays nothing any more, and the processor forgets it. To use it again, add it anew."

    def form(self, request: HttpRequest, data: Any = None, files: Any = None) -> forms.Form:
        self.card = own_method(self.holder, self.kwargs["public_id"])
        return forms.Form(data)

    def save(self, request: HttpRequest, form: forms.Form) -> HttpResponse:
        card_removal.remove(self.holder, self.card.pk, actor=f"user:{self.person.pk}")
        messages.success(request, f"{self.card.name} is removed.")
        return redirect("person:wallet")

    def more(self, request: HttpRequest) -> dict[str, Any]:
        return {"title": f"Remove {self.card}"}


def own_method(holder: Cardholder, public_id: uuid.UUID) -> FundingMethod:
    """Returns a card of the wallet that was not removed; raises NotFound."""
    rows = holder.funding_methods.filter(detachment=None).select_related("cardholder", "product", "detachment")
    return own(rows, public_id=public_id)
