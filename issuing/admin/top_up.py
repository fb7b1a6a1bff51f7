"""The page on which staff top up a card from one of its holder's own cards."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from issuing import entered_amounts, states
from issuing.admin.card_actions import PUT_MONEY, card_or_404, page_of
from issuing.billing import top_ups
from issuing.errors import CardRefusedError
from issuing.models import CardFunding, VirtualCard
from onecard.kit.admin import BaseAdmin
from onecard.kit.amount_field import AmountField
from onecard.kit.confirmation_pages import Act, SelectWidget, ask, page_action
from onecard.kit.money import Money
from wallet.admin.entered_amounts import show_result
from wallet.entered.amounts import EnteredRefusedError, Kind, two_person_notice
from wallet.methods.usable import UnusableMethodError
from wallet.models import EnteredAmount, FundingMethod


class PutMoneyForm(forms.Form):
    """The amount and the source card; the key makes a second click the same request."""

    amount = AmountField()
    source = forms.TypedChoiceField(label="From", widget=SelectWidget)
    request_key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any, card: VirtualCard) -> None:
        super().__init__(data, initial={"request_key": uuid.uuid4()})
        self.card = card
        wallet = card.cardholder.funding_methods.filter(status=FundingMethod.Status.ACTIVE)
        self.known = {str(each.pk): each for each in wallet.select_related("cardholder").order_by("position", "pk")}
        amount: AmountField = self.fields["amount"]  # type: ignore[assignment]
        amount.of(card.currency, hint=two_person_notice(Kind.TOP_UP, card.currency))
        self.fields["source"].choices = [(key, str(each)) for key, each in self.known.items()]  # type: ignore[attr-defined]

    def clean_source(self) -> FundingMethod:
        return self.known[self.cleaned_data["source"]]


class PutMoneyAdmin(BaseAdmin):
    """Gives a card's page its button “Put money on it”."""

    def has_put_money_permission(self, request: HttpRequest, *_object: object) -> bool:
        """It charges a card, so it needs the permission to add card fundings."""
        return request.user.has_perm("issuing.add_cardfunding")

    @page_action(description="Put money on it", url_path=PUT_MONEY, permissions=["put_money"], icon="add")
    def put_money(self, request: HttpRequest, object_id: str) -> HttpResponse:
        card = card_or_404(self, request, object_id)
        form = PutMoneyForm(request.POST if request.method == "POST" else None, card)
        return _put(request, card, form) if form.is_valid() else _page(request, card, form)


def _put(request: HttpRequest, card: VirtualCard, form: PutMoneyForm) -> HttpResponse:
    asked, key, user = form.cleaned_data, f"admin:{form.cleaned_data['request_key']}", request.user.pk
    what: dict[str, Any] = {"card": card, "amount": asked["amount"], "source": asked["source"]}
    by: Any = request.user
    try:
        entered = entered_amounts.put_on_card(**what, key=key, user=by)
        if entered.status != EnteredAmount.Status.APPLIED:
            show_result(request, entered)
            return redirect(page_of(card))
        wish = top_ups.fund_card(**what, requested_by=f"user:{user}", request_key=key)
    except (CardRefusedError, UnusableMethodError, EnteredRefusedError) as error:
        form.add_error(None, error.message)
        return _page(request, card, form)
    _show_result(request, wish)
    return redirect(page_of(card))


def _show_result(request: HttpRequest, wish: CardFunding) -> None:
    if wish.status == states.Funding.CREDITED:
        messages.success(request, f"{wish.money} from {wish.source} is on the card.")
    elif wish.status == states.Funding.FAILED:
        messages.error(request, f"{wish.source} did not pay, so nothing was put on the card.")
    else:
        messages.warning(
            request, f"The processor has not answered yet. When {wish.source} has paid, it is on the card."
        )


def _page(request: HttpRequest, card: VirtualCard, form: PutMoneyForm) -> HttpResponse:
    has = Money(card.balance_minor, card.currency)
    spends = "pays its purchases first" if card.spends_balance else "pays no purchases: the card does not spend it"
    act = Act(
        title=f"Put money on {card} of {card.cardholder.name}",
        words=f"The card that you choose is charged now. {has} is on this card so far, and it {spends}.",
        button="Charge it and put it there",
        back=page_of(card),
    )
    return ask(request, act, form)
