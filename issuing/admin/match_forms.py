"""The form in which a purchase is chosen for a movement, and the words for both."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.billing import position
from issuing.clearing import match_candidates
from issuing.models import Authorization, CardTransaction
from onecard.kit import display
from onecard.kit.confirmation_pages import ReasonForm, SelectWidget
from wallet.admin.second_person import waits_under_entered

MOST_SHOWN = 100
NONE = "none"
Type = CardTransaction.Type


class LinkForm(ReasonForm):
    """Which of the purchases, and how one knows. `if_none` is the choice of none, "" where there is no such choice."""

    purchase = forms.TypedChoiceField(label=gettext_lazy("It is of"), widget=SelectWidget)
    field_order = ("purchase", "reason")

    def __init__(
        self, data: Any, movement: CardTransaction, purchases: QuerySet[Authorization], *, if_none: str = ""
    ) -> None:
        super().__init__(data)
        found = purchases.select_related("card__cardholder")[:MOST_SHOWN]
        self.known = {str(each.pk): each for each in found}
        left_minor = position.left_minor(self.known.values())
        words = [(key, _in_words(each, left_minor[each.pk], movement)) for key, each in self.known.items()]
        if if_none:
            words.append((NONE, if_none + _if_two(movement, None)))
        self.fields["purchase"].choices = [("", _("Choose one")), *words]  # type: ignore[attr-defined]
        self.fields["purchase"].help_text = _("Those of the same merchant first, then the newest.")
        self.fields["reason"].help_text = _("Who told you. It stands in the audit trail with your name.")

    def clean_purchase(self) -> Authorization | None:
        return self.known.get(self.cleaned_data["purchase"])


def what_moved(movement: CardTransaction) -> str:
    """Who moved how much, and when."""
    amount = display.money(movement.amount_minor, movement.currency)
    when = display.moment(movement.occurred_at)
    if movement.transaction_type not in (Type.SETTLEMENT, Type.REFUND):
        return _("%(transaction_type)s of %(amount)s on %(when)s, which is what the dispute moved") % {
            "transaction_type": movement.get_transaction_type_display(),
            "amount": amount,
            "when": when,
        }
    sentence = (
        _("%(merchant)s gave back %(amount)s on %(when)s")
        if movement.transaction_type == Type.REFUND
        else _("%(merchant)s took %(amount)s on %(when)s")
    )
    return sentence % {"merchant": movement.merchant_name or _("A merchant"), "amount": amount, "when": when}


def crossing(user: Any) -> tuple[str, ...]:
    """Returns what a page says before a movement is joined: between two cardholders it takes a second person."""
    when = _(
        "What crosses from one cardholder to another takes a second person who approves it, and you cannot be that "
        "person."
    )
    return waits_under_entered(when, user)


def noun_of(movement: CardTransaction) -> str:
    """Returns what a movement is called in a sentence."""
    return {Type.SETTLEMENT: _("capture"), Type.REFUND: _("refund")}.get(Type(movement.transaction_type), _("dispute"))


def _in_words(purchase: Authorization, left_minor: int, movement: CardTransaction) -> str:
    """Returns a purchase as a choice among others."""
    left = display.money(left_minor, purchase.currency)
    merchant = purchase.merchant_name or purchase.issuer_authorization_id
    where = (
        _(" on %(card)s") % {"card": purchase.card}
        if purchase.card is not None and purchase.card_id != movement.card_id
        else ""
    )
    two = _if_two(movement, purchase)
    return _("%(created_at)s, %(merchant)s%(where)s: %(left)s taken and not given back%(two)s") % {
        "created_at": display.moment(purchase.created_at),
        "merchant": merchant,
        "where": where,
        "left": left,
        "two": two,
    }


def _if_two(movement: CardTransaction, purchase: Authorization | None) -> str:
    """Said of a choice that crosses cardholders."""
    if not match_candidates.takes_two(movement, purchase):
        return ""
    whose = (
        _("; it is of %(cardholder)s") % {"cardholder": purchase.card.cardholder}
        if purchase is not None and purchase.card is not None
        else ""
    )
    return _("%(whose)s, which takes a second person") % {"whose": whose}
