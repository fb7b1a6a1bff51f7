"""The pages on which staff say which purchase a movement is of, where its issuer did not, or that it is of none."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.admin.match_forms import LinkForm, crossing, noun_of, what_moved
from issuing.admin.transaction_actions import MovementButtons
from issuing.clearing import manual_matching, match_proposals
from issuing.models import CardTransaction
from onecard.kit import display
from onecard.kit.admin import row_or_404
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
from onecard.kit.words import Words
from wallet.admin.second_person import show_result

LINK, OF_NONE = "purchase", "no-purchase"
Type = CardTransaction.Type


class LinkingButtons(MovementButtons):
    """The buttons “Say which purchase it is of” and “It is of no purchase here”."""

    @page_action(
        description=gettext_lazy("Say which purchase it is of"),
        url_path=LINK,
        permissions=["complete_movement", "view"],
        icon="link",
    )
    def say_purchase(self, request: HttpRequest, object_id: str) -> HttpResponse:
        movement = row_or_404(self, request, object_id)
        why_not = manual_matching.why_not(movement)
        if why_not:
            return turn_away(request, why_not, change_page(movement))
        form = LinkForm(posted(request), movement, manual_matching.candidates(movement))
        user: Any = request.user
        done = _("The %(noun_of)s belongs to its purchase now, and what the cardholder pays follows.") % {
            "noun_of": noun_of(movement)
        }
        return ask_or_do(
            request,
            _joining(movement, form, user),
            form,
            partial(match_proposals.say, movement=movement, user=user),
            done=partial(show_result, request, done=done),
            row=movement,
        )

    @page_action(
        description=gettext_lazy("It is of no purchase here"),
        url_path=OF_NONE,
        permissions=["complete_movement", "view"],
        icon="link_off",
    )
    def say_none(self, request: HttpRequest, object_id: str) -> HttpResponse:
        movement = row_or_404(self, request, object_id)
        why_not = manual_matching.why_not_of_none(movement)
        if why_not:
            return turn_away(request, why_not, change_page(movement))
        return ask_or_do(
            request,
            _keeping_apart(movement),
            ReasonForm(posted(request)),
            partial(manual_matching.say_of_none, refund=movement, actor=actor_of(request)),
            done=_ENDED_APART[movement.transaction_type],
            row=movement,
        )


def _joining(movement: CardTransaction, form: LinkForm, user: Any) -> Confirmation:
    amount = display.money(movement.amount_minor, movement.currency)
    why = movement.contradiction or _("It did not say of which purchase.")
    words = f"{what_moved(movement)}. {why} {_what_follows(movement)}"
    if not form.known:
        words = _("%(words)s Nothing was ever captured for this cardholder, so it is of no purchase here.") % {
            "words": words
        }
    return Confirmation(
        title=_("Which purchase %(amount)s is of") % {"amount": amount},
        words=words,
        button=_("Join them"),
        back=change_page(movement),
        needs_fresh_code=True,
        second_person=crossing(user),
    )


def _what_follows(movement: CardTransaction) -> str:
    if movement.transaction_type == Type.SETTLEMENT:
        return _("What the cardholder pays follows at once: more than was paid for the purchase is charged.")
    if movement.transaction_type == Type.REFUND:
        return _(
            "What the cardholder gets back follows at once, and more than the merchant took for the purchase becomes "
            "an overpayment, with a case of its own."
        )
    return _(
        "The dispute, and all else that it moved, is joined with the purchase too, and what is paid follows at once."
    )


def _keeping_apart(movement: CardTransaction) -> Confirmation:
    amount = display.money(movement.amount_minor, movement.currency)
    title = (
        _("%(amount)s was taken for no purchase here")
        if movement.transaction_type == Type.SETTLEMENT
        else _("%(amount)s came back of no purchase here")
    )
    return Confirmation(
        title=title % {"amount": amount},
        words=_("%(what_moved)s. %(if_apart)s It cannot be taken back.")
        % {"what_moved": what_moved(movement), "if_apart": _IF_APART[movement.transaction_type]},
        button=_("Book it by itself"),
        back=change_page(movement),
        needs_fresh_code=True,
    )


_IF_APART: dict[str, Words] = {
    Type.REFUND: gettext_lazy(
        "Say this of a purchase from before our time, or of one that never was. No card is given anything back: the "
        "amount is booked by itself, and a new case asks you to pay it out to the cardholder, which two people book."
    ),
    Type.SETTLEMENT: gettext_lazy(
        "Say this of a purchase that its issuer approved without us and never reported. It becomes a purchase of its "
        "own on the card that it came on. Nobody is charged at once: a new case asks who pays it, and can charge the "
        "funding card that would have been chosen."
    ),
}
_ENDED_APART: dict[str, Words] = {
    Type.REFUND: gettext_lazy("The refund is booked by itself now, and a case asks for its being paid out."),
    Type.SETTLEMENT: gettext_lazy("The capture is a purchase of its own now, and a case asks who pays it."),
}
