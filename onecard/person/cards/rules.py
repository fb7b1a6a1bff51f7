"""The rules that a person puts on their own card: for a single purchase, or for one merchant only."""

import uuid
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from issuing import states
from issuing.activity.purchases import of_cardholder
from issuing.controls import own as own_controls
from onecard.api.access import own
from onecard.kit.text import free_text
from onecard.person.cards.ordering import OnCard
from onecard.person.form_page import OnceForm
from onecard.person.rule_words import in_a_sentence
from wallet.models import Cardholder

# Of so many purchases, the newest first, the merchants are offered.
LOOKED_AT: Final = 100
ELSEWHERE: Final = ("", "Another one, named below")


class _OnRules(OnCard):
    """Leads back to the list of the card's rules."""

    def back_to(self) -> str:
        return reverse("person:card-rules", args=[self.card.public_id])

    def done(self, request: HttpRequest, said: str) -> HttpResponse:
        messages.success(request, said)
        return redirect("person:card-rules", public_id=self.card.public_id)


class Rules(OnCard):
    """The card's rules, and the ways to the pages that put one on or take it off."""

    title = "Rules of your card"
    template = "cards/rules"

    def save(self, request: HttpRequest, form: OnceForm) -> HttpResponse:
        """Shows the page: each rule has a page of its own that changes it."""
        return redirect("person:card-rules", public_id=self.card.public_id)

    def more(self, request: HttpRequest) -> dict[str, Any]:
        rules = own_controls.list_of(self.card)
        kinds = {each.kind for each in rules}
        return {
            "card": self.card,
            "rules": [(each, in_a_sentence(each)) for each in rules],
            "is_closed": self.card.status == states.Card.CLOSED,
            "is_single_use": own_controls.SINGLE in kinds,
            "is_locked": own_controls.MERCHANT in kinds,
        }


class SingleUse(_OnRules):
    title = "For a single purchase"
    words = (
        "After its next approved purchase the card declines everything, also what is bought by subscription. You can "
        "take this off again at any time."
    )
    button = "Use it once"

    def save(self, request: HttpRequest, form: OnceForm) -> HttpResponse:
        own_controls.make_single_use(self.card, actor=self.actor)
        return self.done(request, "Your card is for a single purchase now.")


class MerchantForm(OnceForm):
    merchant = forms.ChoiceField(label="A merchant where you paid", required=False)
    name = forms.CharField(
        label="Or its name", max_length=120, required=False, help_text="As it stands on your purchases."
    )

    def __init__(self, data: Any, merchants: list[tuple[str, str]]) -> None:
        super().__init__(data)
        self.fields["merchant"].choices = [ELSEWHERE, *merchants]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["name"] = free_text(cleaned.get("name", ""), limit=120).strip()
        if "merchant" in cleaned and bool(cleaned["merchant"]) == bool(cleaned["name"]):
            self.add_error("name", "Choose a merchant, or write a name: one of the two.")
        return cleaned


class OneMerchant(_OnRules):
    title = "For one merchant only"
    words = "The card declines everywhere else. You can take this off again at any time."
    button = "Lock the card to it"

    def form_of(self, data: Any) -> MerchantForm:
        return MerchantForm(data, _merchants(self.holder))

    def save(self, request: HttpRequest, form: MerchantForm) -> HttpResponse:
        given = form.cleaned_data
        network_id, name = "", given["name"]
        if given["merchant"]:
            purchase = own(of_cardholder(self.holder), issuer_authorization_id=given["merchant"])
            network_id, name = purchase.merchant_network_id, purchase.merchant_name
        own_controls.lock_to_merchant(self.card, network_id=network_id, name=name, actor=self.actor)
        return self.done(request, f"Your card pays at {name or 'this merchant'} only now.")


class RemoveRule(_OnRules):
    title = "Take this rule off"
    button = "Take it off"

    def save(self, request: HttpRequest, form: OnceForm) -> HttpResponse:
        own_controls.remove_own(self._rule(), actor=self.actor)
        return self.done(request, "The rule is off. It counts from your next purchase on.")

    def more(self, request: HttpRequest) -> dict[str, Any]:
        return {"words": f"{in_a_sentence(own_controls.shown(self._rule()))} Without this rule it would not."}

    def _rule(self) -> Any:
        rule_id: uuid.UUID = self.kwargs["rule_id"]
        return own(own_controls.active_of(self.card), control__public_id=rule_id)


def _merchants(holder: Cardholder) -> list[tuple[str, str]]:
    """Returns each merchant of the newest purchases once, by the id of its newest purchase, in order of the names."""
    rows = of_cardholder(holder).exclude(merchant_name="").order_by("-pk")
    found: dict[str, str] = {}
    for purchase, name in rows.values_list("issuer_authorization_id", "merchant_name")[:LOOKED_AT]:
        found.setdefault(name, purchase)
    return sorted(((purchase, name) for name, purchase in found.items()), key=lambda each: each[1].casefold())
