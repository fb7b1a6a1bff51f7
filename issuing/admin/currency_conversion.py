"""The page on which staff enter a movement's converted amount when its issuer did not report one."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import entered_amounts
from issuing.admin.transaction_actions import MovementButtons
from issuing.billing import position
from issuing.clearing import currency_conversion
from issuing.models import Authorization, CardTransaction
from onecard.kit import display, references
from onecard.kit.admin import row_or_404
from onecard.kit.amount_field import AmountField
from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    ask_or_do,
    change_page,
    page_action,
    posted,
    turn_away,
)
from onecard.kit.money import Money
from wallet.admin.second_person import announced, show_result
from wallet.entered.amounts import EnteredRefusedError, Kind
from wallet.models import EnteredAmount

ENTER_CONVERSION = "worth"


class ConversionForm(ReasonForm):
    """The converted amount, in the purchase's currency, and its source."""

    amount = AmountField(label=gettext_lazy("Converted amount"))
    field_order = ("amount", "reason")

    def __init__(self, data: Any, currency: str) -> None:
        super().__init__(data)
        amount: AmountField = self.fields["amount"]  # type: ignore[assignment]
        amount.of(currency)
        self.fields["reason"].help_text = _("Where the amount is from. It stands in the audit trail with your name.")


class ConversionButton(MovementButtons):
    """The button “Enter the converted amount”."""

    @page_action(
        description=gettext_lazy("Enter the converted amount"),
        url_path=ENTER_CONVERSION,
        permissions=["complete_movement", "view"],
        icon="currency_exchange",
    )
    def enter_worth(self, request: HttpRequest, object_id: str) -> HttpResponse:
        movement = row_or_404(self, request, object_id)
        why_not, purchase = currency_conversion.why_not(movement), movement.authorization
        if why_not or purchase is None:
            return turn_away(request, why_not, change_page(movement))
        return ask_or_do(
            request,
            _confirmation(movement, purchase, request.user),
            ConversionForm(posted(request), purchase.currency),
            partial(_enter, movement, request.user),
            done=partial(_show, request, movement),
            refusals=(currency_conversion.ConversionRefusedError, EnteredRefusedError),
            row=movement,
        )


def _enter(movement: CardTransaction, user: Any, *, amount: Money, reason: str) -> EnteredAmount:
    return entered_amounts.enter_converted_amount(
        movement=movement, converted_minor=amount.minor, reason=reason, user=user
    )


def _show(request: HttpRequest, movement: CardTransaction, entered: EnteredAmount) -> None:
    was = display.money(movement.amount_minor, movement.currency)
    done = _("%(was)s is converted into %(money)s, and what the cardholder pays follows.") % {
        "was": was,
        "money": str(entered.money),
    }
    show_result(request, entered, done=done)


def _confirmation(movement: CardTransaction, purchase: Authorization, user: Any) -> Confirmation:
    amount = display.money(movement.amount_minor, movement.currency)
    return Confirmation(
        title=_("Convert %(amount)s into %(currency)s") % {"amount": amount, "currency": purchase.currency},
        words=_(
            "Its issuer did not say at which rate, so it counts for nothing so far. Find what it "
            "took or gave in %(currency)s in the issuer's dashboard. The cardholder is charged or "
            "given back accordingly, at once, and it cannot be entered again."
        )
        % {"currency": purchase.currency},
        button=_("Enter the converted amount"),
        back=change_page(movement),
        facts=_facts(movement, purchase),
        needs_fresh_code=True,
        second_person=announced(Kind.CONVERSION, purchase.currency, user),
    )


def _facts(movement: CardTransaction, purchase: Authorization) -> list[tuple[str, Any]]:
    """Returns the movement and its purchase, each in its own currency."""
    taken, back = position.moved_minor(purchase)
    merchant = purchase.merchant_name or purchase.issuer_authorization_id
    return [
        (_("Movement"), movement.get_transaction_type_display()),
        (_("Its amount"), display.money(movement.amount_minor, movement.currency)),
        (_("In the merchant's currency"), display.money(movement.merchant_amount_minor, movement.merchant_currency)),
        (_("When"), display.moment(movement.occurred_at)),
        (_("Issuer's id"), movement.issuer_transaction_id),
        (_("Purchase"), display.link(references.page_of(purchase.reference), merchant)),
        (_("Approved"), display.money(purchase.approved_minor, purchase.currency)),
        (_("Captured so far"), display.money(taken, purchase.currency)),
        (_("Came back so far"), display.money(back, purchase.currency)),
    ]
