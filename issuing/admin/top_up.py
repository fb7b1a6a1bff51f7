"""The page on which staff top up a card from one of its holder's own cards."""

import uuid
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import entered_amounts, states
from issuing.admin.card_actions import PUT_MONEY
from issuing.billing import top_ups
from issuing.errors import CardRefusedError
from issuing.models import CardFunding, VirtualCard
from onecard.kit.admin import BaseAdmin, row_or_404
from onecard.kit.amount_field import AmountField
from onecard.kit.confirmation_pages import Confirmation, SelectWidget, ask_or_do, change_page, page_action, posted
from onecard.kit.money import Money
from wallet.admin.second_person import announced, show_result
from wallet.entered.amounts import EnteredRefusedError, Kind
from wallet.methods.usable import UnusableMethodError
from wallet.models import EnteredAmount, FundingMethod


class PutMoneyForm(forms.Form):
    """The amount and the source card; the key makes a second click the same request."""

    amount = AmountField(label=gettext_lazy("Amount"))
    source = forms.TypedChoiceField(label=gettext_lazy("From"), widget=SelectWidget)
    request_key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any, card: VirtualCard) -> None:
        super().__init__(data, initial={"request_key": uuid.uuid4()})
        self.card = card
        wallet = card.cardholder.funding_methods.filter(status=FundingMethod.Status.ACTIVE)
        self.known = {str(each.pk): each for each in wallet.select_related("cardholder").order_by("position", "pk")}
        amount: AmountField = self.fields["amount"]  # type: ignore[assignment]
        amount.of(card.currency)
        self.fields["source"].choices = [(key, str(each)) for key, each in self.known.items()]  # type: ignore[attr-defined]

    def clean_source(self) -> FundingMethod:
        return self.known[self.cleaned_data["source"]]


class PutMoneyAdmin(BaseAdmin):
    """Gives a card's page its button “Put money on it”."""

    def has_put_money_permission(self, request: HttpRequest, *_object: object) -> bool:
        """It charges a card, so it needs the permission to add card fundings."""
        return request.user.has_perm("issuing.add_cardfunding")

    @page_action(description=gettext_lazy("Put money on it"), url_path=PUT_MONEY, permissions=["put_money"], icon="add")
    def put_money(self, request: HttpRequest, object_id: str) -> HttpResponse:
        card = row_or_404(self, request, object_id)
        return ask_or_do(
            request,
            _confirmation(card, request.user),
            PutMoneyForm(posted(request), card),
            partial(_put, card, request.user),
            done=partial(_show_result, request),
            refusals=(CardRefusedError, UnusableMethodError, EnteredRefusedError),
            row=card,
        )


def _put(
    card: VirtualCard, user: Any, *, amount: Money, source: FundingMethod, request_key: uuid.UUID
) -> CardFunding | EnteredAmount:
    """Charges the source; gives the entered amount instead while it waits for a second person, or was withdrawn."""
    what: dict[str, Any] = {"card": card, "amount": amount, "source": source}
    key = f"admin:{request_key}"
    entered = entered_amounts.put_on_card(**what, key=key, user=user)
    if entered.status != EnteredAmount.Status.APPLIED:
        return entered
    return top_ups.fund_card(**what, requested_by=f"user:{user.pk}", request_key=key)


def _show_result(request: HttpRequest, result: CardFunding | EnteredAmount) -> None:
    if isinstance(result, EnteredAmount):
        show_result(request, result)
    elif result.status == states.Funding.CREDITED:
        messages.success(
            request,
            _("%(money)s from %(source)s is on the card.") % {"money": str(result.money), "source": result.source},
        )
    elif result.status == states.Funding.FAILED:
        messages.error(
            request, _("%(source)s did not pay, so nothing was put on the card.") % {"source": result.source}
        )
    else:
        messages.warning(
            request,
            _("The processor has not answered yet. When %(source)s has paid, it is on the card.")
            % {"source": result.source},
        )


def _confirmation(card: VirtualCard, user: Any) -> Confirmation:
    has = Money(card.balance_minor, card.currency)
    spends = (
        _("pays its purchases first") if card.spends_balance else _("pays no purchases: the card does not spend it")
    )
    return Confirmation(
        title=_("Put money on %(card)s of %(name)s") % {"card": card, "name": card.cardholder.name},
        words=_("The card that you choose is charged now. %(has)s is on this card so far, and it %(spends)s.")
        % {"has": has, "spends": spends},
        button=_("Charge it and put it there"),
        back=change_page(card),
        needs_fresh_code=True,
        second_person=announced(Kind.TOP_UP, card.currency, user),
    )
