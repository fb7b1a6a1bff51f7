"""The pages on which staff say which purchase a movement is of, where its issuer did not, or that it is of none."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from issuing.admin.match_forms import LinkForm, noun_of, what_moved
from issuing.admin.transaction_actions import MovementButtons, page_of, turn_away
from issuing.clearing import manual_matching, match_proposals
from issuing.models import CardTransaction
from onecard.kit import display
from onecard.kit.confirmation_pages import Act, ReasonForm, ask, page_action
from onecard.kit.errors import OneCardError
from onecard.users.models import User
from wallet.admin.entered_amounts import show_result

LINK, OF_NONE = "purchase", "no-purchase"
Type = CardTransaction.Type


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
        form = LinkForm(
            request.POST if request.method == "POST" else None, movement, manual_matching.candidates(movement)
        )
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
    user = cast("User", request.user)
    try:
        said = match_proposals.say(movement=movement, purchase=purchase, reason=reason, user=user)
    except OneCardError as error:
        form.add_error(None, error.message)
        return _ask(request, movement, form)
    done = f"The {noun_of(movement)} belongs to its purchase now, and what the cardholder pays follows."
    show_result(request, said, done=done)
    return redirect(page_of(movement))


def _ask(request: HttpRequest, movement: CardTransaction, form: LinkForm) -> HttpResponse:
    amount = display.money(movement.amount_minor, movement.currency)
    why = movement.contradiction or "It did not say of which purchase."
    words = f"{what_moved(movement)}. {why} {_what_follows(movement)}"
    if not form.known:
        words = f"{words} Nothing was ever captured for this cardholder, so it is of no purchase here."
    act = Act(title=f"Which purchase {amount} is of", words=words, button="Join them", back=page_of(movement))
    return ask(request, act, form)


def _what_follows(movement: CardTransaction) -> str:
    if movement.transaction_type == Type.SETTLEMENT:
        return "What the cardholder pays follows at once: more than was paid for the purchase is charged."
    if movement.transaction_type == Type.REFUND:
        return (
            "What the cardholder gets back follows at once, and more than the merchant took for the purchase becomes a "
            "surplus, with a case of its own."
        )
    return "The dispute, and all else that it moved, is joined with the purchase too, and what is paid follows at once."


def _keep_apart(request: HttpRequest, movement: CardTransaction, form: ReasonForm) -> HttpResponse:
    reason, actor = form.cleaned_data["reason"], f"user:{request.user.pk}"
    try:
        manual_matching.say_of_none(refund=movement, reason=reason, actor=actor)
    except OneCardError as error:
        form.add_error(None, error.message)
        return _ask_if_none(request, movement, form)
    messages.success(request, _ENDED_APART[movement.transaction_type])
    return redirect(page_of(movement))


def _ask_if_none(request: HttpRequest, movement: CardTransaction, form: ReasonForm) -> HttpResponse:
    amount = display.money(movement.amount_minor, movement.currency)
    moved = f"{amount} was taken for" if movement.transaction_type == Type.SETTLEMENT else f"{amount} came back of"
    act = Act(
        title=f"{moved} no purchase here",
        words=f"{what_moved(movement)}. {_IF_APART[movement.transaction_type]} It cannot be taken back.",
        button="Book it by itself",
        back=page_of(movement),
    )
    return ask(request, act, form)


_IF_APART: dict[str, str] = {
    Type.REFUND: (
        "Say this of a purchase from before our time, or of one that never was. No card is given anything back: the "
        "amount is booked by itself, and a new case asks you to pay it out to the cardholder, which two people book."
    ),
    Type.SETTLEMENT: (
        "Say this of a purchase that its issuer approved without us and never told of. It becomes a purchase of its "
        "own on the card that it came on. Nobody is charged at once: a new case asks who pays it, and can charge the "
        "funding card that would have been chosen."
    ),
}
_ENDED_APART: dict[str, str] = {
    Type.REFUND: "The refund is booked by itself now, and a case asks for its being paid out.",
    Type.SETTLEMENT: "The capture is a purchase of its own now, and a case asks who pays it.",
}
