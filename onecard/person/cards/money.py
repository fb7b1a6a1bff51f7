"""What a card may spend, and what is on it: limits, top-ups, and whether the balance pays first."""

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from issuing import states
from issuing.billing import top_ups
from issuing.cards import own_limits
from issuing.limits.cardholder_limits import ceilings_of, limits_left, limits_of
from issuing.models import CardFunding, VirtualCard
from onecard.kit.amount_field import AmountField
from onecard.kit.errors import OneCardError
from onecard.kit.money import Money
from onecard.person.cards.ordering import OnCard
from onecard.person.form_page import OnceForm
from wallet.models import FundingMethod

LAST = 10
NAMES = {"per_transaction": "One purchase", "daily": "One day", "monthly": "One month"}


class LimitsChangedError(OneCardError):
    """The limits are others than the page showed; nothing was saved."""

    code = "changed_meanwhile"


def _amount(label: str) -> AmountField:
    return AmountField(label=label, widget=forms.TextInput({"inputmode": "decimal"}))


class LimitsForm(forms.Form):
    per_transaction = _amount(NAMES["per_transaction"])
    daily = _amount(NAMES["daily"])
    monthly = _amount(NAMES["monthly"])
    shown = forms.CharField(widget=forms.HiddenInput, max_length=80)

    def __init__(self, data: Any, card: VirtualCard) -> None:
        now, most = limits_of(card), ceilings_of(card)
        values = {name: plain(Money(getattr(now, f"{name}_minor"), card.currency)) for name in NAMES}
        super().__init__(data, initial=values | {"shown": shown_version_of(card)})
        for name in NAMES:
            ceiling = Money(getattr(most, f"{name}_minor"), card.currency)
            cast("AmountField", self.fields[name]).of(card.currency, hint=f"At most {ceiling}.")


class Limits(OnCard):
    """Each up to the ceiling that staff give, from the next purchase on."""

    title = "Limits"
    template = "cards/limits"

    def form_of(self, data: Any) -> LimitsForm:
        return LimitsForm(data, self.card)

    def save(self, request: HttpRequest, form: LimitsForm) -> HttpResponse:
        wanted = {f"{name}_minor": form.cleaned_data[name].minor for name in NAMES}

        def check(locked: VirtualCard) -> None:
            if shown_version_of(locked) != form.cleaned_data["shown"]:
                raise LimitsChangedError("The limits were changed since you opened this page. Open it anew.")

        own_limits.set_limits(self.card, wanted, requested_by=self.actor, check=check)
        messages.success(request, "Your limits are saved. They count from your next purchase on.")
        return redirect("person:home")

    def more(self, request: HttpRequest) -> dict[str, Any]:
        return {"left": limits_left(self.card)}


class TopUpForm(OnceForm):
    amount = _amount("Amount")
    source = forms.ModelChoiceField(label="From", queryset=FundingMethod.objects.none(), empty_label=None)

    def __init__(self, data: Any, card: VirtualCard) -> None:
        super().__init__(data)
        cast("AmountField", self.fields["amount"]).of(card.currency, hint="It is charged now.")
        mine = card.cardholder.funding_methods.filter(status=FundingMethod.Status.ACTIVE, detachment=None)
        self.fields["source"].queryset = mine.order_by("position", "pk")  # type: ignore[attr-defined]


class TopUp(OnCard):
    """A funding card is charged at once; the balance rises when it has paid."""

    title = "Put money on your card"
    button = "Charge it now"
    template = "cards/top_up"

    def form_of(self, data: Any) -> TopUpForm:
        return TopUpForm(data, self.card)

    def save(self, request: HttpRequest, form: TopUpForm) -> HttpResponse:
        made = top_ups.fund_own_card(
            card=self.card,
            amount=form.cleaned_data["amount"],
            source=form.cleaned_data["source"],
            requested_by=self.actor,
            request_key=f"page:{form.key_of(self.person)}",
        )
        _say(request, made)
        return redirect("person:card-top-up", public_id=self.card.public_id)

    def more(self, request: HttpRequest) -> dict[str, Any]:
        made = CardFunding.objects.filter(card=self.card).select_related("source").order_by("-pk")
        return {"card": self.card, "balance": Money(self.card.balance_minor, self.card.currency), "made": made[:LAST]}


class BalanceForm(forms.Form):
    spends_balance = forms.BooleanField(label="Pay from the balance first", required=False)


class SpendsBalance(OnCard):
    title = "The balance of your card"
    words = "With this on, what is on your card pays first, and your funding cards pay the rest."

    def form_of(self, data: Any) -> BalanceForm:
        return BalanceForm(data, initial={"spends_balance": self.card.spends_balance})

    def save(self, request: HttpRequest, form: BalanceForm) -> HttpResponse:
        spends = form.cleaned_data["spends_balance"]
        top_ups.set_spends_balance(self.card, spends=spends, requested_by=self.actor, check=lambda _: None)
        messages.success(request, "Saved. It counts from your next purchase on.")
        return redirect("person:home")


def shown_version_of(card: VirtualCard) -> str:
    """Returns the card's limits as one word, for a form that changes what it showed."""
    now = limits_of(card)
    return "-".join(str(getattr(now, f"{name}_minor")) for name in NAMES)


def plain(money: Money) -> str:
    """The amount without its currency: 500.00."""
    return str(money).rpartition(" ")[0]


def _say(request: HttpRequest, made: CardFunding) -> None:
    if made.status == states.Funding.CREDITED:
        messages.success(request, f"{made.money} are on your card.")
    elif made.status == states.Funding.FAILED:
        messages.error(request, f"{made.source} did not pay, so nothing is on your card. Try another card.")
    else:
        messages.info(request, f"{made.source} is being charged. Look again in a minute.")
