"""The pages on which staff link a refund to a purchase, or mark it as belonging to none."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from issuing.admin.transaction_actions import MovementButtons, page_of, turn_away
from issuing.billing import amount_due
from issuing.clearing import manual_matching
from issuing.models import Authorization, CardTransaction
from onecard.kit import display
from onecard.kit.confirmation_pages import Act, ReasonForm, SelectWidget, ask, page_action

LINK, OF_NONE = "purchase", "no-purchase"
MOST_SHOWN = 100


class LinkForm(ReasonForm):
    """The purchase of the card, and how the person knows."""

    purchase = forms.TypedChoiceField(widget=SelectWidget)
    field_order = ("purchase", "reason")

    def __init__(self, data: Any, movement: CardTransaction) -> None:
        super().__init__(data)
        self.known = {str(each.pk): each for each in manual_matching.candidates(movement)[:MOST_SHOWN]}
        left_minor = amount_due.left_minor(self.known.values())
        words = ((key, in_words(each, left_minor[each.pk])) for key, each in self.known.items())
        self.fields["purchase"].choices = [("", "Choose one"), *words]  # type: ignore[attr-defined]
        self.fields["purchase"].help_text = "Those of the same merchant first, then the newest."
        self.fields["reason"].help_text = "Who told you. It stands in the audit trail with your name."

    def clean_purchase(self) -> Authorization:
        return self.known[self.cleaned_data["purchase"]]


class LinkingButtons(MovementButtons):
    """The buttons “Say which purchase it is of” and “It is of no purchase here”."""

    @page_action(
        description="Say which purchase it is of",
        url_path=LINK,
        permissions=["complete_movement", "view"],
        icon="link",
    )
    def say_purchase(self, request: HttpRequest, object_id: str) -> HttpResponse:
        movement = self.movement(request, object_id)
        why_not = manual_matching.why_not(movement)
        if why_not:
            return turn_away(request, movement, why_not)
        form = LinkForm(request.POST if request.method == "POST" else None, movement)
        return _link(request, movement, form) if form.is_valid() else _ask(request, movement, form)

    @page_action(
        description="It is of no purchase here",
        url_path=OF_NONE,
        permissions=["complete_movement", "view"],
        icon="link_off",
    )
    def say_none(self, request: HttpRequest, object_id: str) -> HttpResponse:
        movement = self.movement(request, object_id)
        why_not = manual_matching.why_not_of_none(movement)
        if why_not:
            return turn_away(request, movement, why_not)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        return _keep_apart(request, movement, form) if form.is_valid() else _ask_if_none(request, movement, form)


def _link(request: HttpRequest, movement: CardTransaction, form: LinkForm) -> HttpResponse:
    purchase, reason = form.cleaned_data["purchase"], form.cleaned_data["reason"]
    try:
        manual_matching.link_by_hand(refund=movement, purchase=purchase, reason=reason, actor=f"user:{request.user.pk}")
    except manual_matching.LinkRefusedError as error:
        form.add_error(None, error.message)
        return _ask(request, movement, form)
    messages.success(request, "The refund belongs to its purchase now, and what the cardholder gets back follows.")
    return redirect(page_of(movement))


def _ask(request: HttpRequest, movement: CardTransaction, form: LinkForm) -> HttpResponse:
    amount = display.money(movement.amount_minor, movement.currency)
    why = movement.contradiction or "It did not say of which purchase."
    words = (
        f"{what_moved(movement)}. {why} What the cardholder gets back follows at "
        "once, and it cannot be said again. More than the merchant took for the purchase becomes a surplus, with a "
        "case of its own."
    )
    if not form.known:
        words = f"{words} Nothing was ever captured on this card, so it is of no purchase here."
    act = Act(
        title=f"Which purchase {amount} came back of",
        words=words,
        button="Join them",
        back=page_of(movement),
    )
    return ask(request, act, form)


def _keep_apart(request: HttpRequest, movement: CardTransaction, form: ReasonForm) -> HttpResponse:
    reason = form.cleaned_data["reason"]
    try:
        manual_matching.say_of_none(refund=movement, reason=reason, actor=f"user:{request.user.pk}")
    except manual_matching.LinkRefusedError as error:
        form.add_error(None, error.message)
        return _ask_if_none(request, movement, form)
    messages.success(request, "The refund is booked by itself now, and a case asks for its being paid out.")
    return redirect(page_of(movement))


def _ask_if_none(request: HttpRequest, movement: CardTransaction, form: ReasonForm) -> HttpResponse:
    amount = display.money(movement.amount_minor, movement.currency)
    words = (
        f"{_who_gave_back(movement)}. Say this of a purchase from before our time, or of one that never was. No card "
        "is given anything back: the amount is booked by itself, and a new case asks you to pay it out to the "
        "cardholder, which two people book. It cannot be taken back."
    )
    act = Act(
        title=f"{amount} came back of no purchase", words=words, button="Book it by itself", back=page_of(movement)
    )
    return ask(request, act, form)


def what_moved(movement: CardTransaction) -> str:
    """Who moved how much, and when."""
    if movement.transaction_type == CardTransaction.Type.REFUND:
        return _who_gave_back(movement)
    amount = display.money(movement.amount_minor, movement.currency)
    return f"{movement.merchant_name or 'A merchant'} took {amount} on {display.moment(movement.occurred_at)}"


def _who_gave_back(movement: CardTransaction) -> str:
    amount = display.money(movement.amount_minor, movement.currency)
    return f"{movement.merchant_name or 'A merchant'} gave back {amount} on {display.moment(movement.occurred_at)}"


def in_words(purchase: Authorization, left_minor: int) -> str:
    """A purchase as one choice of a list."""
    left = display.money(left_minor, purchase.currency)
    merchant = purchase.merchant_name or purchase.issuer_authorization_id
    return f"{display.moment(purchase.created_at)}, {merchant}: {left} taken and not given back"
