"""Which card pays here? A question before a purchase: the ranking as the decision would make it, nothing stored."""

from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext

from onecard.kit.amount_field import AmountField
from onecard.kit.money import Money
from onecard.person import shown
from onecard.person.funding.rule_form import currency_of
from onecard.person.page import PersonPage
from routing import preview
from routing.explanation import explain
from routing.models import MerchantCategory
from wallet.models import Cardholder

MOST_SUGGESTED: Final = 12
COMMON: Final = {
    "Restaurants": "5812",
    "Groceries": "5411",
    "Fuel": "5541",
    "Flights": "4511",
    "Hotels": "7011",
    "Pharmacy": "5912",
}


class PreviewForm(forms.Form):
    """A kind of shop, in words or as its MCC, and an amount in the card's currency."""

    what = forms.CharField(
        label="Where do you buy?", max_length=80, help_text="Such as grocery, or the shop's MCC, such as 5411."
    )
    amount = AmountField(label="Amount", widget=forms.TextInput({"inputmode": "decimal"}))

    def __init__(self, data: Any, currency: str) -> None:
        super().__init__(data)
        field = self.fields["amount"]
        assert isinstance(field, AmountField)  # noqa: S101  (for the type checker)
        field.of(currency)
        self.found: list[MerchantCategory] = []

    def clean_what(self) -> str:
        code, self.found = kinds_of_shop(self.cleaned_data["what"])
        return code

    def clean_amount(self) -> Money:
        amount: Money = self.cleaned_data["amount"]
        if amount.minor <= 0:
            raise forms.ValidationError("It must be more than zero.")
        return amount


def kinds_of_shop(typed: str) -> tuple[str, list[MerchantCategory]]:
    """Returns the MCC that was meant, or "" with the kinds of shop to choose from. Raises ValidationError."""
    words = " ".join(typed.split())
    if words.isascii() and words.isdigit():
        if len(words) != 4:
            raise forms.ValidationError(gettext("An MCC has four digits, such as 5411."))
        return words, []
    found = list(MerchantCategory.objects.filter(description__icontains=words)[:MOST_SUGGESTED])
    if not found:
        raise forms.ValidationError(
            gettext("No kind of shop has this in its name. Try another word, such as restaurant.")
        )
    return found[0].code if len(found) == 1 else "", found


class Preview(PersonPage):
    menu = "preview"
    throttle_scope = "preview"

    def get(self, request: HttpRequest) -> HttpResponse:
        form = PreviewForm(request.GET or None, currency_of(self.holder))
        is_asked = form.is_valid()
        asked = form.cleaned_data if is_asked else {}
        several = form.found if is_asked and not asked["what"] else []
        ranking = _ranking(self.holder, asked["what"], asked["amount"]) if is_asked and not several else {}
        return self.render(request, "preview", form=form, common=COMMON, several=several, **ranking)


def _ranking(holder: Cardholder, mcc: str, amount: Money) -> dict[str, Any]:
    choice, trace = preview.rank(holder, mcc=mcc, currency=amount.currency, amount_minor=amount.minor)
    found = explain(trace, rule=choice.rule, amount=amount)
    return {
        "asked": True,
        "mcc": mcc,
        "category": MerchantCategory.objects.filter(code=mcc).first(),
        "amount": amount,
        "explanation": found,
        "cards": shown.cards(found, amount),
    }
