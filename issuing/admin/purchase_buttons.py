"""The buttons on a purchase's page. Each asks first, and then makes one domain call."""

from functools import partial
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.admin.dispute_forms import (
    NOTHING_TAKEN,
    DisputeForm,
    dispute_confirmation,
    lead_to_request,
    open_for_holder,
    posted_files,
)
from issuing.billing import position
from issuing.disputes import requests
from issuing.disputes.request_errors import DisputeRefusedError, EvidenceRefusedError, EvidenceUnavailableError
from issuing.models import Authorization
from onecard.kit import display
from onecard.kit.admin import row_of, row_or_404
from onecard.kit.amount_field import AmountField
from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
    turn_away,
)
from onecard.kit.money import Money
from wallet.admin.case_actions import WORKS
from wallet.admin.case_by_hand import OpenCaseAdmin
from wallet.admin.second_person import announced, show_result
from wallet.entered import purchase_refunds
from wallet.entered.amounts import EnteredRefusedError, Kind
from wallet.entered.purchase_refunds import Refundable, RefundRefusedError
from wallet.models import Case

REFUNDS, DISPUTES = "wallet.add_fundingrefund", "issuing.add_disputerequest"


class RefundForm(ReasonForm):
    """How much goes back, and why. `shown_minor` is what the page showed as given back so far."""

    amount = AmountField(label=gettext_lazy("Amount"))
    shown_minor = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    field_order = ("amount", "reason", "shown_minor")

    def __init__(self, data: Any, found: Refundable) -> None:
        super().__init__(data, initial={"shown_minor": found.given_back.minor})
        amount: AmountField = self.fields["amount"]  # type: ignore[assignment]
        amount.of(found.left.currency, hint=_("At most %(left)s.") % {"left": str(found.left)})


class PurchaseButtons(OpenCaseAdmin):
    """Gives a purchase's page its buttons; each is shown where the purchase and the person's permissions allow it."""

    actions_detail = ("charge_chosen", "refund", "open_dispute", "open_case")

    @page_action(description=gettext_lazy("Refund"), url_path="refund", permissions=["refund", "view"], icon="undo")
    def refund(self, request: HttpRequest, object_id: str) -> HttpResponse:
        purchase = row_or_404(self, request, object_id)
        found = purchase_refunds.of_purchase(purchase.reference, purchase.currency)
        if found.why_not:
            return turn_away(request, found.why_not, change_page(purchase))
        user: Any = request.user
        return ask_or_do(
            request,
            _refund_confirmation(purchase, found, user),
            RefundForm(posted(request), found),
            partial(purchase_refunds.refund, purchase=purchase.reference, user=user),
            done=lambda entered: show_result(request, entered, done=_refund_words(found, entered.money)),
            refusals=(RefundRefusedError, EnteredRefusedError),
            row=purchase,
        )

    @page_action(
        description=gettext_lazy("Open a dispute"), url_path="dispute", permissions=["dispute", "view"], icon="gavel"
    )
    def open_dispute(self, request: HttpRequest, object_id: str) -> HttpResponse:
        purchase = row_or_404(self, request, object_id)
        captures = requests.captures_of(purchase)
        if not captures:
            return turn_away(request, str(NOTHING_TAKEN), change_page(purchase))
        return ask_or_do(
            request,
            dispute_confirmation(purchase, captures),
            DisputeForm(posted(request), posted_files(request), captures),
            partial(open_for_holder, purchase, actor_of(request)),
            done=partial(lead_to_request, request),
            refusals=(DisputeRefusedError, EvidenceRefusedError, EvidenceUnavailableError),
            row=purchase,
        )

    @page_action(
        description=gettext_lazy("Charge the card"), url_path="charge", permissions=["charge", "view"], icon="payments"
    )
    def charge_chosen(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Leads to the button of the case that asks for it: a purchase that was approved without us."""
        purchase = row_or_404(self, request, object_id)
        case = _unpaid_case(purchase)
        if case is None:
            why_not = _("No case asks to charge a card for this purchase: what is owed for it was asked for.")
            return turn_away(request, why_not, change_page(purchase))
        return redirect("admin:wallet_case_act", pk=case.pk, name="charge-chosen")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Returns the buttons that this person may press and this purchase allows now."""
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        purchase = row_of(self, request, object_id)
        return [] if purchase is None else [each for each in allowed if _is_possible(each.path, purchase)]

    def has_charge_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm(WORKS)

    def has_refund_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm(REFUNDS)

    def has_dispute_permission(self, request: HttpRequest, *_object: object) -> bool:
        return request.user.has_perm(DISPUTES)


def _is_possible(name: str, purchase: Authorization) -> bool:
    if name == "refund":
        return not purchase_refunds.of_purchase(purchase.reference, purchase.currency).why_not
    if name == "charge":
        return _unpaid_case(purchase) is not None
    if name == "dispute":
        return purchase.card_id is not None and bool(requests.captures_of(purchase))
    return True


def _unpaid_case(purchase: Authorization) -> Case | None:
    asked = Case.objects.filter(kind=Case.Kind.APPROVED_WITHOUT_US, status=Case.Status.OPEN)
    return asked.filter(reference=purchase.reference).first()


def _refund_confirmation(purchase: Authorization, found: Refundable, user: Any) -> Confirmation:
    words = _(
        "The money goes back to the funding cards that paid, the newest charge first, and then to the balance of the "
        "card, at our own cost: the merchant keeps what it took. What the merchant gives back later makes good our "
        "cost first, and only what is more than that goes back as well, so nobody gets the same money twice."
    )
    return Confirmation(
        title=_("Refund %(merchant)s") % {"merchant": purchase.merchant_name or purchase.issuer_authorization_id},
        words=words,
        button=_("Refund"),
        back=change_page(purchase),
        danger=True,
        facts=_refund_facts(purchase, found),
        needs_fresh_code=True,
        second_person=announced(Kind.REFUND, found.left.currency, user),
    )


def _refund_words(found: Refundable, amount: Money) -> str:
    """Returns where each part of a refund goes, once it is made."""
    to_balance = found.for_balance(amount)
    if not to_balance.minor or found.balance is None:
        return _("The refund is on its way; this page shows it under The money.")
    names = {"amount": str(to_balance), "card": found.balance.card}
    if to_balance == amount:
        return _("%(amount)s is back on the balance of %(card)s.") % names
    return (
        _(
            "%(amount)s is back on the balance of %(card)s. The rest is on its way to the funding cards; this page "
            "shows it under The money."
        )
        % names
    )


def _refund_facts(purchase: Authorization, found: Refundable) -> list[tuple[str, object]]:
    """Returns who gets the money, from which charges, and what is not part of it."""
    taken, back = position.moved_minor(purchase)
    currency = purchase.currency
    facts: list[tuple[str, object]] = [(_("Cardholder"), found.cardholder.name)]
    facts += [(str(part.charge.method), _("%(left)s can go back") % {"left": str(part.left)}) for part in found.parts]
    facts += [(str(charge.method), why_not) for charge, why_not in found.left_out]
    if found.balance is not None:
        left = _("%(left)s can go back, after the funding cards") % {"left": str(found.balance.left)}
        name = _("Balance of %(card)s") % {"card": found.balance.card}
        facts.append((name, found.balance.why_not or left))
    facts += [
        (_("Given back so far"), str(found.given_back)),
        (_("The merchant has taken"), display.money(taken, currency)),
        (_("Of that given back by the merchant"), display.money(back, currency)),
    ]
    return facts
