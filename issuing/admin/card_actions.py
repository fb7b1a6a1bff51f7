"""The buttons on a card's page: activate, freeze, unfreeze, close. Each asks first, then makes one domain call."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from issuing import states
from issuing.admin.limits import CHANGE_LIMITS
from issuing.admin.replace import REPLACE, REPLACEABLE
from issuing.cards import flags as card_flags
from issuing.cards import holder_rights
from issuing.cards import service as cards
from issuing.models import CardChange, VirtualCard
from onecard.kit.admin import BaseAdmin, row_of, row_or_404
from onecard.kit.confirmation_pages import (
    Confirmation,
    ReasonForm,
    actor_of,
    ask_or_do,
    change_page,
    page_action,
    posted,
)
from onecard.kit.transitions import sources_of
from onecard.kit.words import Words
from wallet.admin.case_by_hand import OpenCaseAdmin
from wallet.admin.identity_buttons import FlagForm, stops
from wallet.states import ComplianceFlag

HOLDS_AT_ONCE = (CardChange.Kind.FREEZE, CardChange.Kind.CLOSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardButton:
    """An action on a card: the states that allow it, and how the page asks for it."""

    kind: CardChange.Kind
    call: Callable[..., VirtualCard]
    from_states: tuple[str, ...]
    words: Words
    done: Words
    with_reason: bool = False
    danger: bool = False


BUTTONS = {
    "activate": CardButton(
        kind=CardChange.Kind.ACTIVATE,
        call=cards.activate,
        from_states=(states.Card.PENDING,),
        words=gettext_lazy("The card can be used as soon as the issuer has said yes."),
        done=gettext_lazy("The card is active."),
    ),
    "freeze": CardButton(
        kind=CardChange.Kind.FREEZE,
        call=cards.freeze,
        from_states=tuple(sources_of(states.CARD_MOVES, states.Card.FROZEN)),
        words=gettext_lazy("New purchases are declined at once. What was approved before can still be captured."),
        done=gettext_lazy("The card is frozen, and the issuer knows."),
        with_reason=True,
        danger=True,
    ),
    "unfreeze": CardButton(
        kind=CardChange.Kind.UNFREEZE,
        call=cards.unfreeze,
        from_states=(states.Card.FROZEN,),
        words=gettext_lazy("The card can be used again as soon as the issuer has said yes."),
        done=gettext_lazy("The card is active again."),
    ),
    "close": CardButton(
        kind=CardChange.Kind.CLOSE,
        call=cards.close,
        from_states=tuple(sources_of(states.CARD_MOVES, states.Card.CLOSED)),
        words=gettext_lazy("The card ends for good, at once: it can never be opened again."),
        done=gettext_lazy("The card is closed, and the issuer knows."),
        with_reason=True,
        danger=True,
    ),
}


PUT_MONEY, CLEAR_FLAG = "put-money", "clear-flag"


class CardActionsAdmin(OpenCaseAdmin):
    """Gives a virtual card's page its buttons; each is shown if the card's state allows it."""

    actions_detail = (
        "reveal",
        "change_limits",
        "put_money",
        "activate",
        "freeze",
        "unfreeze",
        "replace_card",
        "close",
        "set_flag",
        "clear_flag",
        "open_case",
    )

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Returns the buttons that this person may press and this card allows."""
        allowed: list[Any] = super().get_actions_detail(request, object_id)  # type: ignore[misc]
        card = row_of(self, request, object_id)
        if card is None:
            return allowed
        legal = [each for each in allowed if _is_legal(each.path, card)]
        return [each for each in legal if card_flags.flags_of(card) or each.path != CLEAR_FLAG]

    @page_action(description=gettext_lazy("Activate"), url_path="activate", permissions=["change"], icon="check_circle")
    def activate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return press_button(self, request, object_id, "activate")

    @page_action(description=gettext_lazy("Freeze"), url_path="freeze", permissions=["change"], icon="ac_unit")
    def freeze(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return press_button(self, request, object_id, "freeze")

    @page_action(description=gettext_lazy("Unfreeze"), url_path="unfreeze", permissions=["change"], icon="sunny")
    def unfreeze(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return press_button(self, request, object_id, "unfreeze")

    @page_action(description=gettext_lazy("Close"), url_path="close", permissions=["change"], icon="block")
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return press_button(self, request, object_id, "close")

    @page_action(description=gettext_lazy("Set a flag"), url_path="set-flag", permissions=["change"], icon="flag")
    def set_flag(self, request: HttpRequest, object_id: str) -> HttpResponse:
        card: VirtualCard = row_or_404(self, request, object_id)
        free = [flag for flag in ComplianceFlag.values if flag not in card_flags.flags_of(card)]
        return _change_flag(request, card, free, card_flags.set_flag, _("Set a flag"))

    @page_action(
        description=gettext_lazy("Clear a flag"), url_path=CLEAR_FLAG, permissions=["change"], icon="outlined_flag"
    )
    def clear_flag(self, request: HttpRequest, object_id: str) -> HttpResponse:
        card: VirtualCard = row_or_404(self, request, object_id)
        return _change_flag(request, card, card_flags.flags_of(card), card_flags.clear_flag, _("Clear a flag"))


def _change_flag(
    request: HttpRequest, card: VirtualCard, flags: list[str], call: Callable[..., VirtualCard], button: str
) -> HttpResponse:
    title = _("%(button)s: %(card)s of %(name)s") % {"button": button, "card": card, "name": card.cardholder.name}
    confirmation = Confirmation(title=title, words=stops(), button=button, back=change_page(card), danger=True)
    return ask_or_do(
        request,
        confirmation,
        FlagForm(posted(request), flags=flags),
        partial(call, card=card, requested_by=actor_of(request)),
        done=_("Done. The next purchase is decided with it."),
        refusals=(cards.CardRefusedError,),
        row=card,
    )


def _is_legal(name: str, card: VirtualCard) -> bool:
    if name == REPLACE:
        return card.status in REPLACEABLE
    if name in (PUT_MONEY, CHANGE_LIMITS):
        return card.status != states.Card.CLOSED
    if name == "freeze" and holder_rights.stopped_by(card) == states.Stopper.HOLDER:
        return True
    return name not in BUTTONS or card.status in BUTTONS[name].from_states


def press_button(model_admin: BaseAdmin, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
    """Asks, calls the domain's function, and shows the result."""
    action, card = BUTTONS[name], row_or_404(model_admin, request, object_id)
    confirmation = Confirmation(
        title=_("%(button)s: %(card)s of %(name)s")
        % {"button": action.kind.label, "card": card, "name": card.cardholder.name},
        words=action.words,
        button=action.kind.label,
        back=change_page(card),
        danger=action.danger,
    )
    return ask_or_do(
        request,
        confirmation,
        (ReasonForm if action.with_reason else forms.Form)(posted(request)),
        partial(action.call, card=card, requested_by=actor_of(request)),
        done=lambda kept: show_change_result(request, latest_change(kept, action.kind), done=str(action.done)),
        refusals=(cards.CardRefusedError,),
        row=card,
    )


def latest_change(card: VirtualCard, kind: str) -> CardChange:
    """Returns the change of this kind that was requested last."""
    return CardChange.objects.filter(card=card, kind=kind).latest("pk")


def show_change_result(request: HttpRequest, change: CardChange, *, done: str) -> None:
    """Shows how far the issuer is with a change that it was just asked for."""
    if change.status == states.Change.DONE:
        messages.success(request, done)
    elif change.status == states.Change.REFUSED:
        messages.error(
            request, _("The issuer refused: %(failure_message)s") % {"failure_message": change.failure_message}
        )
    else:
        why = f" {change.failure_message}" if change.failure_message else ""
        here = _(" Here it holds already.") if change.kind in HOLDS_AT_ONCE else ""
        messages.warning(
            request,
            _("Waiting for the issuer; it is asked again by itself.%(here)s%(why)s") % {"here": here, "why": why},
        )
