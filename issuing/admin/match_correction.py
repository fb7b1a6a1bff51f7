"""The page on which staff correct a link: a capture or a refund is of another purchase than it is joined with."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing.admin.match_forms import LinkForm, crossing, what_moved
from issuing.admin.transaction_actions import MovementButtons
from issuing.clearing import match_correction, match_proposals
from issuing.models import CardTransaction
from onecard.kit.admin import row_or_404
from onecard.kit.confirmation_pages import Confirmation, ask_or_do, change_page, page_action, posted, turn_away
from onecard.kit.words import Words
from wallet.admin.second_person import show_result

RELINK = "wrong-link"
IF_NONE: dict[str, Words] = {
    CardTransaction.Type.REFUND: gettext_lazy(
        "None that we have: it is booked by itself, and a case asks for its being paid out"
    ),
    CardTransaction.Type.SETTLEMENT: gettext_lazy(
        "None that we have: it becomes a purchase of its own, and a case asks who pays it"
    ),
}


class RelinkButton(MovementButtons):
    """The button “This link is wrong”."""

    @page_action(
        description=gettext_lazy("This link is wrong"),
        url_path=RELINK,
        permissions=["complete_movement", "view"],
        icon="link_off",
    )
    def correct_link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        movement = row_or_404(self, request, object_id)
        why_not = match_correction.why_not(movement)
        if why_not:
            return turn_away(request, why_not, change_page(movement))
        if_none = IF_NONE[movement.transaction_type]
        user: Any = request.user
        done = _("The link is corrected, and what the cardholder pays for both purchases follows.")
        return ask_or_do(
            request,
            _confirmation(movement, user),
            LinkForm(posted(request), movement, match_correction.candidates(movement), if_none=str(if_none)),
            partial(match_proposals.say, movement=movement, user=user),
            done=partial(show_result, request, done=done),
            row=movement,
        )


def _confirmation(movement: CardTransaction, user: Any) -> Confirmation:
    words = _(
        "%(what_moved)s, and it is joined with %(authorization)s. Say which purchase of the same "
        "cardholder it is of. Two correcting postings move it in the ledger; more is charged or "
        "given back for each of the two purchases as if it had been joined so from the "
        "beginning. A purchase can be corrected again; that a refund is of none cannot."
    ) % {"what_moved": what_moved(movement), "authorization": movement.authorization}
    alongside = [f"{each}" for each in match_correction.followers(movement)]
    if alongside:
        words = _("%(words)s What names it moves along: %(join)s. Other refunds stay where they are.") % {
            "words": words,
            "join": ", ".join(alongside),
        }
    return Confirmation(
        title=_("This link is wrong"),
        words=words,
        button=_("Correct the link"),
        back=change_page(movement),
        needs_fresh_code=True,
        second_person=crossing(user),
    )
