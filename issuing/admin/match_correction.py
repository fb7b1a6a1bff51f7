"""The page on which staff correct a link: a capture or a refund is of another purchase than it is joined with."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from issuing.admin.match_forms import LinkForm, what_moved
from issuing.admin.transaction_actions import MovementButtons, page_of, turn_away
from issuing.clearing import match_correction, match_proposals
from issuing.models import CardTransaction
from onecard.kit.confirmation_pages import Act, ask, page_action
from onecard.kit.errors import OneCardError
from onecard.users.models import User
from wallet.admin.entered_amounts import show_result

RELINK = "wrong-link"
IF_NONE: dict[str, str] = {
    CardTransaction.Type.REFUND: "None that we have: it is booked by itself, and a case asks for its being paid out",
    CardTransaction.Type.SETTLEMENT: "None that we have: it becomes a purchase of its own, and a case asks who pays it",
}


class RelinkButton(MovementButtons):
    """The button “This link is wrong”."""

    @page_action(
        description="This link is wrong", url_path=RELINK, permissions=["complete_movement", "view"], icon="link_off"
    )
    def correct_link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        movement = self.movement(request, object_id)
        why_not = match_correction.why_not(movement)
        if why_not:
            return turn_away(request, movement, why_not)
        data = request.POST if request.method == "POST" else None
        if_none = IF_NONE[movement.transaction_type]
        form = LinkForm(data, movement, match_correction.candidates(movement), if_none=if_none)
        return _relink(request, movement, form) if form.is_valid() else _ask(request, movement, form)


def _relink(request: HttpRequest, movement: CardTransaction, form: LinkForm) -> HttpResponse:
    purchase, reason = form.cleaned_data["purchase"], form.cleaned_data["reason"]
    user = cast("User", request.user)
    try:
        said = match_proposals.say(movement=movement, purchase=purchase, reason=reason, user=user)
    except OneCardError as error:
        form.add_error(None, error.message)
        return _ask(request, movement, form)
    show_result(request, said, done="The link is corrected, and what the cardholder pays for both purchases follows.")
    return redirect(page_of(movement))


def _ask(request: HttpRequest, movement: CardTransaction, form: LinkForm) -> HttpResponse:
    words = (
        f"{what_moved(movement)}, and it is joined with {movement.authorization}. Say which purchase of the same "
        "cardholder it is of. Two correcting postings move it in the ledger; more is charged or given back for each of "
        "the two purchases as if it had been joined so from the beginning. A purchase can be corrected again; that a "
        "refund is of none cannot."
    )
    alongside = [f"{each}" for each in match_correction.followers(movement)]
    if alongside:
        words = f"{words} What names it moves along: {', '.join(alongside)}. Other refunds stay where they are."
    act = Act(title="This link is wrong", words=words, button="Correct the link", back=page_of(movement))
    return ask(request, act, form)
