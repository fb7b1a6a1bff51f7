"""The buttons on a card's page: activate, freeze, unfreeze, close. Each asks first, then makes one domain call."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from issuing import states
from issuing.cards import service as cards
from issuing.models import CardChange, VirtualCard
from onecard.kit.admin import BaseAdmin, row_of
from onecard.kit.confirmation_pages import Act, ReasonForm, ask, page_action
from onecard.kit.transitions import sources_of

HOLDS_AT_ONCE = (CardChange.Kind.FREEZE, CardChange.Kind.CLOSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardAct:
    """An action on a card: the states that allow it, and how the page asks for it."""

    kind: CardChange.Kind
    call: Callable[..., VirtualCard]
    from_states: tuple[str, ...]
    words: str
    done: str
    with_reason: bool = False
    danger: bool = False


ACTS = {
    "activate": CardAct(
        kind=CardChange.Kind.ACTIVATE,
        call=cards.activate,
        from_states=(states.Card.PENDING,),
        words="The card can be used as soon as the issuer has said yes.",
        done="The card is active.",
    ),
    "freeze": CardAct(
        kind=CardChange.Kind.FREEZE,
        call=cards.freeze,
        from_states=tuple(sources_of(states.CARD_MOVES, states.Card.FROZEN)),
        words="New purchases are declined at once. What was approved before can still be captured.",
        done="The card is frozen, and the issuer knows.",
        with_reason=True,
        danger=True,
    ),
    "unfreeze": CardAct(
        kind=CardChange.Kind.UNFREEZE,
        call=cards.unfreeze,
        from_states=(states.Card.FROZEN,),
        words="The card can be used again as soon as the issuer has said yes.",
        done="The card is active again.",
    ),
    "close": CardAct(
        kind=CardChange.Kind.CLOSE,
        call=cards.close,
        from_states=tuple(sources_of(states.CARD_MOVES, states.Card.CLOSED)),
        words="The card ends for good, at once: it can never be opened again.",
        done="The card is closed, and the issuer knows.",
        with_reason=True,
        danger=True,
    ),
}


PUT_MONEY = "put-money"


class CardActionsAdmin(BaseAdmin):
    """Gives a virtual card's page its buttons; each is shown if the card's state allows it."""

    actions_detail = ("reveal", "put_money", "activate", "freeze", "unfreeze", "close")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """The buttons that this person may press and this card allows."""
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        card = row_of(self, request, object_id)
        status = card.status if card else ""
        return [each for each in allowed if _is_legal(each.path, status)]

    @page_action(description="Activate", url_path="activate", permissions=["change"], icon="check_circle")
    def activate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act_on_card(self, request, object_id, "activate")

    @page_action(description="Freeze", url_path="freeze", permissions=["change"], icon="ac_unit")
    def freeze(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act_on_card(self, request, object_id, "freeze")

    @page_action(description="Unfreeze", url_path="unfreeze", permissions=["change"], icon="sunny")
    def unfreeze(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act_on_card(self, request, object_id, "unfreeze")

    @page_action(description="Close", url_path="close", permissions=["change"], icon="block")
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return act_on_card(self, request, object_id, "close")


def _is_legal(act: str, status: str) -> bool:
    if act == PUT_MONEY:
        return status != states.Card.CLOSED
    return act not in ACTS or status in ACTS[act].from_states


def act_on_card(room: BaseAdmin, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
    """Asks, calls the domain's function, and shows the result."""
    act, card = ACTS[name], card_or_404(room, request, object_id)
    page = page_of(card)
    form = (ReasonForm if act.with_reason else forms.Form)(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            card = act.call(card=card, requested_by=f"user:{request.user.pk}", **form.cleaned_data)
        except cards.CardRefusedError as error:
            messages.error(request, error.message)
        else:
            show_change_result(request, latest_change(card, act.kind), done=act.done)
        return redirect(page)
    title = f"{act.kind.label} {card} of {card.cardholder.name}"
    shown = Act(title=title, words=act.words, button=act.kind.label, back=page, danger=act.danger)
    return ask(request, shown, form)


def latest_change(card: VirtualCard, kind: str) -> CardChange:
    """Returns the change of this kind that was requested last."""
    return CardChange.objects.filter(card=card, kind=kind).latest("pk")


def show_change_result(request: HttpRequest, change: CardChange, *, done: str) -> None:
    """Shows how far the issuer is with a change that it was just asked for."""
    if change.status == states.Change.DONE:
        messages.success(request, done)
    elif change.status == states.Change.REFUSED:
        messages.error(request, f"The issuer refused: {change.failure_message}")
    else:
        why = f" {change.failure_message}" if change.failure_message else ""
        here = " Here it holds already." if change.kind in HOLDS_AT_ONCE else ""
        messages.warning(request, f"Waiting for the issuer; it is asked again by itself.{here}{why}")


def card_or_404(room: BaseAdmin, request: HttpRequest, object_id: str) -> VirtualCard:
    card = room.get_object(request, object_id)
    if not isinstance(card, VirtualCard):
        raise Http404
    return card


def page_of(card: VirtualCard) -> str:
    return reverse("admin:issuing_virtualcard_change", args=[card.pk])
