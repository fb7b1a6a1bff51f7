"""The page on which staff correct a link: they move a capture or a refund to another purchase."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from issuing.admin.refund_matching import MOST_SHOWN, in_words, what_moved
from issuing.admin.transaction_actions import MovementButtons, page_of, turn_away
from issuing.billing import amount_due
from issuing.clearing import match_correction
from issuing.clearing.manual_matching import LinkRefusedError
from issuing.models import Authorization, CardTransaction
from onecard.kit.confirmation_pages import Act, ReasonForm, SelectWidget, ask, page_action

RELINK = "wrong-link"
NONE = "none"


class RelinkForm(ReasonForm):
    """The right purchase of the card, and how the person knows."""

    purchase = forms.ChoiceField(label="It is of", widget=SelectWidget)
    field_order = ("purchase", "reason")

    def __init__(self, data: Any, movement: CardTransaction) -> None:
        super().__init__(data)
        self.known = {str(each.pk): each for each in match_correction.candidates(movement)[:MOST_SHOWN]}
        left_minor = amount_due.left_minor(self.known.values())
        words = [(key, in_words(each, left_minor[each.pk])) for key, each in self.known.items()]
        if movement.transaction_type == CardTransaction.Type.REFUND:
            words.append((NONE, "None that we have: it is booked by itself, and a case asks for its being paid out"))
        self.fields["purchase"].choices = [("", "Choose one"), *words]  # type: ignore[attr-defined]
        self.fields["purchase"].help_text = "Those of the same merchant first, then the newest."
        self.fields["reason"].help_text = "Who told you. It stands in the audit trail with your name."

    def clean_purchase(self) -> Authorization | None:
        return self.known.get(self.cleaned_data["purchase"])


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
        form = RelinkForm(request.POST if request.method == "POST" else None, movement)
        return _relink(request, movement, form) if form.is_valid() else _ask(request, movement, form)


def _relink(request: HttpRequest, movement: CardTransaction, form: RelinkForm) -> HttpResponse:
    purchase, reason = form.cleaned_data["purchase"], form.cleaned_data["reason"]
    try:
        match_correction.relink(movement=movement, purchase=purchase, reason=reason, actor=f"user:{request.user.pk}")
    except LinkRefusedError as error:
        form.add_error(None, error.message)
        return _ask(request, movement, form)
    messages.success(request, "The link is corrected, and what the cardholder pays for both purchases follows.")
    return redirect(page_of(movement))


def _ask(request: HttpRequest, movement: CardTransaction, form: RelinkForm) -> HttpResponse:
    words = (
        f"{what_moved(movement)}, and it is joined with {movement.authorization}. Say which purchase of the same card "
        "it is of. Two correcting postings move it in the ledger; more is charged or given back for each of the two "
        "purchases as if it had been joined so from the beginning. A purchase can be corrected again, none cannot."
    )
    if not form.fields["purchase"].choices[1:]:  # type: ignore[attr-defined]
        words = f"{words} The card has no other purchase, so there is nothing to choose from."
    act = Act(title="This link is wrong", words=words, button="Correct the link", back=page_of(movement))
    return ask(request, act, form)
